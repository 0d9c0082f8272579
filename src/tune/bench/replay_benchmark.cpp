// How long does a simulated recurrence take? Replays a published tape from memory.

#include <cstdlib>
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>

#include "symbiont/tune/replay.h"

namespace {

using namespace symbiont;

void replay_tape(benchmark::State& state, const std::string& name) {
  const char* const data = std::getenv("SYMBIONT_REFERENCE_DATA");
  if (data == nullptr) {
    state.SkipWithError("SYMBIONT_REFERENCE_DATA names no folder with the published traces");
    return;
  }
  const std::filesystem::path folder = std::filesystem::path(data) / "zeus";
  const Result<tune::TraceSet> traces = tune::TraceSet::load(folder);
  const Result<tune::Tape> tape = tune::load_tape(folder / "replay" / (name + ".json"));
  if (!traces || !tape) {
    state.SkipWithError((traces ? tape.error() : traces.error()).message().c_str());
    return;
  }
  for (auto _ : state) {
    const Result<tune::ReplayReport> report = tune::replay(*traces, *tape);
    SYM_CHECK(report.has_value());
    benchmark::DoNotOptimize(report->attempts.data());
  }
  const auto recurrences = static_cast<double>(state.iterations() * tape->recurrences);
  state.counters["time_per_recurrence"] =
      benchmark::Counter(recurrences, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(replay_tape, cifar100, "v100_cifar100_seed1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay_tape, imagenet, "v100_imagenet_seed1")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay_tape, librispeech, "v100_librispeech_seed1")
    ->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
