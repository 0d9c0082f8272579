#pragma once
/// Energy out of a gauge that says how much power is drawn now.
///
/// Between two good samples energy is the trapezoid under them. Power may have done anything
/// between the two values, so half their difference over that time is the uncertainty of the
/// interval.
///   failed read       skipped; so is a reading below 0 or above `believable`
///   time not later    ignored
///   hole              more than 5 periods between good samples: not bridged. Nothing is counted,
///   the
///                     time is `missing`, and the most that can have been drawn is its uncertainty
///   hold              counts the last power on until now, for a gauge too slow to be asked at
///   every
///                     reading; the next sample says by how much that may have been wrong

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "symbiont/base/units.h"

namespace symbiont::energy {

/// What is known of a gauge.
struct GaugeLimits {
  std::chrono::nanoseconds period{0};  ///< how often it is meant to be sampled, above 0
  Watts max_power{1000.0};             ///< the most that it can show for long
  Watts believable{1e6};               ///< a reading above is nonsense
};

/// Samples in, energy out. A value without clock or I/O. Not thread-safe.
class GaugeIntegral {
 public:
  explicit GaugeIntegral(GaugeLimits limits) : limits_(limits) {}

  /// A reading at `time` on a monotonic clock; nothing when the read failed. The first good one is
  /// where counting starts.
  void sample(std::chrono::nanoseconds time, std::optional<Watts> power);
  /// Counts on at the last power until `time`, unless that is a hole's width after the last sample.
  void hold(std::chrono::nanoseconds time);
  /// Whether the last good sample is recent enough at `time` to speak of now.
  bool is_current(std::chrono::nanoseconds time) const;

  /// Energy since the first good sample. Never decreases.
  std::int64_t total_uj() const;
  /// The same as it was at `time`: evenly between the two nearest of the last 1000 samples and
  /// holds; outside of them the first or the last.
  std::int64_t total_uj_at(std::chrono::nanoseconds time) const;
  /// Half-width of the interval around it. Never decreases.
  std::int64_t uncertainty_uj() const;
  /// Time that is in no sum, because the gauge could not be read.
  std::chrono::nanoseconds missing() const { return missing_; }

 private:
  struct Sample {
    std::chrono::nanoseconds time;
    Watts power;
  };
  std::chrono::nanoseconds longest_bridge() const { return 5 * limits_.period; }
  /// What was counted up to a time.
  struct Point {
    std::chrono::nanoseconds time;
    Joules total;
  };
  bool is_good(Watts power) const;
  void count_until(std::chrono::nanoseconds time);

  GaugeLimits limits_;
  std::optional<Sample> previous_;
  std::chrono::nanoseconds counted_until_{0};  // later than the sample after a hold
  std::deque<Point> points_;                   // the latest is at counted_until_
  Joules total_;
  Joules uncertainty_;
  std::chrono::nanoseconds missing_{0};
};

}  // namespace symbiont::energy
