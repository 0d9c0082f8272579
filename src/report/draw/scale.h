#pragma once
/// From values to pixels, and where the ticks go.

#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/units.h"

namespace symbiont::report {

/// Maps [from, to] to [start, end] pixels. A range without extent maps to the middle.
struct Scale {
  double from = 0.0;
  double to = 1.0;
  double start = 0.0;
  double end = 1.0;
  bool logarithmic = false;  ///< requires 0 < from

  double operator()(double value) const;
};

struct Tick {
  double value = 0.0;
  std::string label;
};

/// A scale with its ticks and what it shows.
struct Axis {
  Scale scale;
  std::vector<Tick> ticks;
  std::string title;
};

/// Round values (1, 2 or 5 times a power of ten) inside [from, to], about `about` of them, at least
/// one. No more than 50.
std::vector<double> round_values(double from, double to, int about);

/// Linear from `from` to `to`, widened to a whole step at an end that is near one. Ticks carry a
/// prefix in common: the title says "cost (kJ)".
Axis linear_axis(double from, double to, double start, double end, std::string_view what,
                 std::string_view unit, int about);
/// Logarithmic, ticks at 1, 2 and 5 times powers of ten; more over a short range, powers
/// alone over a wide one.
/// Requires 0 < from <= to.
Axis logarithmic_axis(double from, double to, double start, double end, std::string_view what,
                      std::string_view unit);
/// Whole numbers, half a step of room at both ends.
Axis index_axis(double first, double last, double start, double end, std::string_view what);
/// Civil time, UTC. Values are seconds since `begin`.
Axis time_axis(WallTime begin, WallTime end, double start_px, double end_px);

/// "2026-11-22 17:40:03", UTC.
std::string civil_time(WallTime time);

}  // namespace symbiont::report
