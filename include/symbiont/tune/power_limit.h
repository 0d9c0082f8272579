#pragma once
/// Which power limit is cheapest? Known exactly, once each has been profiled for a moment.
///
/// Power and throughput of a (batch size, power limit) settle within iterations, and the number of
/// epochs does not depend on the limit, so the limit that makes one epoch cheapest is the limit for
/// the whole run (Zeus, NSDI 2023, eq. 5-7).

#include <cstdint>
#include <span>

#include "symbiont/base/units.h"

namespace symbiont::tune {

/// One epoch at one power limit, as measured.
struct PowerPoint {
  std::int64_t power_limit_w = 0;
  Seconds time_per_epoch;
  Watts average_power;  ///< what was drawn; at low limits this can exceed the limit
};

/// (eta*AvgPower + (1-eta)*max_power) / Throughput, throughput in epochs per second (eq. 7).
Joules epoch_cost(const PowerPoint& point, double eta, Watts max_power);

/// The point whose epoch costs least; of equals, the one with the lowest limit. Requires at least
/// one point.
const PowerPoint& cheapest_power_limit(std::span<const PowerPoint> points, double eta,
                                       Watts max_power);

/// An amount of energy and the time it took.
struct Usage {
  Joules energy;
  Seconds time;
};

/// One epoch at one limit.
Usage epoch_usage(const PowerPoint& point);

/// An epoch that is split into as many equal parts as there are limits, one part at each: how a
/// replay accounts for the epoch in which the limits are profiled. Requires at least one point.
Usage profiled_epoch_usage(std::span<const PowerPoint> points);

}  // namespace symbiont::tune
