// What does a sum cost? A whole program on symbiont::energy alone, as an outside user writes it.
#include <cstdio>

#include <unistd.h>

#include "symbiont/energy/monitor.h"

int main() {
  auto monitor = symbiont::energy::Monitor::open({});
  if (!monitor) return std::puts(monitor.error().message().c_str()), 1;
  monitor->attach(::getpid());
  const auto window = monitor->open_window();
  if (!window) return std::puts(window.error().message().c_str()), 1;
  double sum = 0;
  for (int i = 1; i <= 100'000'000; ++i) sum += 1.0 / i;
  const auto usage = window->usage();
  if (!usage) return std::puts(usage.error().message().c_str()), 1;
  std::printf("the sum %.6f took %.3f s and %.2f J, %s\n", sum, usage->seconds().value(),
              usage->energy().value(), monitor->describe().c_str());
}
