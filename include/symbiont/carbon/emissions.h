#pragma once
/// Grams of carbon dioxide from energy, place and time.
///
///   grams = PUE * integral of power(t) * intensity(t) dt
/// with the energy of an interval spread evenly inside it, split wherever the intensity changes.

#include <span>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/base/units.h"
#include "symbiont/carbon/intensity.h"

namespace symbiont::carbon {

/// Energy used from `begin` to `end`. Requires begin <= end and energy >= 0.
struct EnergyInterval {
  WallTime begin;
  WallTime end;
  Joules energy;
};

/// What was emitted, and for which part of the energy the intensity was known.
struct Emissions {
  GramsCo2 grams;
  /// 0..1; the rest was charged at the series' fallback. 1 when there was no energy at all.
  double covered_energy_fraction = 1.0;
};

/// kInvalidArgument unless `pue` (power usage effectiveness: energy of the building over energy of
/// its computers) is a finite number of at least 1.
Result<void> check_pue(double pue);

/// Emissions of all intervals, which may overlap. An interval without length is charged at its
/// moment. Requires `check_pue(pue)`.
Emissions emitted(std::span<const EnergyInterval> intervals, const IntensitySeries& intensity,
                  double pue);

}  // namespace symbiont::carbon
