#include "symbiont/tune/cost.h"

namespace symbiont::tune {

Joules cost(Joules energy, Seconds time, double eta, Watts max_power) {
  return eta * energy + (1.0 - eta) * (max_power * time);
}

}  // namespace symbiont::tune
