#pragma once
/// A regular expression with the groups `epoch` and `metric`. The library behind it is included in
/// one source file.

#include <memory>
#include <optional>
#include <string_view>

#include "symbiont/base/error.h"

namespace symbiont::train {

/// Immutable, thread-safe; matching takes time linear in the line, whatever the pattern.
class MetricsPattern {
 public:
  /// What the two groups matched: views of the line.
  struct Match {
    std::string_view epoch;
    std::string_view metric;
  };

  /// kInvalidArgument when it is no expression of RE2 or lacks one of the groups.
  static Result<MetricsPattern> compile(std::string_view pattern);

  MetricsPattern(MetricsPattern&&) noexcept;
  MetricsPattern& operator=(MetricsPattern&&) noexcept;
  ~MetricsPattern();

  /// The first match anywhere in the line, if there is one.
  std::optional<Match> find(std::string_view line) const;

 private:
  struct State;
  explicit MetricsPattern(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::train
