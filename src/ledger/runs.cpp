#include "rows.h"
#include "spending.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

constexpr Change kBeginRun = {"begin run", "ledger.begin_run.before", "ledger.begin_run.after"};
constexpr Change kFinishRun = {"finish run", "ledger.finish_run.before", "ledger.finish_run.after"};

Result<std::optional<Run>> find_unfinished(store::Database& database, Id job) {
  return database.first(
      query(kSelectRun, "WHERE job = ? AND status = 'unfinished' ORDER BY id LIMIT 1"), read_run,
      job);
}

Result<void> refuse_foreign_history(store::Database& database, Id job, Id history) {
  SYM_ASSIGN_OR_RETURN(
      const History found,
      require(database.first(query(kSelectHistory, "WHERE id = ?"), read_history, history),
              "history", history));
  if (found.job != job) {
    return fail(ErrorCode::kInvalidArgument,
                "history " + std::to_string(history) + " belongs to another job");
  }
  return {};
}

}  // namespace

Result<std::optional<Run>> Ledger::unfinished_run(Id job) const {
  return state_->look("find unfinished run",
                      [&](store::Database& database) { return find_unfinished(database, job); });
}

Result<std::optional<Run>> Ledger::last_run(Id job) const {
  return state_->look("find last run", [&](store::Database& database) {
    return database.first(query(kSelectRun, "WHERE job = ? ORDER BY id DESC LIMIT 1"), read_run,
                          job);
  });
}

Result<std::optional<Run>> Ledger::find_run(Id run) const {
  return state_->look("find run", [&](store::Database& database) {
    return database.first(query(kSelectRun, "WHERE id = ?"), read_run, run);
  });
}

Result<std::vector<Run>> Ledger::runs(Id job) const {
  return state_->look("list runs", [&](store::Database& database) {
    return database.all(query(kSelectRun, "WHERE job = ? ORDER BY id"), read_run, job);
  });
}

Result<Run> Ledger::begin_run(Id job, Id history, std::int64_t recurrences,
                              std::int64_t baseline_runs, WallTime now) {
  return state_->change(kBeginRun, [&](store::Database& database) -> Result<Run> {
    SYM_RETURN_IF_ERROR(refuse_foreign_history(database, job, history));
    SYM_ASSIGN_OR_RETURN(const std::optional<Run> unfinished, find_unfinished(database, job));
    if (unfinished) {
      return fail(ErrorCode::kFailedPrecondition,
                  "run " + std::to_string(unfinished->id) + " of the job is unfinished");
    }
    SYM_ASSIGN_OR_RETURN(
        const std::optional<Id> id,
        database.first(
            "INSERT INTO runs (job, history, recurrences, baseline_runs, started_ns, "
            "status) VALUES (?, ?, ?, ?, ?, 'unfinished') RETURNING id",
            [](store::Row& row) { return row.integer(); }, job, history, recurrences, baseline_runs,
            column(now)));
    return require_run(database, id.value());
  });
}

Result<void> Ledger::finish_run(Id run, RunStatus status, WallTime now) {
  return state_->change(kFinishRun, [&](store::Database& database) -> Result<void> {
    SYM_ASSIGN_OR_RETURN(const Run found, require_run(database, run));
    if (found.status != RunStatus::kUnfinished) {
      return fail(ErrorCode::kFailedPrecondition,
                  "run " + std::to_string(run) + " is finished already");
    }
    SYM_ASSIGN_OR_RETURN(const std::vector<Id> open,
                         database.all(
                             "SELECT attempts.id FROM attempts "
                             "JOIN recurrences ON recurrences.id = attempts.recurrence "
                             "WHERE recurrences.run = ? AND stopped IS NULL",
                             [](store::Row& row) { return row.integer(); }, run));
    for (const Id attempt : open) {
      SYM_RETURN_IF_ERROR(ledger::lose_carried(database, attempt));
    }
    return database.execute("UPDATE runs SET status = ?, finished_ns = ? WHERE id = ?",
                            to_string(status), column(now), run);
  });
}

}  // namespace symbiont::ledger
