/// What a record in the ledger costs: an epoch is flushed to the disk, pending usage is not.
/// The folder is $TMPDIR; on tmpfs a flush is free.

#include <utility>

#include <benchmark/benchmark.h>

#include "symbiont/ledger/ledger.h"
#include "temporary_directory.h"

namespace symbiont::ledger {
namespace {

/// The value of a Result that must have one.
template <typename T>
T must(Result<T> result) {
  SYM_CHECK(result.has_value());
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

/// A ledger with one running incarnation, the first of everything.
class RunningAttempt {
 public:
  RunningAttempt() {
    Job job;
    job.name = "benchmark";
    const Id id = must(ledger_.create_job(job, History{}, WallTime{})).id;
    Decision decision;
    decision.history = must(ledger_.current_history(id)).id;
    decision.run = must(ledger_.begin_run(id, decision.history, 1, 0, WallTime{})).id;
    decision.attempt.batch_size = 32;
    attempt_ = must(ledger_.decide(decision)).id;
    incarnation_ = must(ledger_.begin_incarnation(attempt_, WallTime{})).id;
  }

  Ledger& ledger() { return ledger_; }
  Id attempt() const { return attempt_; }
  Id incarnation() const { return incarnation_; }

 private:
  testing::TemporaryDirectory folder_;
  Ledger ledger_ = must(Ledger::open((folder_ / "ledger.db").string()));
  Id attempt_ = 0;
  Id incarnation_ = 0;
};

void record_epoch(benchmark::State& state) {
  RunningAttempt running;
  Epoch epoch;
  for (auto _ : state) {
    ++epoch.index;
    must(running.ledger().record_epoch(running.attempt(), running.incarnation(), epoch));
  }
}
BENCHMARK(record_epoch)->Unit(benchmark::kMicrosecond)->Repetitions(5);

void record_pending(benchmark::State& state) {
  RunningAttempt running;
  Usage pending;
  for (auto _ : state) {
    ++pending.energy_uj;
    must(running.ledger().record_pending(running.incarnation(), pending));
  }
}
BENCHMARK(record_pending)->Unit(benchmark::kMicrosecond)->Repetitions(5);

}  // namespace
}  // namespace symbiont::ledger
