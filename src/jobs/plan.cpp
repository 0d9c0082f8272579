#include "jobs/carbon_source.h"
#include "jobs/session.h"
#include "symbiont/jobs/runner.h"
#include "symbiont/tune/policy.h"

namespace symbiont::jobs {
namespace {

constexpr std::int64_t kPruningRounds = 2;

/// What the ledger already knows of the job, if there is one.
Result<void> add_history(const JobSpec& spec, const RunOptions& options,
                         const energy::Monitor& monitor, const ledger::Ledger& ledger,
                         RunPlan& plan) {
  SYM_ASSIGN_OR_RETURN(const auto job, ledger.find_job(spec.name));
  if (!job) {
    return {};
  }
  SYM_RETURN_IF_ERROR(check_same_meter(*job, monitor));
  if (options.restart_learning) {
    return {};
  }
  SYM_ASSIGN_OR_RETURN(const ledger::History history, ledger.current_history(job->id));
  SYM_RETURN_IF_ERROR(check_same_identity(history, spec));
  SYM_ASSIGN_OR_RETURN(const auto unfinished, ledger.unfinished_run(job->id));
  if (unfinished) {
    plan.resumes = true;
    plan.recurrences = unfinished->recurrences;
    plan.baseline_runs = unfinished->baseline_runs;
    warn_of_own_recurrences(*unfinished, spec, options);
  }
  SYM_ASSIGN_OR_RETURN(const auto controller,
                       tune::RecurrenceController::restore(spec.policy_config(), history.policy));
  plan.learned_from = controller.recurrence();
  if (const auto best = controller.min_cost()) {
    plan.best_cost_j = best->value();
  }
  return {};
}

void add_cost_of_exploring(const JobSpec& spec, RunPlan& plan) {
  const auto sizes = static_cast<std::int64_t>(spec.batch_sizes.size());
  const bool explores = spec.policy == tune::PolicyKind::kFaithful && sizes > 1;
  // Each recurrence of the walks tries at least one size, and what was learned is not walked again.
  plan.exploring_recurrences_at_most =
      explores ? std::clamp<std::int64_t>(kPruningRounds * sizes - plan.learned_from, 0,
                                          plan.recurrences)
               : 0;
  if (plan.best_cost_j) {
    plan.exploring_cost_j_at_most =
        static_cast<double>(plan.exploring_recurrences_at_most) * spec.beta * *plan.best_cost_j;
  }
}

}  // namespace

Result<RunPlan> plan_job(const JobSpec& spec, const RunOptions& options) {
  RunPlan plan;
  plan.spec = spec;
  plan.recurrences = options.recurrences.value_or(spec.recurrences);
  plan.baseline_runs = spec.baseline_runs;
  SYM_RETURN_IF_ERROR(check_worker(spec, options));
  SYM_ASSIGN_OR_RETURN(plan.training_rows, check_data(spec));
  SYM_ASSIGN_OR_RETURN(const energy::Monitor monitor, open_monitor(spec));
  plan.meters = monitor.describe();
  plan.max_power_w = monitor.max_power().value();
  SYM_RETURN_IF_ERROR(open_intensity(spec));
  const std::string url =
      options.ledger_url.empty() ? ledger_path(options.home).string() : options.ledger_url;
  auto ledger = ledger::Ledger::open_read_only(url);
  if (ledger) {
    SYM_RETURN_IF_ERROR(add_history(spec, options, monitor, *ledger, plan));
  } else if (ledger.error().code() != ErrorCode::kNotFound) {
    return tl::unexpected(std::move(ledger).error());
  }
  add_cost_of_exploring(spec, plan);
  return plan;
}

}  // namespace symbiont::jobs
