#include "symbiont/tune/power_limit.h"

#include <utility>

#include "symbiont/base/error.h"
#include "symbiont/tune/cost.h"

namespace symbiont::tune {

Usage epoch_usage(const PowerPoint& point) {
  return {point.average_power * point.time_per_epoch, point.time_per_epoch};
}

Joules epoch_cost(const PowerPoint& point, double eta, Watts max_power) {
  const Usage usage = epoch_usage(point);
  return cost(usage.energy, usage.time, eta, max_power);
}

const PowerPoint& cheapest_power_limit(std::span<const PowerPoint> points, double eta,
                                       Watts max_power) {
  SYM_CHECK(!points.empty());
  const auto rank = [&](const PowerPoint& point) {
    return std::pair(epoch_cost(point, eta, max_power), point.power_limit_w);
  };
  const PowerPoint* best = &points.front();
  for (const PowerPoint& point : points) {
    if (rank(point) < rank(*best)) {
      best = &point;
    }
  }
  return *best;
}

Usage profiled_epoch_usage(std::span<const PowerPoint> points) {
  SYM_CHECK(!points.empty());
  Usage sum;
  for (const PowerPoint& point : points) {
    const Usage usage = epoch_usage(point);
    sum.energy += usage.energy;
    sum.time += usage.time;
  }
  const double parts = static_cast<double>(points.size());
  return {sum.energy / parts, sum.time / parts};
}

}  // namespace symbiont::tune
