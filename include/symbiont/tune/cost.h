#pragma once
/// What a training run costs: energy and time on one scale.

#include "symbiont/base/units.h"

namespace symbiont::tune {

/// eta*E + (1-eta)*max_power*T (Zeus, NSDI 2023, eq. 2). `eta` in [0, 1]: 1 counts energy only, 0
/// time only. `max_power` is what the devices of the job can draw at most, in sum; it is there to
/// turn seconds into joules. Pure.
Joules cost(Joules energy, Seconds time, double eta, Watts max_power);

}  // namespace symbiont::tune
