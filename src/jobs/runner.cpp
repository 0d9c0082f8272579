#include "symbiont/jobs/runner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "jobs/attempt_options.h"
#include "jobs/attempt_recorder.h"
#include "jobs/schedule.h"
#include "jobs/session.h"
#include "jobs/stopping.h"
#include "symbiont/base/clock.h"
#include "symbiont/base/failpoint.h"
#include "symbiont/base/file.h"
#include "symbiont/base/log.h"
#include "symbiont/train/supervisor.h"
#include "symbiont/tune/draws.h"
#include "symbiont/tune/learning_rate.h"
#include "symbiont/tune/policy.h"

namespace symbiont::jobs {
namespace {

using ledger::AttemptRecord;
using ledger::RecurrenceKind;
using ledger::RecurrenceRecord;
using ledger::Stopped;

constexpr int kMaxRetries = 3;  ///< of a failed worker, per invocation

/// How the work on an attempt ended when it did not come to a result.
struct Halt {
  RunOutcome::Kind kind = RunOutcome::Kind::kFailed;
  std::string message;
};

/// Nothing when the work went through.
using MaybeHalt = Result<std::optional<Halt>>;

tune::OutcomeKind outcome_kind(const Ending& ending) {
  if (!ending.started) {
    return tune::OutcomeKind::kNotStarted;
  }
  switch (ending.stopped) {
    case Stopped::kReached:
      return tune::OutcomeKind::kReached;
    case Stopped::kBound:
      return tune::OutcomeKind::kBound;
    case Stopped::kMaxEpochs:
      return tune::OutcomeKind::kMaxEpochs;
    case Stopped::kDiverged:
      return tune::OutcomeKind::kDiverged;
    case Stopped::kInfeasible:
      return tune::OutcomeKind::kInfeasible;
    case Stopped::kFailed:
    case Stopped::kInterrupted:
      break;  // never observed: the attempt goes on later
  }
  SYM_CHECK(false && "an attempt that did not end has no outcome");
}

tune::Outcome outcome_of(const AttemptRecord& record, const Ending& ending, Joules cost) {
  tune::Outcome outcome;
  outcome.kind = outcome_kind(ending);
  // What ran cost something, even where a replayed trace rounds it to nothing.
  outcome.cost = std::max(cost, Joules(1e-6));
  outcome.reason = ending.reason;
  outcome.epochs = static_cast<std::int64_t>(record.epochs.size());
  if (outcome.epochs > 0) {
    outcome.epoch_cost = cost / static_cast<double>(outcome.epochs);
  }
  return outcome;
}

std::string retry_notice(const std::string& reason, bool has_checkpoint, int retry) {
  return fmt::format("{}; starting it again{} ({} of {})", reason,
                     has_checkpoint ? " from its last checkpoint" : "", retry, kMaxRetries);
}

/// For the person whose recurrence it was. Whatever is changed about the job, the policy has
/// learned that it cannot be done.
std::string unreached_notice(const RecurrenceRecord& record, const Target& target) {
  const ledger::Attempt& telling = telling_attempt(record.attempts);
  return fmt::format(
      "recurrence {} ended without reaching the target: batch size {}: {}; "
      "{}, then start again with --restart-learning",
      record.recurrence.index, telling.batch_size, telling.reason,
      advice(telling.stopped.value_or(Stopped::kFailed), target));
}

bool is_unreached(const RecurrenceRecord& record) {
  return record.recurrence.kind == RecurrenceKind::kTuned && record.recurrence.finished &&
         !record.recurrence.reached && !record.attempts.empty();
}

/// One invocation on one job.
class JobRun {
 public:
  JobRun(Session session, const RunOptions& options, RunListener& listener,
         tune::RecurrenceController controller, tune::SeededDraws draws)
      : session_(std::move(session)),
        options_(options),
        listener_(listener),
        controller_(std::move(controller)),
        draws_(std::move(draws)) {}

  Result<RunOutcome> perform();

 private:
  Result<RunOutcome> perform_run();
  Result<void> clear_last_run();
  Result<void> begin_or_resume();
  MaybeHalt perform_recurrences();
  MaybeHalt perform_recurrence(RecurrenceKind kind, RecurrenceRecord* open);
  Result<ledger::Attempt> decide(RecurrenceKind kind, std::optional<ledger::Id> recurrence,
                                 int try_index);
  Result<tune::Trial> next_trial(RecurrenceKind kind, int try_index);
  MaybeHalt perform_attempt(const ledger::Recurrence& recurrence, AttemptRecord record);
  MaybeHalt train_until_it_ends(const ledger::Recurrence& recurrence, AttemptRecord& record);
  Result<train::AttemptEnd> run_process(const ledger::Recurrence& recurrence,
                                        AttemptRecord& record);
  void book_broken_process(ledger::Id attempt, ledger::Id incarnation, const Error& error);
  Result<void> prepare_directory(const AttemptRecord& record,
                                 const ledger::Incarnation& incarnation) const;
  Result<void> finish(const ledger::Recurrence& recurrence, const AttemptRecord& record,
                      const Ending& ending);
  Result<bool> is_stuck() const;
  Result<std::string> last_unreached_notice() const;
  std::filesystem::path home() const { return session_.state_folder(); }
  std::filesystem::path attempt_directory(ledger::Id attempt) const;
  std::filesystem::path weights_path(const AttemptRecord& record) const;
  bool has_weights(const AttemptRecord& record) const;
  Result<std::optional<Joules>> known_epoch_cost(const ledger::Attempt& attempt) const;

  Session session_;
  const RunOptions& options_;
  RunListener& listener_;
  tune::RecurrenceController controller_;
  tune::SeededDraws draws_;
  ledger::Run run_;
  bool resumed_ = false;
  std::int64_t tuned_ = 0;     ///< recurrences of this run that are finished
  std::int64_t baseline_ = 0;  ///< likewise
  bool recurrence_finished_ = false;
  int retries_ = 0;                 ///< failures of the attempt in progress, this invocation
  std::string unreached_;           ///< the first recurrence that ended unreached
  bool learning_is_stuck_ = false;  ///< the policy has nothing left to try
};

// --- The run ------------------------------------------------------------------------------------

Result<RunOutcome> JobRun::perform() {
  auto outcome = perform_run();
  if (!outcome) {
    // The error is the news; a lease that could not be given back dies with this process anyway.
    (void)session_.ledger.release_lease(lease_name(session_.job.name), session_.holder);
    listener_.on_error(outcome.error());
  }
  return outcome;
}

Result<RunOutcome> JobRun::perform_run() {
  SYM_RETURN_IF_ERROR(begin_or_resume());
  SYM_ASSIGN_OR_RETURN(const auto halt, perform_recurrences());
  RunOutcome outcome;
  outcome.run = run_.id;
  outcome.resumed = resumed_;
  if (halt) {
    outcome.kind = halt->kind;
    outcome.message = halt->message;
  } else {
    const bool reached = unreached_.empty();
    outcome.kind = reached ? RunOutcome::Kind::kFinished : RunOutcome::Kind::kUnreached;
    outcome.message = unreached_;
    SYM_RETURN_IF_ERROR(session_.ledger.finish_run(
        run_.id, reached ? ledger::RunStatus::kFinished : ledger::RunStatus::kUnreached,
        system_clock().wall_now()));
  }
  SYM_RETURN_IF_ERROR(
      session_.ledger.release_lease(lease_name(session_.job.name), session_.holder));
  listener_.on_run_ended(outcome);
  return outcome;
}

/// A runner that was killed left the checkpoint of an attempt that had just ended, and learning
/// that was restarted the one of an attempt that never will.
Result<void> JobRun::clear_last_run() {
  SYM_ASSIGN_OR_RETURN(const auto last, session_.ledger.last_run(session_.job.id));
  if (!last) {
    return {};
  }
  const bool is_over = last->status != ledger::RunStatus::kUnfinished;
  SYM_ASSIGN_OR_RETURN(const auto records, session_.ledger.recurrences_of_run(last->id));
  for (const RecurrenceRecord& recurrence : records) {
    for (const AttemptRecord& record : recurrence.attempts) {
      if (record.checkpoint && (is_over || record.attempt.stopped)) {
        remove_checkpoint(session_, record.attempt.id, record.checkpoint->path);
      }
    }
  }
  return {};
}

Result<void> JobRun::begin_or_resume() {
  SYM_RETURN_IF_ERROR(clear_last_run());
  SYM_ASSIGN_OR_RETURN(const auto unfinished, session_.ledger.unfinished_run(session_.job.id));
  resumed_ = unfinished.has_value();
  if (resumed_) {
    run_ = *unfinished;
    warn_of_own_recurrences(run_, session_.spec, options_);
    SYM_RETURN_IF_ERROR(session_.ledger.bury_dead_incarnations(run_.id));
  } else {
    SYM_ASSIGN_OR_RETURN(
        run_, session_.ledger.begin_run(session_.job.id, session_.history.id,
                                        options_.recurrences.value_or(session_.spec.recurrences),
                                        session_.spec.baseline_runs, system_clock().wall_now()));
  }
  listener_.on_run(session_.job, run_, resumed_);
  return {};
}

MaybeHalt JobRun::perform_recurrences() {
  SYM_ASSIGN_OR_RETURN(auto records, session_.ledger.recurrences_of_run(run_.id));
  RecurrenceRecord* open = nullptr;
  for (RecurrenceRecord& record : records) {
    const bool is_tuned = record.recurrence.kind == RecurrenceKind::kTuned;
    if (!record.recurrence.finished) {
      open = &record;
    } else {
      ++(is_tuned ? tuned_ : baseline_);
      if (is_unreached(record) && unreached_.empty()) {
        unreached_ = unreached_notice(record, session_.spec.target);
      }
    }
  }
  while (const auto next = next_kind(run_, tuned_, baseline_)) {
    if (options_.interrupted()) {
      return Halt{RunOutcome::Kind::kInterrupted, "interrupted between recurrences"};
    }
    const RecurrenceKind kind = open != nullptr ? open->recurrence.kind : *next;
    SYM_ASSIGN_OR_RETURN(const auto halt, perform_recurrence(kind, open));
    if (halt || learning_is_stuck_) {
      return halt;
    }
    open = nullptr;
    ++(kind == RecurrenceKind::kTuned ? tuned_ : baseline_);
  }
  return std::optional<Halt>{};
}

// --- A recurrence -------------------------------------------------------------------------------

MaybeHalt JobRun::perform_recurrence(RecurrenceKind kind, RecurrenceRecord* open) {
  recurrence_finished_ = false;
  std::optional<ledger::Id> id;
  int try_index = 1;
  if (open != nullptr) {
    id = open->recurrence.id;
    AttemptRecord& last = open->attempts.back();
    try_index = last.attempt.try_index + 1;
    if (!last.attempt.stopped) {
      SYM_ASSIGN_OR_RETURN(const auto halt, perform_attempt(open->recurrence, std::move(last)));
      if (halt) {
        return halt;
      }
    }
  }
  for (; !recurrence_finished_; ++try_index) {
    if (options_.interrupted()) {
      return Halt{RunOutcome::Kind::kInterrupted, "interrupted between attempts"};
    }
    auto attempt = decide(kind, id, try_index);
    if (!attempt && attempt.error().code() == ErrorCode::kFailedPrecondition) {
      SYM_ASSIGN_OR_RETURN(const std::string notice, last_unreached_notice());
      unreached_ =
          notice + (notice.empty() ? "" : "\nlearning cannot go on: ") + attempt.error().message();
      learning_is_stuck_ = true;
      return std::optional<Halt>{};
    }
    SYM_RETURN_IF_ERROR(attempt);
    id = attempt->recurrence;
    ledger::Recurrence recurrence;
    recurrence.id = attempt->recurrence;
    recurrence.run = run_.id;
    recurrence.kind = kind;
    SYM_ASSIGN_OR_RETURN(recurrence.index,
                         session_.ledger.count_recurrences(session_.job.id, kind));
    AttemptRecord record;
    record.attempt = *attempt;
    SYM_ASSIGN_OR_RETURN(const auto halt, perform_attempt(recurrence, std::move(record)));
    if (halt) {
      return halt;
    }
  }
  return std::optional<Halt>{};
}

Result<tune::Trial> JobRun::next_trial(RecurrenceKind kind, int try_index) {
  if (kind == RecurrenceKind::kTuned) {
    return controller_.next(draws_);
  }
  tune::Trial trial;
  trial.try_index = try_index;
  trial.batch_size = session_.spec.batch_size;
  trial.stage = "baseline";
  trial.why =
      R"({"stage":"baseline","reason":"the default configuration, measured for comparison"})";
  return trial;
}

Result<ledger::Attempt> JobRun::decide(RecurrenceKind kind, std::optional<ledger::Id> recurrence,
                                       int try_index) {
  const JobSpec& spec = session_.spec;
  SYM_ASSIGN_OR_RETURN(const tune::Trial trial, next_trial(kind, try_index));
  SYM_ASSIGN_OR_RETURN(const double learning_rate,
                       tune::scaled_learning_rate(spec.optimizer, spec.learning_rate,
                                                  spec.batch_size, trial.batch_size));
  SYM_ASSIGN_OR_RETURN(const std::int64_t before,
                       session_.ledger.count_recurrences(session_.job.id, kind));
  const std::int64_t index = recurrence ? before : before + 1;
  const bool tuned = kind == RecurrenceKind::kTuned;

  ledger::Decision decision;
  decision.run = run_.id;
  decision.history = session_.history.id;
  decision.kind = kind;
  decision.recurrence = recurrence;
  decision.attempt.try_index = try_index;
  decision.attempt.batch_size = trial.batch_size;
  decision.attempt.learning_rate = learning_rate;
  decision.attempt.max_epochs = spec.max_epochs;
  decision.attempt.seed =
      derive_seed(derive_seed(session_.history.seed, tuned ? "train" : "baseline",
                              static_cast<std::uint64_t>(index)),
                  "try", static_cast<std::uint64_t>(try_index));
  decision.attempt.cost_bound = trial.cost_bound;
  decision.attempt.why = trial.why;
  if (tuned) {
    decision.policy = controller_.save();
    decision.draws = draws_.random().state();
  }
  return session_.ledger.decide(decision);
}

// --- An attempt ---------------------------------------------------------------------------------

MaybeHalt JobRun::perform_attempt(const ledger::Recurrence& recurrence, AttemptRecord record) {
  const bool tuned = recurrence.kind == RecurrenceKind::kTuned;
  listener_.on_attempt(recurrence, record.attempt, 1 + (tuned ? tuned_ : baseline_));
  retries_ = 0;
  return train_until_it_ends(recurrence, record);
}

MaybeHalt JobRun::train_until_it_ends(const ledger::Recurrence& recurrence, AttemptRecord& record) {
  // A process that was killed after the last epoch left no weights: another one runs that epoch
  // again from its checkpoint and writes them. Asked for once: not every worker has weights. Never
  // of a plain command, which may have to train all over for them.
  bool closed = session_.spec.plain() != nullptr;
  std::optional<Ending> exhausted;
  for (;;) {
    SYM_ASSIGN_OR_RETURN(const auto known, known_epoch_cost(record.attempt));
    auto ending = judge(session_.spec, session_.job, record.attempt, record.epochs, known);
    ending = ending ? ending : exhausted;
    if (ending && (closed || ending->stopped != Stopped::kReached || has_weights(record))) {
      SYM_RETURN_IF_ERROR(finish(recurrence, record, *ending));
      return std::optional<Halt>{};
    }
    SYM_ASSIGN_OR_RETURN(const train::AttemptEnd end, run_process(recurrence, record));
    switch (end.kind) {
      case train::AttemptEnd::Kind::kStopped:
        closed = true;
        break;
      case train::AttemptEnd::Kind::kExhausted:
        exhausted = Ending{Stopped::kMaxEpochs, end.reason};
        break;
      case train::AttemptEnd::Kind::kDiverged:
        break;  // judged from the record, at the top
      case train::AttemptEnd::Kind::kInfeasible:
        SYM_RETURN_IF_ERROR(finish(recurrence, record, {Stopped::kInfeasible, end.reason}));
        return std::optional<Halt>{};
      case train::AttemptEnd::Kind::kInterrupted:
        return Halt{RunOutcome::Kind::kInterrupted, end.reason + "; run it again to go on"};
      case train::AttemptEnd::Kind::kFailed:
        SYM_RETURN_IF_ERROR(session_.ledger.count_failure(record.attempt.id, end.reason));
        if (++retries_ > kMaxRetries) {
          return Halt{RunOutcome::Kind::kFailed,
                      fmt::format("the worker failed {} times, last: {}\n{}", retries_, end.reason,
                                  end.stderr_tail)};
        }
        listener_.on_retry(retry_notice(end.reason, record.checkpoint.has_value(), retries_));
        break;
    }
  }
}

/// One process. `record` is read back from the ledger afterwards.
Result<train::AttemptEnd> JobRun::run_process(const ledger::Recurrence& recurrence,
                                              AttemptRecord& record) {
  SYM_ASSIGN_OR_RETURN(const auto known, known_epoch_cost(record.attempt));
  SYM_ASSIGN_OR_RETURN(
      ledger::Incarnation incarnation,
      session_.ledger.begin_incarnation(record.attempt.id, system_clock().wall_now()));
  SYM_RETURN_IF_ERROR(prepare_directory(record, incarnation));
  listener_.on_worker(incarnation);
  AttemptRecorder recorder(session_, options_, listener_, record, incarnation, known);
  auto end =
      train::run_attempt(attempt_options(session_, recurrence, record), session_.monitor, recorder);
  if (!end) {
    book_broken_process(record.attempt.id, incarnation.id, end.error());
    return tl::unexpected(std::move(end).error());
  }
  SYM_RETURN_IF_ERROR(recorder.on_closed(end->closing));
  if (end->kind == train::AttemptEnd::Kind::kDiverged && !recorder.has_diverged()) {
    SYM_RETURN_IF_ERROR(recorder.record_diverged_epoch(end->unfinished));
    end->unfinished = Usage{};
  }
  SYM_RETURN_IF_ERROR(
      session_.ledger.end_incarnation(incarnation.id, end->reason, end->lost + end->unfinished));
  SYM_ASSIGN_OR_RETURN(record, session_.ledger.read_attempt(record.attempt.id));
  // With the epochs that were recorded before, and that it had to run again.
  listener_.on_worker_ended(end->reason, record.incarnations.back().lost);
  return std::move(*end);
}

/// The run cannot go on. Should the ledger be what broke, the next invocation books it.
void JobRun::book_broken_process(ledger::Id attempt, ledger::Id incarnation, const Error& error) {
  const auto record = session_.ledger.read_attempt(attempt);
  if (!record || record->incarnations.empty()) {
    return;
  }
  const std::string how = "the runner failed: " + error.message();
  const Usage spent = record->incarnations.back().pending;
  if (session_.ledger.end_incarnation(incarnation, how, spent)) {
    listener_.on_worker_ended(how, record->incarnations.back().lost + spent);
  }
}

/// The folder is this attempt's alone, and holds no weights but those it is going to write: an
/// interrupted process leaves the ones it had.
Result<void> JobRun::prepare_directory(const AttemptRecord& record,
                                       const ledger::Incarnation& incarnation) const {
  const std::filesystem::path folder = attempt_directory(record.attempt.id);
  std::error_code error;
  if (incarnation.number == 1 && std::filesystem::exists(folder, error)) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("{}: exists, but is not of this ledger's making: another ledger keeps "
                            "its models in this home. Give --home, or move the folder away",
                            folder.string()));
  }
  std::filesystem::remove(weights_path(record), error);
  return symbiont::create_directories(folder);
}

Result<void> JobRun::finish(const ledger::Recurrence& recurrence, const AttemptRecord& record,
                            const Ending& ending) {
  ledger::AttemptResult result;
  result.attempt = record.attempt.id;
  result.history = session_.history.id;
  result.stopped = ending.stopped;
  result.reason = ending.reason;
  result.cost = attempt_cost(session_.spec, session_.job, record.epochs);
  if (ending.stopped == Stopped::kReached && has_weights(record)) {
    result.weights = weights_path(record).lexically_relative(home()).string();
  }
  if (recurrence.kind == RecurrenceKind::kTuned) {
    SYM_RETURN_IF_ERROR(
        controller_.observe(record.attempt.batch_size, outcome_of(record, ending, result.cost)));
    SYM_ASSIGN_OR_RETURN(const bool nothing_left, is_stuck());
    result.recurrence_finished = !controller_.recurrence_open() || nothing_left;
    result.recurrence_reached =
        !controller_.recurrence_open() && controller_.last_recurrence_reached();
    result.policy = controller_.save();
    result.draws = draws_.random().state();
  } else {
    result.recurrence_finished = true;
    result.recurrence_reached = ending.stopped == Stopped::kReached;
  }
  SYM_RETURN_IF_ERROR(session_.ledger.finish_attempt(result));
  if (record.checkpoint) {
    remove_checkpoint(session_, record.attempt.id, record.checkpoint->path);
  }
  if (session_.spec.plain() != nullptr) {  // which may have saved one since
    remove_checkpoint(session_, record.attempt.id,
                      attempt_directory(record.attempt.id) / train::kPlainCheckpoint);
  }
  recurrence_finished_ = result.recurrence_finished;
  if (recurrence.kind == RecurrenceKind::kTuned && result.recurrence_finished &&
      !result.recurrence_reached && unreached_.empty()) {
    SYM_ASSIGN_OR_RETURN(unreached_, last_unreached_notice());
  }
  listener_.on_attempt_finished(result);
  failpoint("jobs.attempt.finished");
  return {};
}

/// Whether the policy has no trial left to choose, asked of a copy so that nothing is drawn.
Result<bool> JobRun::is_stuck() const {
  SYM_ASSIGN_OR_RETURN(auto copy, tune::RecurrenceController::restore(session_.spec.policy_config(),
                                                                      controller_.save()));
  tune::SeededDraws draws = draws_;
  return !copy.next(draws).has_value();
}

/// Of the last recurrence of this history without a model, which may be in an earlier run: what it
/// ended with keeps the policy from going on in this one. Empty when there is none.
Result<std::string> JobRun::last_unreached_notice() const {
  SYM_ASSIGN_OR_RETURN(std::vector<ledger::Run> runs, session_.ledger.runs(session_.job.id));
  std::reverse(runs.begin(), runs.end());
  for (const ledger::Run& run : runs) {
    if (run.history != session_.history.id) {
      continue;
    }
    SYM_ASSIGN_OR_RETURN(const auto records, session_.ledger.recurrences_of_run(run.id));
    const auto found = std::find_if(records.rbegin(), records.rend(), is_unreached);
    if (found != records.rend()) {
      return unreached_notice(*found, session_.spec.target);
    }
  }
  return std::string();
}

std::filesystem::path JobRun::attempt_directory(ledger::Id attempt) const {
  return session_.attempt_folder(attempt);
}

/// Where a worker puts its final weights (docs/reference/worker-protocol.md).
std::filesystem::path JobRun::weights_path(const AttemptRecord& record) const {
  return attempt_directory(record.attempt.id) / "weights.safetensors";
}

bool JobRun::has_weights(const AttemptRecord& record) const {
  std::error_code ignored;
  return std::filesystem::is_regular_file(weights_path(record), ignored);
}

Result<std::optional<Joules>> JobRun::known_epoch_cost(const ledger::Attempt& attempt) const {
  SYM_ASSIGN_OR_RETURN(const std::vector<Usage> usages,
                       session_.ledger.epoch_usages(session_.history.id, attempt.batch_size));
  std::optional<Joules> least;
  for (const Usage& usage : usages) {
    const Joules cost = usage_cost(session_.spec, session_.job, usage);
    least = least ? std::min(*least, cost) : cost;
  }
  return least;
}

}  // namespace

std::filesystem::path ledger_path(const std::filesystem::path& home) {
  return home / "ledger.sqlite";
}

Result<RunOutcome> run_job(const JobSpec& spec, const RunOptions& options, RunListener& listener) {
  SYM_ASSIGN_OR_RETURN(Session session, open_session(spec, options));
  auto controller =
      tune::RecurrenceController::restore(spec.policy_config(), session.history.policy);
  if (!controller) {
    // The refusal is the news; a lease that could not be given back dies with this process anyway.
    (void)session.ledger.release_lease(lease_name(spec.name), session.holder);
    return tl::unexpected(std::move(controller)
                              .error()
                              .while_doing(spec.place("tune", "policy") +
                                           " (--restart-learning starts a new history)"));
  }
  SYM_ASSIGN_OR_RETURN(const Random random, Random::restore(session.history.draws));
  JobRun run(std::move(session), options, listener, std::move(*controller),
             tune::SeededDraws(random));
  return run.perform();
}

}  // namespace symbiont::jobs
