#include <string>

#include "rows.h"
#include "spending.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

constexpr Change kDecide = {"decide", "ledger.decide.before", "ledger.decide.after"};
constexpr Change kCountFailure = {"count failure", "ledger.count_failure.before",
                                  "ledger.count_failure.after"};
constexpr Change kFinishAttempt = {"finish attempt", "ledger.finish_attempt.before",
                                   "ledger.finish_attempt.after"};

Id read_id(store::Row& row) {
  return row.integer();
}

Result<Id> open_recurrence(store::Database& database, const Run& run, RecurrenceKind kind) {
  SYM_ASSIGN_OR_RETURN(
      const std::optional<Id> id,
      database.first("INSERT INTO recurrences (job, run, kind, number) SELECT ?, ?, ?, "
                     "coalesce(max(number), 0) + 1 FROM recurrences WHERE job = ? AND kind = ? "
                     "RETURNING id",
                     read_id, run.job, run.id, to_string(kind), run.job, to_string(kind)));
  return id.value();
}

/// The recurrence is this run's, of this kind, and waits for its next attempt.
Result<void> refuse_if_not_waiting(store::Database& database, const Decision& decision) {
  const Id id = *decision.recurrence;
  SYM_ASSIGN_OR_RETURN(
      const Recurrence recurrence,
      require(database.first(query(kSelectRecurrence, "WHERE id = ?"), read_recurrence, id),
              "recurrence", id));
  if (recurrence.run != decision.run || recurrence.kind != decision.kind) {
    return fail(ErrorCode::kInvalidArgument,
                "recurrence " + std::to_string(id) + " is of another run or of another kind");
  }
  SYM_ASSIGN_OR_RETURN(
      const std::optional<Id> running,
      database.first("SELECT id FROM attempts WHERE recurrence = ? AND stopped IS NULL", read_id,
                     id));
  if (recurrence.finished || running) {
    return fail(ErrorCode::kFailedPrecondition,
                "recurrence " + std::to_string(id) +
                    (recurrence.finished ? " is finished" : " has an attempt that still runs"));
  }
  return {};
}

Result<Id> recurrence_of(store::Database& database, const Decision& decision) {
  SYM_ASSIGN_OR_RETURN(const Run run, require_run(database, decision.run));
  if (run.status != RunStatus::kUnfinished) {
    return fail(ErrorCode::kFailedPrecondition, "run " + std::to_string(run.id) + " is finished");
  }
  if (!decision.recurrence) {
    return open_recurrence(database, run, decision.kind);
  }
  SYM_RETURN_IF_ERROR(refuse_if_not_waiting(database, decision));
  return *decision.recurrence;
}

Result<Attempt> insert_attempt(store::Database& database, const Attempt& attempt, Id recurrence) {
  SYM_ASSIGN_OR_RETURN(
      const std::optional<Id> id,
      database.first("INSERT INTO attempts (recurrence, try_index, batch_size, learning_rate, "
                     "max_epochs, seed, cost_bound_j) SELECT ?, coalesce(max(try_index), 0) + 1, "
                     "?, ?, ?, ?, ? FROM attempts WHERE recurrence = ? RETURNING id",
                     read_id, recurrence, attempt.batch_size, attempt.learning_rate,
                     attempt.max_epochs, column(attempt.seed), column(attempt.cost_bound),
                     recurrence));
  return require_attempt(database, id.value());
}

Result<void> refuse_if_finished(store::Database& database, Id attempt) {
  SYM_ASSIGN_OR_RETURN(const Attempt found, require_attempt(database, attempt));
  if (found.stopped) {
    return fail(ErrorCode::kFailedPrecondition,
                "attempt " + std::to_string(attempt) + " is finished");
  }
  return {};
}

}  // namespace

Result<Attempt> Ledger::decide(const Decision& decision) {
  return state_->change(kDecide, [&](store::Database& database) -> Result<Attempt> {
    SYM_ASSIGN_OR_RETURN(const Id recurrence, recurrence_of(database, decision));
    SYM_ASSIGN_OR_RETURN(Attempt attempt, insert_attempt(database, decision.attempt, recurrence));
    SYM_RETURN_IF_ERROR(
        database.execute("INSERT INTO decisions (attempt, history, why) VALUES (?, ?, ?)",
                         attempt.id, decision.history, decision.attempt.why));
    SYM_RETURN_IF_ERROR(store_policy(database, decision.history, decision.policy, decision.draws));
    attempt.why = decision.attempt.why;
    return attempt;
  });
}

Result<std::int64_t> Ledger::count_failure(Id attempt, std::string_view reason) {
  return state_->change(kCountFailure, [&](store::Database& database) -> Result<std::int64_t> {
    SYM_RETURN_IF_ERROR(refuse_if_finished(database, attempt));
    SYM_ASSIGN_OR_RETURN(const std::optional<std::int64_t> failures,
                         database.first(
                             "UPDATE attempts SET failures = failures + 1, reason = ? WHERE id = ? "
                             "RETURNING failures",
                             [](store::Row& row) { return row.integer(); }, reason, attempt));
    return failures.value();
  });
}

Result<void> Ledger::finish_attempt(const AttemptResult& result) {
  return state_->change(kFinishAttempt, [&](store::Database& database) -> Result<void> {
    SYM_RETURN_IF_ERROR(refuse_if_finished(database, result.attempt));
    SYM_RETURN_IF_ERROR(ledger::lose_carried(database, result.attempt));
    SYM_RETURN_IF_ERROR(database.execute(
        "UPDATE attempts SET stopped = ?, reason = ?, cost_j = ?, weights = ?, epochs = "
        "(SELECT count(*) FROM epochs WHERE attempt = attempts.id) WHERE id = ?",
        to_string(result.stopped), result.reason, result.cost.value(), result.weights,
        result.attempt));
    SYM_RETURN_IF_ERROR(
        database.execute("UPDATE recurrences SET finished = ?, reached = ? "
                         "WHERE id = (SELECT recurrence FROM attempts WHERE id = ?)",
                         result.recurrence_finished, result.recurrence_reached, result.attempt));
    return store_policy(database, result.history, result.policy, result.draws);
  });
}

}  // namespace symbiont::ledger
