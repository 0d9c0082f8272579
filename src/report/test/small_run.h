#pragma once
/// Runs of a few attempts as values, for tests of what is made of them.

#include <chrono>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "symbiont/report/summary.h"

namespace symbiont::report {

inline constexpr WallTime kStart{std::chrono::seconds(1'700'000'000)};

inline Usage modelled(double joules, double seconds) {
  Usage usage;
  usage.energy_uj = std::llround(joules * 1e6);
  usage.uncertainty_uj = std::llround(joules * 0.4e6);
  usage.time = std::chrono::nanoseconds(std::llround(seconds * 1e9));
  usage.provenance = Provenance::kModelled;
  usage.scope = Scope::kProcess;
  return usage;
}

inline RunRecords empty_run() {
  RunRecords run;
  run.job.name = "nightly";
  run.job.meters = "modelled ±40 %, this process";
  run.job.provenance = Provenance::kModelled;
  run.job.scope = Scope::kProcess;
  run.job.max_power = Watts(4.0);
  run.run.id = 3;
  run.run.recurrences = 2;
  run.run.started = kStart;
  run.history.identity =
      R"({"data":"digits","model":"mlp","target":"accuracy >= 0.88","optimizer":"adam",)"
      R"("learning_rate":0.001,"batch_size":32,"batch_sizes":[16,32,64],"eta":0.5,"beta":2.0})";
  return run;
}

/// What an attempt came to. Every epoch takes `joules` and `seconds`.
struct Trained {
  std::int64_t batch_size = 32;
  std::vector<double> metrics = {0.80, 0.85, 0.88};
  double joules = 10.0;
  double seconds = 2.0;
  double g_per_kwh = 360.0;
  ledger::Stopped stopped = ledger::Stopped::kReached;
  std::string why = R"({"stage":"pruning","reason":"walks"})";
  ledger::RecurrenceKind kind = ledger::RecurrenceKind::kTuned;
};

inline ledger::AttemptRecord attempt_of(const Trained& trained, WallTime begin) {
  ledger::AttemptRecord record;
  record.attempt.batch_size = trained.batch_size;
  record.attempt.why = trained.why;
  record.attempt.stopped = trained.stopped;
  record.attempt.reason = "as told";
  record.attempt.cost = Joules(trained.joules * static_cast<double>(trained.metrics.size()));
  for (const double metric : trained.metrics) {
    ledger::Epoch epoch;
    epoch.index = static_cast<std::int64_t>(record.epochs.size()) + 1;
    epoch.metric = metric;
    epoch.usage = modelled(trained.joules, trained.seconds);
    epoch.begin = begin;
    begin += epoch.usage.time;
    epoch.end = begin;
    epoch.emitted = epoch.usage.energy() * GramsPerKwh(trained.g_per_kwh);
    record.epochs.push_back(epoch);
  }
  return record;
}

/// A recurrence of these attempts, the next of its kind.
inline void add_recurrence(RunRecords& run, const std::vector<Trained>& attempts) {
  ledger::RecurrenceRecord record;
  record.recurrence.kind = attempts.front().kind;
  record.recurrence.index = 1;
  for (const ledger::RecurrenceRecord& other : run.recurrences) {
    record.recurrence.index += other.recurrence.kind == record.recurrence.kind ? 1 : 0;
  }
  const WallTime begin = kStart + std::chrono::minutes(10) * run.recurrences.size();
  for (const Trained& trained : attempts) {
    record.attempts.push_back(attempt_of(trained, begin));
    record.attempts.back().attempt.try_index = static_cast<int>(record.attempts.size());
  }
  record.recurrence.finished = true;
  record.recurrence.reached = attempts.back().stopped == ledger::Stopped::kReached;
  run.recurrences.push_back(std::move(record));
}

}  // namespace symbiont::report
