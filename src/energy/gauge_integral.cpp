#include "symbiont/energy/gauge_integral.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::size_t kRemembered = 1000;

std::int64_t whole_microjoules(Joules energy) {
  return std::llround(energy.value() * 1e6);
}

Watts distance(Watts a, Watts b) {
  return a < b ? b - a : a - b;
}

}  // namespace

bool GaugeIntegral::is_good(Watts power) const {
  return power >= Watts(0.0) && power <= limits_.believable;  // false for no number at all
}

bool GaugeIntegral::is_current(nanoseconds time) const {
  return previous_ && time - previous_->time <= longest_bridge();
}

void GaugeIntegral::sample(nanoseconds time, std::optional<Watts> power) {
  if (!power || !is_good(*power)) return;
  const Sample now{time, *power};
  if (!previous_) {
    previous_ = now;
    count_until(time);
    return;
  }
  if (time <= previous_->time || time < counted_until_) return;
  const Seconds held = to_seconds(counted_until_ - previous_->time);
  const Seconds rest = to_seconds(time - counted_until_);
  const Watts change = distance(now.power, previous_->power);
  uncertainty_ += change * held;
  if (is_current(time)) {
    total_ += 0.5 * (previous_->power + now.power) * rest;
    uncertainty_ += 0.5 * change * rest;
  } else {
    missing_ += time - counted_until_;
    uncertainty_ += limits_.max_power * rest;
  }
  previous_ = now;
  count_until(time);
}

void GaugeIntegral::hold(nanoseconds time) {
  if (!is_current(time) || time <= counted_until_) return;
  total_ += previous_->power * to_seconds(time - counted_until_);
  count_until(time);
}

void GaugeIntegral::count_until(nanoseconds time) {
  counted_until_ = time;
  points_.push_back({time, total_});
  if (points_.size() > kRemembered) points_.pop_front();
}

std::int64_t GaugeIntegral::total_uj_at(nanoseconds time) const {
  const auto after =
      std::lower_bound(points_.begin(), points_.end(), time,
                       [](const Point& point, nanoseconds t) { return point.time < t; });
  if (after == points_.end()) return total_uj();
  if (after == points_.begin()) return whole_microjoules(after->total);
  const Point& before = *std::prev(after);
  const double part = to_seconds(time - before.time) / to_seconds(after->time - before.time);
  return whole_microjoules(before.total + part * (after->total - before.total));
}

std::int64_t GaugeIntegral::total_uj() const {
  return whole_microjoules(total_);
}

std::int64_t GaugeIntegral::uncertainty_uj() const {
  return whole_microjoules(uncertainty_);
}

}  // namespace symbiont::energy
