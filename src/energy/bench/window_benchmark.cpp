// What it costs to open a window, close it and ask for its usage.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "symbiont/energy/monitor.h"

namespace symbiont::energy {
namespace {

Monitor open(std::string meter, const std::filesystem::path& sysroot = "/") {
  MonitorOptions options;
  options.meters = {std::move(meter)};
  options.sysroot = sysroot;
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

// Two packages with memory, as a server with two sockets shows them; files in memory stand for
// sysfs, as they do there.
void rapl_window(benchmark::State& state) {
  const auto root =
      std::filesystem::temp_directory_path() / ("window-benchmark-" + std::to_string(::getpid()));
  const auto add_zone = [&](const std::string& zone, const std::string& name) {
    const auto path = root / "sys/class/powercap" / zone;
    std::filesystem::create_directories(path);
    std::ofstream(path / "name") << name << '\n';
    std::ofstream(path / "max_energy_range_uj") << "262143328850\n";
    std::ofstream(path / "energy_uj") << "123456789\n";
  };
  for (const std::string socket : {"0", "1"}) {
    add_zone("intel-rapl:" + socket, "package-" + socket);
    add_zone("intel-rapl:" + socket + "/intel-rapl:" + socket + ":0", "dram");
  }
  {
    Monitor monitor = open("rapl", root);
    measure_windows(state, monitor);
  }
  std::filesystem::remove_all(root);
}
BENCHMARK(rapl_window);

}  // namespace
}  // namespace symbiont::energy

BENCHMARK_MAIN();
