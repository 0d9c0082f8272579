#pragma once
/// Time as an interface, so that tests and replays own it.

#include <chrono>

namespace symbiont {

/// A moment of civil time, UTC. For labels and carbon intensity; never for durations.
using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

/// A source of time. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  /// Monotonic time since an arbitrary start. Never steps; differences are durations.
  virtual std::chrono::nanoseconds now() const = 0;

  /// Civil time. May step when the machine's clock is set.
  virtual WallTime wall_now() const = 0;
};

/// CLOCK_MONOTONIC and CLOCK_REALTIME.
class SystemClock final : public Clock {
 public:
  std::chrono::nanoseconds now() const override;
  WallTime wall_now() const override;
};

/// The process-wide system clock, for callers that were given none.
Clock& system_clock();

/// A clock that moves when told to. Not thread-safe while `advance` runs.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime wall_start = WallTime{}) : wall_(wall_start) {}

  std::chrono::nanoseconds now() const override { return monotonic_; }
  WallTime wall_now() const override { return wall_; }

  void advance(std::chrono::nanoseconds duration) {
    monotonic_ += duration;
    wall_ += duration;
  }

 private:
  std::chrono::nanoseconds monotonic_{0};
  WallTime wall_;
};

}  // namespace symbiont
