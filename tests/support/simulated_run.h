#pragma once
/// A ledger filled as a runner fills it, with the decisions of the real tuner and trainings that
/// take no time: each batch size needs its number of epochs, more or less.

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "symbiont/base/random.h"
#include "symbiont/ledger/ledger.h"
#include "symbiont/tune/draws.h"
#include "symbiont/tune/policy.h"
#include "temporary_directory.h"

namespace symbiont::testing {

struct SimulatedJob {
  std::string name = "nightly";
  std::vector<std::int64_t> batch_sizes = {8, 16, 32, 64, 128, 256, 512};
  std::int64_t default_batch_size = 32;
  std::int64_t recurrences = 24;
  std::int64_t baseline_runs = 3;
  tune::PolicyKind policy = tune::PolicyKind::kFaithful;
  bool constant_intensity = false;
  std::string reason = "accuracy reached";  ///< of every attempt that reached
  std::uint64_t seed = 7;
};

class SimulatedRun {
 public:
  explicit SimulatedRun(SimulatedJob job) : spec_(std::move(job)), random_(spec_.seed) {
    auto opened = ledger::Ledger::open((folder_ / "ledger.sqlite").string());
    SYM_CHECK(opened.has_value());
    ledger_.emplace(std::move(*opened));
    ledger::Job job_row;
    job_row.name = spec_.name;
    job_row.meters = "modelled ±40 %, this process";
    job_row.provenance = Provenance::kModelled;
    job_row.scope = Scope::kProcess;
    job_row.max_power = Watts(4.0);
    job_row.seed = spec_.seed;
    ledger::History history;
    history.identity = identity();
    history.policy = "{}";
    history.draws = "0";
    job_ = *ledger_->create_job(job_row, history, now_);
    history_ = *ledger_->current_history(job_.id);
    run_ = *ledger_->begin_run(job_.id, history_.id, spec_.recurrences, spec_.baseline_runs, now_);
  }

  const ledger::Ledger& ledger() const { return *ledger_; }
  ledger::Id run() const { return run_.id; }

  /// All baseline runs and all recurrences, and the run's end.
  void perform_all() {
    for (std::int64_t i = 0; i < spec_.baseline_runs; ++i) {
      baseline();
    }
    recurrences(spec_.recurrences);
    SYM_CHECK(ledger_->finish_run(run_.id, ledger::RunStatus::kFinished, now_).has_value());
  }

  void baseline() {
    const ledger::Attempt attempt =
        decide(ledger::RecurrenceKind::kBaseline, std::nullopt, 1, spec_.default_batch_size,
               R"({"stage":"baseline","reason":"measured for comparison"})", std::nullopt);
    train(attempt, epochs_of(spec_.default_batch_size), std::nullopt, true);
  }

  /// The next tuned recurrences.
  void recurrences(std::int64_t count) {
    if (!controller_) {
      tune::PolicyConfig config;
      config.kind = spec_.policy;
      config.batch_sizes = spec_.batch_sizes;
      config.default_batch_size = spec_.default_batch_size;
      controller_.emplace(*tune::RecurrenceController::create(config));
    }
    for (std::int64_t i = 0; i < count; ++i) {
      recurrence();
    }
  }

  /// Opens an attempt and leaves it so, after some epochs.
  void leave_unfinished(std::int64_t epochs) {
    const ledger::Attempt attempt =
        decide(ledger::RecurrenceKind::kTuned, std::nullopt, 1, spec_.default_batch_size,
               R"({"stage":"pruning","reason":"round 1 of 2 starts at the default batch size"})",
               std::nullopt);
    const ledger::Incarnation process = *ledger_->begin_incarnation(attempt.id, now_);
    for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
      record(attempt, process, epoch, 20);
    }
  }

 private:
  static constexpr double kWatts = 3.2;

  std::string identity() const {
    std::string sizes;
    for (const std::int64_t size : spec_.batch_sizes) {
      sizes += (sizes.empty() ? "" : ",") + std::to_string(size);
    }
    return R"({"data":"fashion-mnist","model":"mlp","target":"accuracy >= 0.88",)"
           R"("optimizer":"adam","learning_rate":0.001,"batch_size":)" +
           std::to_string(spec_.default_batch_size) + R"(,"batch_sizes":[)" + sizes +
           R"(],"eta":0.5,"beta":2.0})";
  }

  /// Small batches take long epochs, large ones many: 128 is cheapest.
  std::int64_t epochs_of(std::int64_t batch_size) {
    const double many = 5.0 + 9.0 * std::pow(static_cast<double>(batch_size) / 512.0, 0.8);
    return std::max<std::int64_t>(1, std::llround(many * (1.0 + 0.12 * random_.normal())));
  }
  static double epoch_seconds(std::int64_t batch_size) {
    return 0.4 + 24.0 / static_cast<double>(batch_size);
  }
  static double epoch_cost(std::int64_t batch_size) {
    return 0.5 * (kWatts + 4.0) * epoch_seconds(batch_size);
  }

  static Usage modelled(double seconds) {
    Usage usage;
    usage.energy_uj = std::llround(seconds * kWatts * 1e6);
    usage.uncertainty_uj = std::llround(seconds * kWatts * 0.4e6);
    usage.time = std::chrono::nanoseconds(std::llround(seconds * 1e9));
    usage.provenance = Provenance::kModelled;
    usage.scope = Scope::kProcess;
    return usage;
  }

  double intensity() const {
    const double hours = static_cast<double>(now_.time_since_epoch().count()) / 3.6e12;
    return spec_.constant_intensity ? 381.0 : 320.0 + 110.0 * std::sin(hours * 0.2618);
  }

  ledger::Attempt decide(ledger::RecurrenceKind kind, std::optional<ledger::Id> recurrence,
                         int try_index, std::int64_t batch_size, const std::string& why,
                         std::optional<Joules> bound) {
    ledger::Decision decision;
    decision.run = run_.id;
    decision.history = history_.id;
    decision.kind = kind;
    decision.recurrence = recurrence;
    decision.attempt.try_index = try_index;
    decision.attempt.batch_size = batch_size;
    decision.attempt.max_epochs = 40;
    decision.attempt.cost_bound = bound;
    decision.attempt.why = why;
    return *ledger_->decide(decision);
  }

  void record(const ledger::Attempt& attempt, const ledger::Incarnation& process,
              std::int64_t epoch, std::int64_t epochs) {
    ledger::Epoch row;
    row.index = epoch;
    const double done = static_cast<double>(epoch) / static_cast<double>(epochs);
    row.metric = epoch == epochs ? 0.881 : 0.70 + 0.178 * (1.0 - std::exp(-4.0 * done));
    row.usage = modelled(epoch_seconds(attempt.batch_size));
    row.begin = now_;
    now_ += row.usage.time;
    row.end = now_;
    row.emitted = row.usage.energy() * GramsPerKwh(intensity());
    SYM_CHECK(ledger_->record_epoch(attempt.id, process.id, row).has_value());
  }

  /// Runs until the target or the bound. What it came to.
  tune::Outcome train(const ledger::Attempt& attempt, std::int64_t needed,
                      std::optional<Joules> bound, bool last_try) {
    const ledger::Incarnation process = *ledger_->begin_incarnation(attempt.id, now_);
    SYM_CHECK(ledger_->record_startup(process.id, modelled(0.6)).has_value());
    now_ += std::chrono::seconds(spec_.recurrences > 100 ? 600 : 1);
    const double each = epoch_cost(attempt.batch_size);
    std::int64_t epochs = needed;
    if (bound) {
      epochs = std::min(
          needed, std::max<std::int64_t>(1, static_cast<std::int64_t>(bound->value() / each)));
    }
    for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
      record(attempt, process, epoch, needed);
    }
    SYM_CHECK(ledger_->end_incarnation(process.id, "stopped", Usage{}).has_value());
    tune::Outcome outcome;
    outcome.kind = epochs == needed ? tune::OutcomeKind::kReached : tune::OutcomeKind::kBound;
    outcome.cost = Joules(each * static_cast<double>(epochs));
    outcome.epochs = epochs;
    finish(attempt, outcome, last_try);
    return outcome;
  }

  void finish(const ledger::Attempt& attempt, const tune::Outcome& outcome, bool last_try) {
    const bool reached = outcome.kind == tune::OutcomeKind::kReached;
    ledger::AttemptResult result;
    result.attempt = attempt.id;
    result.history = history_.id;
    result.stopped = reached ? ledger::Stopped::kReached : ledger::Stopped::kBound;
    result.reason = reached ? spec_.reason : "the next epoch would pass the bound";
    result.cost = outcome.cost;
    result.recurrence_finished = reached || last_try;
    result.recurrence_reached = reached;
    SYM_CHECK(ledger_->finish_attempt(result).has_value());
  }

  void recurrence() {
    std::optional<ledger::Id> id;
    do {
      const tune::Trial trial = *controller_->next(draws_);
      const ledger::Attempt attempt = decide(ledger::RecurrenceKind::kTuned, id, trial.try_index,
                                             trial.batch_size, trial.why, trial.cost_bound);
      id = attempt.recurrence;
      const tune::Outcome outcome =
          train(attempt, epochs_of(trial.batch_size), trial.cost_bound, false);
      SYM_CHECK(controller_->observe(trial.batch_size, outcome).has_value());
    } while (controller_->recurrence_open());
  }

  TemporaryDirectory folder_;
  SimulatedJob spec_;
  Random random_;
  tune::SeededDraws draws_{Random(spec_.seed + 1)};
  std::optional<ledger::Ledger> ledger_;
  std::optional<tune::RecurrenceController> controller_;
  ledger::Job job_;
  ledger::History history_;
  ledger::Run run_;
  WallTime now_{std::chrono::seconds(1'790'000'000)};
};

}  // namespace symbiont::testing
