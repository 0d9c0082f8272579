#include "energy_command.h"

namespace symbiont::app {
void add_calibrate_command(CLI::App&, int&) {}
}  // namespace symbiont::app
