// What it costs to open a window, close it and ask for its usage.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "symbiont/energy/monitor.h"

namespace symbiont::energy {
namespace {

Monitor open(std::string meter) {
  MonitorOptions options;
  options.meters = {std::move(meter)};
  auto monitor = Monitor::open(options);
  if (!monitor) std::abort();
  monitor->attach(::getpid());
  return *std::move(monitor);
}

void measure_windows(benchmark::State& state, Monitor& monitor) {
  for (auto _ : state) {
    const auto window = monitor.open_window();
    auto usage = window->usage();
    benchmark::DoNotOptimize(usage);
  }
}

void replay_window(benchmark::State& state) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("window-benchmark-" + std::to_string(::getpid()) + ".csv");
  std::ofstream(path) << "batch_size,epoch,time_s,energy_j\n32,1,10,1000\n";
  Monitor monitor = open("replay:" + path.string());
  std::filesystem::remove(path);
  monitor.progress(32, 1, 0.5);
  measure_windows(state, monitor);
}
BENCHMARK(replay_window);

// The tree is this one process.
void estimator_window(benchmark::State& state) {
  Monitor monitor = open("estimator");
  measure_windows(state, monitor);
}
BENCHMARK(estimator_window);

}  // namespace
}  // namespace symbiont::energy

BENCHMARK_MAIN();
