#pragma once
/// How long to wait for an answer, from how long such answers took.

#include <algorithm>
#include <chrono>

namespace symbiont::train {

/// The deadline of one kind of answer: `first` until one came, then ten times the longest so far,
/// at least `least`.
class Patience {
 public:
  using Duration = std::chrono::nanoseconds;

  Patience(Duration first, Duration least) : first_(first), least_(least) {}

  Duration allowance() const {
    return longest_ > Duration(0) ? std::max(least_, kFactor * longest_) : first_;
  }
  void learn(Duration took) { longest_ = std::max(longest_, took); }

 private:
  static constexpr int kFactor = 10;

  Duration first_;
  Duration least_;
  Duration longest_{0};  // zero: no answer yet
};

}  // namespace symbiont::train
