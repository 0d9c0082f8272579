#pragma once
/// How long to wait for an answer, from how long such answers took.

#include <algorithm>
#include <chrono>
#include <optional>

namespace symbiont::train {

/// The deadline of one kind of answer: `first` until one came, then ten times the longest so far,
/// at least `least`.
class Patience {
 public:
  using Duration = std::chrono::nanoseconds;

  Patience(Duration first, Duration least) : first_(first), least_(least) {}

  Duration allowance() const { return longest_ ? std::max(least_, kFactor * *longest_) : first_; }
  void learn(Duration took) { longest_ = std::max(longest_.value_or(Duration(0)), took); }

 private:
  static constexpr int kFactor = 10;

  Duration first_;
  Duration least_;
  std::optional<Duration> longest_;
};

}  // namespace symbiont::train
