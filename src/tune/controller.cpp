#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "symbiont/tune/policy.h"
#include "tune/policy/batch_size_policy.h"
#include "tune/policy_config.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxReason = 200;       // bytes kept of a worker's words
constexpr double kNotStartedPenalty = 100.0;  // times the bound that one epoch would have passed

Verdict verdict_of(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kReached:
      return Verdict::kConverged;
    case OutcomeKind::kInfeasible:
      return Verdict::kInfeasible;
    default:
      return Verdict::kFailed;
  }
}

bool ran(OutcomeKind kind) {
  return kind != OutcomeKind::kNotStarted && kind != OutcomeKind::kInfeasible;
}

/// What a trial adds to the cost of its recurrence.
Joules spent_on(const Outcome& outcome) {
  return outcome.kind == OutcomeKind::kNotStarted ? Joules(0.0) : outcome.cost;
}

}  // namespace

std::unique_ptr<BatchSizePolicy> make_policy(const PolicyConfig& config) {
  switch (config.kind) {
    case PolicyKind::kFaithful:
      return make_faithful_policy(config);
    case PolicyKind::kFixed:
      return make_fixed_policy(config);
  }
  SYM_CHECK(false);
}

RecurrenceController::RecurrenceController(PolicyConfig config,
                                           std::unique_ptr<BatchSizePolicy> policy)
    : config_(std::move(config)), policy_(std::move(policy)) {}
RecurrenceController::RecurrenceController(RecurrenceController&&) noexcept = default;
RecurrenceController& RecurrenceController::operator=(RecurrenceController&&) noexcept = default;
RecurrenceController::~RecurrenceController() = default;

Result<RecurrenceController> RecurrenceController::create(const PolicyConfig& config) {
  SYM_ASSIGN_OR_RETURN(PolicyConfig checked, validated(config));
  std::unique_ptr<BatchSizePolicy> policy = make_policy(checked);
  return RecurrenceController(std::move(checked), std::move(policy));
}

std::optional<Joules> RecurrenceController::bound() const {
  if (!policy_->is_bounded() || !progress_.min_cost || std::isinf(config_.beta)) {
    return std::nullopt;
  }
  return config_.beta * *progress_.min_cost;
}

Result<Trial> RecurrenceController::next(Draws& draws) {
  if (progress_.trial) {
    return *progress_.trial;
  }
  Result<Choice> choice = policy_->choose(draws);
  if (!choice) {
    std::string message = choice.error().message();
    for (const Infeasible& gone : progress_.infeasible) {
      message += fmt::format("; {} is infeasible: {}", gone.batch_size, gone.reason);
    }
    return fail(choice.error().code(), std::move(message));
  }
  if (!std::exchange(progress_.open, true)) {
    ++progress_.recurrence;
    progress_.tries = 0;
    progress_.spent = Joules(0.0);
  }
  ++progress_.tries;
  Trial trial;
  trial.recurrence = progress_.recurrence;
  trial.try_index = progress_.tries;
  trial.batch_size = choice->batch_size;
  trial.cost_bound = bound();
  trial.stage = choice->stage;
  trial.why = config_.explain ? explain(*choice) : "";
  progress_.trial = std::move(trial);
  return *progress_.trial;
}

Result<void> RecurrenceController::check(std::int64_t batch_size, const Outcome& outcome) const {
  if (!progress_.trial) {
    return fail(ErrorCode::kFailedPrecondition, "no trial is open: ask for the next one first");
  }
  if (batch_size != progress_.trial->batch_size) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("batch size {} reported, the open trial has {}", batch_size,
                            progress_.trial->batch_size));
  }
  const bool needs_bound =
      outcome.kind == OutcomeKind::kBound || outcome.kind == OutcomeKind::kNotStarted;
  if (needs_bound && !progress_.trial->cost_bound) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("outcome \"{}\" of a trial without a cost bound", to_string(outcome.kind)));
  }
  const double cost = spent_on(outcome).value();
  if (!(cost >= 0.0 && cost <= kMaxTrialCost) || (ran(outcome.kind) && cost == 0.0)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("outcome \"{}\": a positive, finite cost expected, found {} J",
                            to_string(outcome.kind), cost));
  }
  return {};
}

Result<void> RecurrenceController::observe(std::int64_t batch_size, const Outcome& outcome) {
  SYM_RETURN_IF_ERROR(check(batch_size, outcome));
  const Joules learnt = outcome.kind == OutcomeKind::kNotStarted
                            ? kNotStartedPenalty * *progress_.trial->cost_bound
                            : outcome.cost;
  policy_->observe({batch_size, verdict_of(outcome.kind), outcome.kind, learnt});
  if (outcome.kind == OutcomeKind::kInfeasible) {
    progress_.infeasible.push_back({batch_size, outcome.reason.substr(0, kMaxReason)});
  }
  progress_.spent += spent_on(outcome);
  progress_.trial.reset();

  const bool reached = outcome.kind == OutcomeKind::kReached;
  if (reached || !policy_->tries_again() || progress_.tries >= config_.max_tries) {
    finish_recurrence(reached);
  }
  return {};
}

void RecurrenceController::finish_recurrence(bool reached) {
  progress_.open = false;
  progress_.last_reached = reached;
  if (reached && (!progress_.min_cost || progress_.spent < *progress_.min_cost)) {
    progress_.min_cost = progress_.spent;
  }
}

std::vector<std::int64_t> RecurrenceController::survivors() const {
  return policy_->survivors();
}

}  // namespace symbiont::tune
