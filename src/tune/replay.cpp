#include "symbiont/tune/replay.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "symbiont/tune/cost.h"
#include "symbiont/tune/early_stop.h"
#include "symbiont/tune/policy.h"
#include "symbiont/tune/power_limit.h"

namespace symbiont::tune {
namespace {

tl::unexpected<Error> misfit(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

/// Hands out the draws of a tape. What it lacks is remembered, for the policy cannot be told.
class TapeDraws final : public Draws {
 public:
  explicit TapeDraws(const Tape& tape) : tape_(&tape) {}

  double normal() override {
    if (normals_used_ == tape_->standard_normals.size()) {
      lacking_ = fmt::format("\"standard_normals\" is exhausted after {} draws", normals_used_);
      return 0.0;
    }
    return tape_->standard_normals[normals_used_++];
  }

  std::uint64_t below(std::uint64_t) override {
    lacking_ = "the policy explores at random, for which a tape has no draws";
    return 0;
  }

  Result<std::int64_t> path() {
    if (paths_used_ == tape_->path_draws.size()) {
      return misfit(fmt::format("\"path_draws\" is exhausted after {} draws", paths_used_));
    }
    return tape_->path_draws[paths_used_++];
  }

  Result<void> check() const {
    if (!lacking_.empty()) {
      return misfit(lacking_);
    }
    return {};
  }

 private:
  const Tape* tape_;
  std::size_t normals_used_ = 0;
  std::size_t paths_used_ = 0;
  std::string lacking_;
};

/// A job whose runs come from a trace.
class TracedJob {
 public:
  TracedJob(JobTrace trace, const Tape& tape) : trace_(std::move(trace)), tape_(&tape) {}

  /// What the trial comes to when the repetition `run` is drawn. Absent when it cannot afford an
  /// epoch.
  Result<std::optional<ReplayedAttempt>> attempt(const Trial& trial, std::int64_t run);

 private:
  Result<std::int64_t> epochs_to_target(const Trial& trial, std::int64_t run) const;
  Usage usage(const BatchTrace& batch, const PowerPoint& limit, std::int64_t epochs,
              bool profiled) const;

  JobTrace trace_;
  const Tape* tape_;
  std::set<std::int64_t> profiled_;  // batch sizes whose power limits are known
};

/// Epochs the drawn repetition needs; more than allowed where it never got there.
Result<std::int64_t> TracedJob::epochs_to_target(const Trial& trial, std::int64_t run) const {
  const BatchTrace& batch = trace_.at(trial.batch_size);
  const auto recorded = batch.epochs.find({tape_->target_metric, run});
  if (recorded == batch.epochs.end()) {
    return misfit(fmt::format("\"path_draws\": batch size {} has no run {} with target metric {}",
                              trial.batch_size, run, tape_->target_metric));
  }
  return recorded->second.value_or(tape_->max_epochs + 1);
}

Usage TracedJob::usage(const BatchTrace& batch, const PowerPoint& limit, std::int64_t epochs,
                       bool profiled) const {
  const Usage epoch = epoch_usage(limit);
  const Usage first = profiled ? profiled_epoch_usage(batch.power) : epoch;
  const double others = static_cast<double>(epochs - 1);
  return {first.energy + others * epoch.energy, first.time + others * epoch.time};
}

Result<std::optional<ReplayedAttempt>> TracedJob::attempt(const Trial& trial, std::int64_t run) {
  const BatchTrace& batch = trace_.at(trial.batch_size);
  SYM_ASSIGN_OR_RETURN(const std::int64_t needed, epochs_to_target(trial, run));
  const PowerPoint& limit = cheapest_power_limit(batch.power, tape_->eta, tape_->max_power);
  const std::int64_t allowed = affordable_epochs(
      trial.cost_bound, epoch_cost(limit, tape_->eta, tape_->max_power), tape_->max_epochs);
  if (allowed == 0) {
    return std::optional<ReplayedAttempt>();
  }
  ReplayedAttempt attempt;
  attempt.recurrence = trial.recurrence;
  attempt.try_index = trial.try_index;
  attempt.batch_size = trial.batch_size;
  attempt.power_limit_w = limit.power_limit_w;
  attempt.profiled = profiled_.insert(trial.batch_size).second;
  attempt.bound = trial.cost_bound;
  attempt.reached = needed <= allowed;
  const Usage used = usage(batch, limit, std::min(needed, allowed), attempt.profiled);
  attempt.energy = used.energy;
  attempt.time = used.time;
  attempt.cost = cost(used.energy, used.time, tape_->eta, tape_->max_power);
  return std::optional(attempt);
}

Outcome outcome_of(const std::optional<ReplayedAttempt>& attempt) {
  if (!attempt) {
    return {OutcomeKind::kNotStarted};
  }
  // Whether it was the bound or the last epoch that ended a run makes no difference to learning.
  return {attempt->reached ? OutcomeKind::kReached : OutcomeKind::kMaxEpochs, attempt->cost};
}

Result<RecurrenceController> controller_for(const JobTrace& trace, const Tape& tape) {
  PolicyConfig config;
  config.kind = PolicyKind::kFaithful;
  for (const auto& [batch_size, batch] : trace) {
    config.batch_sizes.push_back(batch_size);
  }
  config.default_batch_size = tape.default_batch_size;
  config.beta = tape.beta;
  config.window = tape.window;
  config.explain = false;
  return RecurrenceController::create(config);
}

Result<void> replay_recurrence(RecurrenceController& controller, TapeDraws& draws, TracedJob& job,
                               ReplayReport& report) {
  do {
    SYM_ASSIGN_OR_RETURN(const Trial trial, controller.next(draws));
    SYM_RETURN_IF_ERROR(draws.check());
    SYM_ASSIGN_OR_RETURN(const std::int64_t run, draws.path());
    SYM_ASSIGN_OR_RETURN(const std::optional<ReplayedAttempt> attempt, job.attempt(trial, run));
    SYM_RETURN_IF_ERROR(controller.observe(trial.batch_size, outcome_of(attempt)));
    if (attempt) {
      report.attempts.push_back(*attempt);
    }
  } while (controller.recurrence_open());
  return {};
}

}  // namespace

Result<ReplayReport> replay(const TraceSet& traces, const Tape& tape) {
  SYM_ASSIGN_OR_RETURN(JobTrace trace, traces.job(tape.gpu, tape.job));
  SYM_ASSIGN_OR_RETURN(RecurrenceController controller, controller_for(trace, tape));
  TracedJob job(std::move(trace), tape);
  TapeDraws draws(tape);
  ReplayReport report;
  while (controller.recurrence() < tape.recurrences) {
    SYM_RETURN_IF_ERROR(replay_recurrence(controller, draws, job, report));
  }
  report.pruning_survivors = controller.survivors();
  return report;
}

Result<ReplayReport> replay_tape(const TraceSet& traces, const std::filesystem::path& tape_path) {
  SYM_ASSIGN_OR_RETURN(const Tape tape, load_tape(tape_path));
  Result<ReplayReport> report = replay(traces, tape);
  if (!report) {
    return tl::unexpected(
        std::move(report).error().while_doing("replay tape " + tape_path.string()));
  }
  return report;
}

}  // namespace symbiont::tune
