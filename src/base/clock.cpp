#include "symbiont/base/clock.h"

namespace symbiont {

std::chrono::nanoseconds SystemClock::now() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

WallTime SystemClock::wall_now() const {
  return std::chrono::system_clock::now();
}

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

}  // namespace symbiont
