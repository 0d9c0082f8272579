#pragma once
/// Energy out of a hardware counter that wraps, resets and sometimes cannot be read.
///
/// The counter holds microjoules in [0, range]. An interval dt can have used at most
/// cap = max_power * (dt + slack); that bound tells a wrap from a reset and both from nonsense:
///   failed read          skipped; the next good interval spans the hole and is flagged kGap
///   dt = 0, same value   kDuplicate: ignored
///   dt <= 0 otherwise    kBadTime: a rise is kept, power is undefined
///   rise                 the difference; above cap: kImplausible, set aside in `suspect_uj`
///   fall                 range - before + after if at most cap: kWrap; else the new value if at
///                        most cap: kReset (driver reload, kexec); else kUncorrectable: nothing.
///                        With an unknown range (0): kUncorrectable, or kReset by the same bound
///                        where it is known that the counter cannot wrap
///   room for k more      kAmbiguous and k: the interval was too long for the range
/// kReset, kUncorrectable and kImplausible leave a hole: energy that was used and is in no sum.
/// Nothing is guessed for it. `uncertainty_uj` grows by what the interval can have used at the last
/// known power, that of the last interval without a hole in which the counter rose; at max_power if
/// there was none. The hole is one-sided: the truth is the total or above, never below.
/// A hold says that a total was told although the counter could not be read: what it may lack, at
/// the last known power, is added to `uncertainty_uj`, and so is what of the interval that closes
/// the gap was used before the hold, for a window may have begun there.
/// A wrap is taken as `range` although the hardware's modulus may be one unit more: at most one
/// unit (61 uJ) is lost per wrap.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "symbiont/base/units.h"

namespace symbiont::energy {

/// What was noticed about an interval. Bits of `CounterInterval::flags`.
enum CounterFlag : unsigned {
  kGap = 1u << 0,
  kDuplicate = 1u << 1,
  kBadTime = 1u << 2,
  kImplausible = 1u << 3,
  kWrap = 1u << 4,
  kReset = 1u << 5,
  kUncorrectable = 1u << 6,
  kAmbiguous = 1u << 7,
};

/// What happened between two good samples.
struct CounterInterval {
  std::chrono::nanoseconds begin{0};
  std::chrono::nanoseconds end{0};
  std::int64_t delta_uj = 0;  ///< never negative
  unsigned flags = 0;
  std::int64_t max_extra_wraps = 0;  ///< wraps that may hide in it beside the one counted

  bool has(CounterFlag flag) const { return (flags & flag) != 0; }
  /// Mean power; nothing below 10 ms, where the division is an artefact.
  std::optional<Watts> power() const;
};

/// What is known of a counter.
struct CounterLimits {
  std::int64_t range_uj = 0;  ///< max_energy_range_uj; 0: unknown
  Watts max_power{1000.0};    ///< generous: energy above it is not believed
  /// How far a reading may lag behind: the counter moves in steps of its own.
  std::chrono::nanoseconds slack{0};
  /// Of a counter without a range: it is so wide that a fall can only be a new start at zero.
  bool falls_are_resets = false;
};

/// What a person should know about an interval: energy that may be missing from it. Empty when
/// there is nothing.
std::string_view describe_doubt(const CounterInterval& interval);

/// Samples in, energy out. A value without clock or I/O. Not thread-safe.
class RaplCounter {
 public:
  explicit RaplCounter(CounterLimits limits) : limits_(limits) {}

  /// A reading at `time` on a monotonic clock; nothing when the read failed. The first good one is
  /// where counting starts. Returns the interval that it closes, if any.
  std::optional<CounterInterval> sample(std::chrono::nanoseconds time,
                                        std::optional<std::int64_t> value_uj);

  /// The total is asked for at `time`, in a gap.
  void hold(std::chrono::nanoseconds time);
  /// Whether the last good sample is at most `age` old at `time`.
  bool has_sample_within(std::chrono::nanoseconds age, std::chrono::nanoseconds time) const;

  /// Energy since the first good sample. Never decreases.
  std::int64_t total_uj() const { return total_uj_; }
  /// Energy that was seen and not believed.
  std::int64_t suspect_uj() const { return suspect_uj_; }
  /// By how much the total may be off, because of holes and holds. Never decreases.
  std::int64_t uncertainty_uj() const { return uncertainty_uj_; }

  /// The longest time between samples that hides no wrap: half of range / max_power. Nothing when
  /// the range is unknown.
  std::optional<std::chrono::nanoseconds> sampling_period() const;

 private:
  struct Sample {
    std::chrono::nanoseconds time;
    std::int64_t value_uj;
  };
  double cap_uj(std::chrono::nanoseconds duration) const;
  void close_backwards(CounterInterval& interval, const Sample& sample);
  void add_rise(CounterInterval& interval, std::int64_t rise_uj, double cap);
  void add_fall(CounterInterval& interval, std::int64_t value_uj, double cap) const;
  void count_hidden_wraps(CounterInterval& interval, double cap) const;
  void weigh(const CounterInterval& interval);
  std::int64_t expected_uj(std::chrono::nanoseconds duration) const;

  CounterLimits limits_;
  std::optional<Sample> previous_;
  bool gap_ = false;
  std::int64_t total_uj_ = 0;
  std::int64_t suspect_uj_ = 0;
  std::optional<Watts> power_;  // the last known
  std::int64_t uncertainty_uj_ = 0;
  std::chrono::nanoseconds held_until_{0};
};

}  // namespace symbiont::energy
