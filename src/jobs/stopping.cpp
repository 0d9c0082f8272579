#include "jobs/stopping.h"

#include <cmath>

#include <fmt/format.h>

#include "symbiont/tune/cost.h"
#include "symbiont/tune/early_stop.h"

namespace symbiont::jobs {
namespace {

std::optional<Ending> judge_last_epoch(const JobSpec& spec, const ledger::Epoch& last) {
  if (!std::isfinite(last.metric)) {
    return Ending{
        ledger::Stopped::kDiverged,
        fmt::format("diverged in epoch {}: {} is not a number", last.index, spec.target.metric)};
  }
  if (spec.target.is_reached_by(last.metric)) {
    return Ending{
        ledger::Stopped::kReached,
        fmt::format("{} {:.4g} after {} epochs", spec.target.metric, last.metric, last.index)};
  }
  return std::nullopt;
}

std::optional<Ending> judge_bound(const JobSpec& spec, const ledger::Job& job,
                                  const ledger::Attempt& attempt,
                                  std::span<const ledger::Epoch> epochs,
                                  const std::optional<Joules>& known_epoch_cost) {
  if (!attempt.cost_bound) {
    return std::nullopt;
  }
  const Joules spent = attempt_cost(spec, job, epochs);
  const tune::EarlyStop early_stop(attempt.cost_bound, known_epoch_cost);
  const tune::StopDecision decision =
      early_stop.before_epoch(static_cast<std::int64_t>(epochs.size()), spent);
  if (!decision.stop) {
    return std::nullopt;
  }
  Ending ending;
  ending.stopped = ledger::Stopped::kBound;
  ending.started = !epochs.empty();
  ending.reason = fmt::format(
      "after {} epochs the next would bring the cost to {:.4g} J, the bound is {:.4g} J",
      epochs.size(), decision.predicted_cost.value_or(spent).value(), attempt.cost_bound->value());
  return ending;
}

}  // namespace

const ledger::Attempt& telling_attempt(std::span<const ledger::AttemptRecord> attempts) {
  SYM_CHECK(!attempts.empty());
  for (const ledger::AttemptRecord& record : attempts) {
    if (record.attempt.stopped == ledger::Stopped::kBound) {
      return record.attempt;
    }
  }
  return attempts.back().attempt;
}

std::string advice(ledger::Stopped stopped, const Target& target) {
  switch (stopped) {
    case ledger::Stopped::kDiverged:
      return "lower [train] learning_rate";
    case ledger::Stopped::kInfeasible:
      return "add smaller sizes to [train] batch_sizes";
    case ledger::Stopped::kBound:
      return "raise [tune] beta";
    default:
      return fmt::format("raise [job] max_epochs or {} the target",
                         target.higher_is_better ? "lower" : "raise");
  }
}

Joules usage_cost(const JobSpec& spec, const ledger::Job& job, const Usage& usage) {
  return tune::cost(usage.energy(), usage.seconds(), spec.eta, job.max_power);
}

Usage total_usage(std::span<const ledger::Epoch> epochs) {
  Usage total;
  for (const ledger::Epoch& epoch : epochs) {
    total += epoch.usage;
  }
  return total;
}

Joules attempt_cost(const JobSpec& spec, const ledger::Job& job,
                    std::span<const ledger::Epoch> epochs) {
  return usage_cost(spec, job, total_usage(epochs));
}

std::optional<Ending> judge(const JobSpec& spec, const ledger::Job& job,
                            const ledger::Attempt& attempt, std::span<const ledger::Epoch> epochs,
                            const std::optional<Joules>& known_epoch_cost) {
  if (!epochs.empty()) {
    if (auto ending = judge_last_epoch(spec, epochs.back())) {
      return ending;
    }
  }
  if (static_cast<std::int64_t>(epochs.size()) >= attempt.max_epochs) {
    return Ending{ledger::Stopped::kMaxEpochs,
                  fmt::format("{} epochs without reaching {} {}", epochs.size(), spec.target.metric,
                              spec.target.value)};
  }
  return judge_bound(spec, job, attempt, epochs, known_epoch_cost);
}

}  // namespace symbiont::jobs
