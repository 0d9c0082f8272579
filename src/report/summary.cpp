#include "symbiont/report/summary.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "report/plots/why.h"

namespace symbiont::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSteadyRecurrences = 5;

/// Figures of the recurrences that are compared, one vector per quantity.
struct Samples {
  std::vector<double> energy_j;
  std::vector<double> time_s;
  std::vector<double> cost_j;
  bool all_reached = true;

  void add(const RecurrenceSummary& recurrence) {
    energy_j.push_back(recurrence.usage.energy().value());
    time_s.push_back(recurrence.usage.seconds().value());
    cost_j.push_back(recurrence.cost_j.value_or(0.0));
    all_reached = all_reached && recurrence.reached;
  }
};

std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

/// What the commands call the end of an attempt; nothing when it reached the target.
std::optional<std::string> stopped_word(const ledger::AttemptRecord& record) {
  if (!record.attempt.stopped) {
    const bool gave_up = record.attempt.failures > 0 && !record.attempt.reason.empty();
    return gave_up ? "failed" : "interrupted";
  }
  if (*record.attempt.stopped == ledger::Stopped::kReached) {
    return std::nullopt;
  }
  return std::string(ledger::to_string(*record.attempt.stopped));
}

AttemptSummary summarise_attempt(const ledger::AttemptRecord& record) {
  AttemptSummary summary;
  summary.batch_size = record.attempt.batch_size;
  summary.epochs = static_cast<std::int64_t>(record.epochs.size());
  for (const ledger::Epoch& epoch : record.epochs) {
    summary.usage += epoch.usage;
  }
  if (!record.epochs.empty()) {
    summary.metric = finite(record.epochs.back().metric);
  }
  if (record.attempt.cost) {
    summary.cost_j = record.attempt.cost->value();
  }
  summary.reached = record.attempt.stopped == ledger::Stopped::kReached;
  summary.stopped = stopped_word(record);
  summary.reason = record.attempt.reason;
  return summary;
}

/// What a process that never ended had not saved yet is lost, unless it still runs and saves it.
Usage lost_by(const ledger::Incarnation& incarnation) {
  return incarnation.lost + incarnation.pending;
}

void add_grams(RecurrenceSummary& summary, const ledger::AttemptRecord& record) {
  for (const ledger::Epoch& epoch : record.epochs) {
    if (epoch.emitted) {
      summary.emitted_g = summary.emitted_g.value_or(0.0) + epoch.emitted->value();
    }
  }
}

RecurrenceSummary summarise_recurrence(const ledger::RecurrenceRecord& record) {
  RecurrenceSummary summary;
  summary.index = record.recurrence.index;
  summary.finished = record.recurrence.finished;
  summary.reached = record.recurrence.reached;
  for (const ledger::AttemptRecord& attempt : record.attempts) {
    const AttemptSummary one = summarise_attempt(attempt);
    summary.batch_size = one.batch_size;
    summary.metric = one.metric;
    summary.epochs += one.epochs;
    summary.usage += one.usage;
    if (one.cost_j) {
      summary.cost_j = summary.cost_j.value_or(0.0) + *one.cost_j;
    }
    summary.weights = attempt.attempt.weights;
    add_grams(summary, attempt);
    for (const ledger::Incarnation& incarnation : attempt.incarnations) {
      summary.lost += lost_by(incarnation);
    }
    summary.attempts.push_back(one);
  }
  if (!record.attempts.empty()) {
    summary.why = record.attempts.front().attempt.why;
  }
  return summary;
}

/// A run at the default that says what the default costs: it reached the target, at once.
bool shows_the_default(const RecurrenceSummary& recurrence, std::int64_t default_batch_size) {
  return recurrence.finished && recurrence.reached && recurrence.attempts.size() == 1 &&
         recurrence.batch_size == default_batch_size;
}

using Recurrences = std::vector<const RecurrenceSummary*>;

Recurrences finished_of(const std::vector<RecurrenceSummary>& recurrences) {
  Recurrences finished;
  for (const RecurrenceSummary& recurrence : recurrences) {
    if (recurrence.finished) {
      finished.push_back(&recurrence);
    }
  }
  return finished;
}

Recurrences last_of(const Recurrences& recurrences, std::size_t count) {
  const std::size_t skip = recurrences.size() - std::min(recurrences.size(), count);
  return {recurrences.begin() + static_cast<std::ptrdiff_t>(skip), recurrences.end()};
}

Samples samples_of(const Recurrences& recurrences) {
  Samples samples;
  for (const RecurrenceSummary* recurrence : recurrences) {
    samples.add(*recurrence);
  }
  return samples;
}

using Estimate = Saving (*)(std::span<const double>, std::span<const double>);

/// What fails costs little and is worth nothing: beside a recurrence without a model there is no
/// saving to speak of.
Savings savings_of(Estimate estimate, const Samples& ours, const Samples& baseline) {
  if (!ours.all_reached) {
    return {};
  }
  return {estimate(ours.energy_j, baseline.energy_j), estimate(ours.time_s, baseline.time_s),
          estimate(ours.cost_j, baseline.cost_j)};
}

/// The extra runs and the tuned ones that count as baseline.
Recurrences baseline_runs(const std::vector<RecurrenceSummary>& extra,
                          const std::vector<RecurrenceSummary>& tuned,
                          std::int64_t default_batch_size) {
  Recurrences runs;
  for (const auto* list : {&extra, &tuned}) {
    for (const RecurrenceSummary& recurrence : *list) {
      if (shows_the_default(recurrence, default_batch_size)) {
        runs.push_back(&recurrence);
      }
    }
  }
  return runs;
}

void add_savings(RunSummary& summary, const Samples& baseline) {
  const Recurrences all = finished_of(summary.recurrences);
  if (all.empty()) {
    return;
  }
  const Recurrences steady = last_of(all, kSteadyRecurrences);
  summary.steady = static_cast<std::int64_t>(steady.size());
  summary.steady_exploring =
      std::count_if(steady.begin(), steady.end(),
                    [](const auto* recurrence) { return explores(parse_why(recurrence->why)); });
  summary.saving = savings_of(steady_saving, samples_of(steady), baseline);
  summary.saving_total = savings_of(total_saving, samples_of(all), baseline);
}

void add_baseline(RunSummary& summary, const std::vector<RecurrenceSummary>& extra,
                  std::int64_t default_batch_size) {
  BaselineSummary baseline;
  baseline.batch_size = default_batch_size;
  baseline.extra = static_cast<std::int64_t>(extra.size());
  for (const RecurrenceSummary& recurrence : extra) {
    baseline.spent += recurrence.usage;
  }
  Samples samples;
  std::vector<double> epochs;
  for (const RecurrenceSummary* run :
       baseline_runs(extra, summary.recurrences, default_batch_size)) {
    samples.add(*run);
    epochs.push_back(static_cast<double>(run->epochs));
  }
  if (epochs.empty()) {
    return;
  }
  baseline.runs = static_cast<std::int64_t>(epochs.size());
  baseline.epochs = mean(epochs);
  baseline.time_s = mean(samples.time_s);
  baseline.energy_j = mean(samples.energy_j);
  baseline.cost_j = mean(samples.cost_j);
  baseline.sd_cost_j = standard_deviation(samples.cost_j);
  summary.baseline = baseline;
  add_savings(summary, samples);
}

void add_startup_and_lost(RunSummary& summary, const ledger::RecurrenceRecord& record) {
  for (const ledger::AttemptRecord& attempt : record.attempts) {
    for (const ledger::Incarnation& incarnation : attempt.incarnations) {
      summary.startup += incarnation.startup;
      summary.lost += lost_by(incarnation);
    }
  }
}

Result<std::int64_t> default_batch_size(const ledger::History& history) {
  const Json identity = Json::parse(history.identity, nullptr, false);
  if (!identity.is_object() || !identity.contains("batch_size") ||
      !identity["batch_size"].is_number_integer()) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("history {}: the identity has no batch_size", history.id));
  }
  return identity["batch_size"].get<std::int64_t>();
}

Result<ledger::Job> job_of(const ledger::Ledger& ledger, const ledger::Run& run) {
  SYM_ASSIGN_OR_RETURN(const std::vector<ledger::Job> jobs, ledger.jobs());
  const auto found = std::find_if(jobs.begin(), jobs.end(),
                                  [&](const ledger::Job& job) { return job.id == run.job; });
  if (found == jobs.end()) {
    return fail(ErrorCode::kDataLoss, fmt::format("run {} belongs to no job", run.id));
  }
  return *found;
}

}  // namespace

Result<RunRecords> read_run(const ledger::Ledger& ledger, ledger::Id run) {
  SYM_ASSIGN_OR_RETURN(const auto found, ledger.find_run(run));
  if (!found) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no run {}", run));
  }
  RunRecords records;
  records.run = *found;
  SYM_ASSIGN_OR_RETURN(records.job, job_of(ledger, *found));
  SYM_ASSIGN_OR_RETURN(records.history, ledger.find_history(found->history));
  SYM_ASSIGN_OR_RETURN(records.recurrences, ledger.recurrences_of_run(run));
  return records;
}

Result<RunSummary> summarise(const RunRecords& records, bool resumed) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t default_size, default_batch_size(records.history));
  RunSummary summary;
  summary.job = records.job;
  summary.run = records.run;
  summary.resumed = resumed;
  std::vector<RecurrenceSummary> extra;
  for (const ledger::RecurrenceRecord& record : records.recurrences) {
    const bool tuned = record.recurrence.kind == ledger::RecurrenceKind::kTuned;
    (tuned ? summary.recurrences : extra).push_back(summarise_recurrence(record));
    add_startup_and_lost(summary, record);
  }
  add_baseline(summary, extra, default_size);
  return summary;
}

Result<RunSummary> summarise(const ledger::Ledger& ledger, ledger::Id run, bool resumed) {
  SYM_ASSIGN_OR_RETURN(const RunRecords records, read_run(ledger, run));
  return summarise(records, resumed);
}

}  // namespace symbiont::report
