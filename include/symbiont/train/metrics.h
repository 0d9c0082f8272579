#pragma once
/// What a plain command says of its training: one line per epoch, in the words of the command.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"

namespace symbiont::train {

inline constexpr std::size_t kMaxMetricLine = 64 << 10;  ///< bytes; a longer line is not understood

/// A line of the command: an epoch is complete. The number is the command's own.
struct EpochReport {
  std::int64_t epoch = 0;
  double metric = 0.0;  ///< NaN when it is not finite

  friend bool operator==(const EpochReport&, const EpochReport&) = default;
};

/// How reports are told from other lines, and where they are looked for. Immutable, thread-safe.
///
///   jsonl:FILE      lines of FILE, a path below SYMBIONT_OUTPUT, each a JSON object with the keys
///                   `epoch` and the metric's name
///   jsonl:-         the same, among the lines that the command prints
///   regex:PATTERN   lines that the command prints in which PATTERN (RE2) matches; its groups
///                   `epoch` and `metric` are the numbers
class MetricsFormat {
 public:
  /// `metric`: the key that jsonl looks for. kInvalidArgument saying what was found and expected.
  static Result<MetricsFormat> parse(std::string_view text, std::string metric);

  MetricsFormat(MetricsFormat&&) noexcept;
  MetricsFormat& operator=(MetricsFormat&&) noexcept;
  ~MetricsFormat();

  /// Below SYMBIONT_OUTPUT; empty: the command's output is read.
  const std::filesystem::path& file() const { return file_; }

  /// What a line reports; nothing when it is about something else. kInvalidArgument when it should
  /// have been a report and cannot be understood. Any bytes may come.
  Result<std::optional<EpochReport>> read(std::string_view line) const;

 private:
  class Pattern;

  MetricsFormat(std::string metric, std::filesystem::path file, std::unique_ptr<Pattern> pattern);
  Result<std::optional<EpochReport>> read_json(std::string_view line) const;

  std::string metric_;
  std::filesystem::path file_;
  std::unique_ptr<Pattern> pattern_;  // absent: JSON lines
};

/// Cuts a stream of bytes into lines; a carriage return ends one as well (progress bars). Bounded.
class LineSplitter {
 public:
  /// A line, without its end; absent: a line that was longer than kMaxMetricLine.
  using Taker = std::function<void(std::optional<std::string_view> line)>;

  void feed(std::string_view bytes, const Taker& take);
  /// Takes the last line, which nothing ends.
  void finish(const Taker& take);
  /// Forgets the line begun.
  void clear();

 private:
  void append(std::string_view piece);

  std::string begun_;
  bool too_long_ = false;  // and is skipped
};

/// Numbers the reports of one process of a command: epochs count from 1 over the whole attempt,
/// whatever the command counts from and wherever it goes on.
class EpochSequence {
 public:
  /// `first`: the number of the command's first epoch, 0 or 1. `recorded`: epochs of the attempt
  /// that are known already: the process may start again before them, never after.
  EpochSequence(std::int64_t first, std::int64_t recorded) : first_(first), recorded_(recorded) {}

  /// The epoch's index; nothing for one that was reported already. kOutOfRange when epochs between
  /// were left out or it counts from another number.
  Result<std::optional<std::int64_t>> index_of(std::int64_t reported);

  /// Whether the first report was refused because epochs are missing before it.
  bool is_ahead() const { return ahead_; }

 private:
  std::int64_t first_;
  std::int64_t recorded_;
  std::int64_t last_ = 0;  // 0: none yet
  bool ahead_ = false;
};

}  // namespace symbiont::train
