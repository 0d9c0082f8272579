// Uses a function of each installed component that is not inline, and libraries behind it.
#include <cstdio>

#include "symbiont/base/config.h"
#include "symbiont/base/csv.h"
#include "symbiont/base/log.h"
#include "symbiont/energy/monitor.h"

int main() {
  const symbiont::Result<symbiont::CsvTable> table =
      symbiont::CsvTable::parse("epoch,energy_j\n1,20.5\n", "inline");
  if (!table || table->number(0, 1).value_or(0) != 20.5) return 1;
  const symbiont::Result<symbiont::Config> config =
      symbiont::Config::parse("seed = = 7", "job.toml");
  if (config) return 1;
  symbiont::log::debug("the package works");
  const auto monitor = symbiont::energy::Monitor::open({});
  if (!monitor || !monitor->open_window()) return 1;
  std::puts(monitor->describe().c_str());
  std::puts(config.error().message().c_str());
  return 0;
}
