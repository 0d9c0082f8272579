#include "symbiont/energy/rapl_counter.h"

#include <algorithm>
#include <cmath>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kShortestForPower{10};

}  // namespace

std::optional<Watts> CounterInterval::power() const {
  if (end - begin < kShortestForPower) return std::nullopt;
  return Joules(static_cast<double>(delta_uj) * 1e-6) / to_seconds(end - begin);
}

std::string_view describe_doubt(const CounterInterval& interval) {
  if (interval.has(kImplausible)) {
    return "the counter jumped by more than the machine can draw; the jump is not counted";
  }
  if (interval.has(kUncorrectable)) {
    return "the counter fell and cannot have wrapped; what was used since the reading before is "
           "not counted";
  }
  if (interval.has(kReset)) {
    return "the counter was reset; what was used between the reading before and the reset is not "
           "counted";
  }
  if (interval.has(kAmbiguous)) {
    return "the counter was read too rarely and may have wrapped unseen";
  }
  return {};
}

// Microwatts times seconds. Doubles hold whole microjoules exactly up to 9e15 (285 years at 1 kW).
double RaplCounter::cap_uj(nanoseconds duration) const {
  return limits_.max_power.value() * static_cast<double>((duration + limits_.slack).count()) * 1e-3;
}

std::optional<nanoseconds> RaplCounter::sampling_period() const {
  if (limits_.range_uj <= 0) return std::nullopt;
  const double seconds = 0.5e-6 * static_cast<double>(limits_.range_uj) / limits_.max_power.value();
  return nanoseconds(static_cast<std::int64_t>(std::min(seconds, 1e9) * 1e9));
}

std::optional<CounterInterval> RaplCounter::sample(nanoseconds time,
                                                   std::optional<std::int64_t> value_uj) {
  if (!value_uj || *value_uj < 0) {
    gap_ = previous_.has_value();
    return std::nullopt;
  }
  const Sample now{time, *value_uj};
  if (!previous_) {
    previous_ = now;
    return std::nullopt;
  }
  CounterInterval interval{.begin = previous_->time, .end = time};
  if (time == previous_->time && now.value_uj == previous_->value_uj) {
    interval.flags = kDuplicate;
    return interval;
  }
  if (gap_) interval.flags |= kGap;
  gap_ = false;
  if (time <= previous_->time) {
    close_backwards(interval, now);
    return interval;
  }
  const double cap = cap_uj(time - previous_->time);
  if (now.value_uj >= previous_->value_uj) {
    add_rise(interval, now.value_uj - previous_->value_uj, cap);
  } else {
    add_fall(interval, now.value_uj, cap);
  }
  count_hidden_wraps(interval, cap);
  weigh(interval);
  total_uj_ += interval.delta_uj;
  previous_ = now;
  return interval;
}

// A sample that arrives late may be older than the one before: only what rose above it is new, and
// neither time nor value goes back, or the same energy would be counted again.
void RaplCounter::close_backwards(CounterInterval& interval, const Sample& sample) {
  interval.flags |= kBadTime;
  if (sample.value_uj <= previous_->value_uj) return;
  interval.delta_uj = sample.value_uj - previous_->value_uj;
  total_uj_ += interval.delta_uj;
  previous_->value_uj = sample.value_uj;
}

void RaplCounter::add_rise(CounterInterval& interval, std::int64_t rise_uj, double cap) {
  if (static_cast<double>(rise_uj) <= cap) {
    interval.delta_uj = rise_uj;
    return;
  }
  interval.flags |= kImplausible;
  suspect_uj_ += rise_uj;
}

void RaplCounter::add_fall(CounterInterval& interval, std::int64_t value_uj, double cap) const {
  const bool can_wrap = limits_.range_uj > 0;
  const std::int64_t wrapped_uj = limits_.range_uj - previous_->value_uj + value_uj;
  if (!can_wrap && !limits_.falls_are_resets) {
    interval.flags |= kUncorrectable;
  } else if (can_wrap && wrapped_uj >= 0 && static_cast<double>(wrapped_uj) <= cap) {
    interval.flags |= kWrap;
    interval.delta_uj = wrapped_uj;
  } else if (static_cast<double>(value_uj) <= cap) {
    interval.flags |= kReset;
    interval.delta_uj = value_uj;
  } else {
    interval.flags |= kUncorrectable;
  }
}

std::int64_t RaplCounter::expected_uj(nanoseconds duration) const {
  const Joules energy = power_.value_or(limits_.max_power) * to_seconds(duration);
  return std::llround(energy.value() * 1e6);
}

bool RaplCounter::has_sample_within(nanoseconds age, nanoseconds time) const {
  return previous_ && time - previous_->time <= age;
}

void RaplCounter::hold(nanoseconds time) {
  if (!previous_) return;
  const nanoseconds from = std::max(previous_->time, held_until_);
  if (time <= from) return;
  uncertainty_uj_ += expected_uj(time - from);
  held_until_ = time;
}

void RaplCounter::weigh(const CounterInterval& interval) {
  const nanoseconds duration = interval.end - interval.begin;
  if (held_until_ > interval.begin) {
    const double part = to_seconds(held_until_ - interval.begin) / to_seconds(duration);
    uncertainty_uj_ += std::llround(std::min(part, 1.0) * static_cast<double>(interval.delta_uj));
  }
  if (interval.has(kReset) || interval.has(kUncorrectable) || interval.has(kImplausible)) {
    uncertainty_uj_ += expected_uj(duration);
  } else if (interval.delta_uj > 0 && duration >= limits_.slack) {
    const auto power = interval.power();
    if (power) power_ = power;
  }
}

void RaplCounter::count_hidden_wraps(CounterInterval& interval, double cap) const {
  if (limits_.range_uj <= 0) return;
  const double room = cap - static_cast<double>(interval.delta_uj);
  interval.max_extra_wraps =
      static_cast<std::int64_t>(std::floor(room / static_cast<double>(limits_.range_uj)));
  if (interval.max_extra_wraps >= 1) interval.flags |= kAmbiguous;
}

}  // namespace symbiont::energy
