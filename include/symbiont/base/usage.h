#pragma once
/// What some work used: energy and time, exact, with where the figure comes from.

#include <chrono>
#include <cstdint>

#include "symbiont/base/provenance.h"
#include "symbiont/base/units.h"

namespace symbiont {

/// Energy and time of one interval or a sum of intervals of one scope. Whole microjoules and
/// nanoseconds, so that sums do not depend on their order and survive storage to the last digit.
struct Usage {
  std::int64_t energy_uj = 0;
  /// Half-width of the interval around `energy_uj`. Errors of one model are systematic, so widths
  /// add up.
  std::int64_t uncertainty_uj = 0;
  std::chrono::nanoseconds time{0};
  Provenance provenance = Provenance::kMeasured;
  Scope scope = Scope::kMachine;

  Joules energy() const { return Joules(static_cast<double>(energy_uj) * 1e-6); }
  Joules uncertainty() const { return Joules(static_cast<double>(uncertainty_uj) * 1e-6); }
  Seconds seconds() const { return to_seconds(time); }

  /// The sum. A side that is all zero adds nothing, not even its provenance.
  /// Requires equal scopes otherwise (SYM_CHECK).
  Usage& operator+=(const Usage& other);
  friend Usage operator+(Usage a, const Usage& b) { return a += b; }
  friend bool operator==(const Usage&, const Usage&) = default;
};

}  // namespace symbiont
