#include "play.h"

#include <numeric>
#include <utility>

namespace symbiont::ledger {
namespace {

// Identifiers count from one in a fresh ledger, so the play knows them before the ledger tells.
constexpr Id kJob = 1;
constexpr Id kHistory = 1;

WallTime now() {
  return WallTime(std::chrono::seconds(1'700'000'000));
}

Usage usage(std::int64_t energy_uj) {
  Usage usage;
  usage.energy_uj = energy_uj;
  usage.time = std::chrono::nanoseconds(3 * energy_uj);
  return usage;
}

Epoch epoch(std::size_t index, std::int64_t energy_uj) {
  Epoch epoch;
  epoch.index = static_cast<std::int64_t>(index);
  epoch.usage = usage(energy_uj);
  return epoch;
}

/// An operation's answer without its value.
template <typename T>
Result<void> done(Result<T> result) {
  if (!result) {
    return tl::unexpected(std::move(result).error());
  }
  return {};
}

Result<void> same_id(const Result<Id>& id, Id expected) {
  if (id && *id != expected) {
    return fail(ErrorCode::kInternal,
                "got id " + std::to_string(*id) + ", expected " + std::to_string(expected));
  }
  return done(id);
}

constexpr auto kIdOf = [](const auto& row) { return row.id; };

PlayedAttempt played(const AttemptRecord& record) {
  PlayedAttempt played;
  played.recurrence = record.attempt.recurrence;
  played.failures = record.attempt.failures;
  played.finished = record.attempt.stopped.has_value();
  for (const Epoch& recorded : record.epochs) {
    played.epochs_uj.push_back(recorded.usage.energy_uj);
  }
  for (const Incarnation& incarnation : record.incarnations) {
    played.startup_uj += incarnation.startup.energy_uj;
    played.lost_uj += incarnation.lost.energy_uj;
    played.pending_uj += incarnation.pending.energy_uj;
  }
  played.carried_uj = record.checkpoint ? record.checkpoint->carried.energy_uj : 0;
  return played;
}

}  // namespace

Result<PlayedState> read_state(const Ledger& ledger) {
  PlayedState state;
  SYM_ASSIGN_OR_RETURN(const std::optional<Job> job, ledger.find_job("play"));
  if (!job) {
    return state;
  }
  SYM_ASSIGN_OR_RETURN(const History history, ledger.current_history(job->id));
  state.policy = history.policy;
  SYM_ASSIGN_OR_RETURN(const std::vector<Run> runs, ledger.runs(job->id));
  for (const Run& run : runs) {
    state.runs_finished += run.status == RunStatus::kUnfinished ? 0 : 1;
    SYM_ASSIGN_OR_RETURN(const std::vector<RecurrenceRecord> records,
                         ledger.recurrences_of_run(run.id));
    for (const RecurrenceRecord& record : records) {
      for (const AttemptRecord& attempt : record.attempts) {
        state.attempts[attempt.attempt.id] = played(attempt);
      }
    }
  }
  return state;
}

void Play::begin_life() {
  random_ = Random(derive_seed(seed_, "life", ++life_));
  must_bury_ = run_.has_value();
}

Result<void> Play::step(Ledger* ledger) {
  if (!created_) {
    return create(ledger);
  }
  if (std::exchange(must_bury_, false)) {
    return bury(ledger);
  }
  if (!run_) {
    return begin_run(ledger);
  }
  if (!attempt_) {
    return !recurrence_ && random_.below(4) == 0 ? finish_run(ledger) : decide(ledger);
  }
  if (incarnation_) {
    return work(ledger);
  }
  const std::uint64_t choice = random_.below(4);
  return choice == 0   ? finish_attempt(ledger)
         : choice == 1 ? count_failure(ledger)
                       : begin_incarnation(ledger);
}

Result<void> Play::work(Ledger* ledger) {
  switch (random_.below(9)) {
    case 0:
      return start_up(ledger);
    case 1:
    case 2:
      return spend(ledger);
    case 3:
    case 4:
      return complete_epoch(ledger);
    case 5:
      return attempt().epochs_uj.empty() ? spend(ledger) : repeat_epoch(ledger);
    case 6:
    case 7:
      return save(ledger);
    default:
      return end_incarnation(ledger);
  }
}

std::int64_t Play::spend_some() {
  const auto some = static_cast<std::int64_t>(1 + random_.below(1000));
  spent_uj_ += some;
  return some;
}

std::string Play::next_policy() {
  return state_.policy = std::to_string(++policies_);
}

Result<void> Play::create(Ledger* ledger) {
  created_ = true;
  Job job;
  job.name = "play";
  History history;
  history.policy = next_policy();
  return ledger == nullptr ? Result<void>()
                           : same_id(ledger->create_job(job, history, now()).map(kIdOf), kJob);
}

Result<void> Play::bury(Ledger* ledger) {
  incarnation_.reset();
  if (attempt_) {
    attempt().lost_uj += std::exchange(attempt().pending_uj, 0);
  }
  return ledger == nullptr ? Result<void>() : done(ledger->bury_dead_incarnations(*run_));
}

Result<void> Play::begin_run(Ledger* ledger) {
  run_ = ++runs_;
  return ledger == nullptr
             ? Result<void>()
             : same_id(ledger->begin_run(kJob, kHistory, 3, 1, now()).map(kIdOf), *run_);
}

Result<void> Play::finish_run(Ledger* ledger) {
  ++state_.runs_finished;
  const Id run = *std::exchange(run_, std::nullopt);
  return ledger == nullptr ? Result<void>() : ledger->finish_run(run, RunStatus::kFinished, now());
}

Result<void> Play::decide(Ledger* ledger) {
  Decision decision;
  decision.run = *run_;
  decision.history = kHistory;
  decision.recurrence = recurrence_;
  if (!recurrence_) {
    recurrence_ = ++recurrences_;
    kind_ = random_.below(3) == 0 ? RecurrenceKind::kBaseline : RecurrenceKind::kTuned;
  }
  decision.kind = kind_;
  decision.attempt.batch_size = 32;
  decision.policy = next_policy();
  attempt_ = static_cast<Id>(state_.attempts.size()) + 1;
  state_.attempts[*attempt_].recurrence = *recurrence_;
  return ledger == nullptr ? Result<void>()
                           : same_id(ledger->decide(decision).map(kIdOf), *attempt_);
}

Result<void> Play::begin_incarnation(Ledger* ledger) {
  incarnation_ = ++incarnations_;
  return ledger == nullptr
             ? Result<void>()
             : same_id(ledger->begin_incarnation(*attempt_, now()).map(kIdOf), *incarnation_);
}

Result<void> Play::start_up(Ledger* ledger) {
  // Once per process; a second word about it would replace the first.
  if (attempt().startup_uj != 0) {
    return spend(ledger);
  }
  attempt().startup_uj = 77;
  return ledger == nullptr ? Result<void>() : ledger->record_startup(*incarnation_, usage(77));
}

Result<void> Play::spend(Ledger* ledger) {
  attempt().pending_uj += spend_some();
  return ledger == nullptr ? Result<void>()
                           : ledger->record_pending(*incarnation_, usage(attempt().pending_uj));
}

Result<void> Play::complete_epoch(Ledger* ledger) {
  const std::int64_t energy = std::exchange(attempt().pending_uj, 0) +
                              std::exchange(attempt().carried_uj, 0) + spend_some();
  attempt().epochs_uj.push_back(energy);
  return ledger == nullptr ? Result<void>()
                           : done(ledger->record_epoch(*attempt_, *incarnation_,
                                                       epoch(attempt().epochs_uj.size(), energy)));
}

Result<void> Play::repeat_epoch(Ledger* ledger) {
  const std::int64_t energy = std::exchange(attempt().pending_uj, 0) + spend_some();
  attempt().lost_uj += energy;
  const std::size_t index = 1 + random_.below(attempt().epochs_uj.size());
  return ledger == nullptr
             ? Result<void>()
             : done(ledger->record_epoch(*attempt_, *incarnation_, epoch(index, energy)));
}

Result<void> Play::save(Ledger* ledger) {
  attempt().carried_uj += std::exchange(attempt().pending_uj, 0) + spend_some();
  const CheckpointRecord checkpoint = {"/checkpoint",
                                       static_cast<std::int64_t>(attempt().epochs_uj.size()), 3,
                                       usage(attempt().carried_uj)};
  return ledger == nullptr ? Result<void>()
                           : ledger->record_checkpoint(*attempt_, *incarnation_, checkpoint);
}

Result<void> Play::end_incarnation(Ledger* ledger) {
  const std::int64_t lost = std::exchange(attempt().pending_uj, 0) + spend_some();
  attempt().lost_uj += lost;
  const Id incarnation = *std::exchange(incarnation_, std::nullopt);
  return ledger == nullptr ? Result<void>()
                           : ledger->end_incarnation(incarnation, "stopped", usage(lost));
}

Result<void> Play::count_failure(Ledger* ledger) {
  ++attempt().failures;
  return ledger == nullptr ? Result<void>() : done(ledger->count_failure(*attempt_, "gone"));
}

Result<void> Play::finish_attempt(Ledger* ledger) {
  attempt().lost_uj += std::exchange(attempt().carried_uj, 0);
  attempt().finished = true;
  AttemptResult result;
  result.attempt = *std::exchange(attempt_, std::nullopt);
  result.history = kHistory;
  result.recurrence_finished = random_.below(2) == 0;
  result.policy = next_policy();
  if (result.recurrence_finished) {
    recurrence_.reset();
  }
  return ledger == nullptr ? Result<void>() : ledger->finish_attempt(result);
}

}  // namespace symbiont::ledger
