#include <optional>
#include <utility>

#include "rows.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

constexpr Change kCreateJob = {"create job", "ledger.create_job.before", "ledger.create_job.after"};
constexpr Change kStartHistory = {"start history", "ledger.start_history.before",
                                  "ledger.start_history.after"};

Result<Id> insert_history(store::Database& database, const History& history) {
  return require(database.first(
                     "INSERT INTO histories (job, number, identity, policy, draws, seed) "
                     "VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
                     [](store::Row& row) { return row.integer(); }, history.job, history.number,
                     history.identity, history.policy, history.draws, column(history.seed)),
                 "history of job", history.job);
}

Result<std::optional<History>> newest_history(store::Database& database, Id job) {
  return database.first(query(kSelectHistory, "WHERE job = ? ORDER BY number DESC LIMIT 1"),
                        read_history, job);
}

Result<std::optional<Job>> job_named(store::Database& database, std::string_view name) {
  return database.first(query(kSelectJob, "WHERE name = ?"), read_job, name);
}

}  // namespace

Result<std::vector<Job>> Ledger::jobs() const {
  return state_->look("list jobs", [](store::Database& database) {
    return database.all(query(kSelectJob, "ORDER BY id"), read_job);
  });
}

Result<std::optional<Job>> Ledger::find_job(std::string_view name) const {
  return state_->look("find job",
                      [&](store::Database& database) { return job_named(database, name); });
}

Result<Job> Ledger::create_job(const Job& job, const History& first_history, WallTime now) {
  return state_->change(kCreateJob, [&](store::Database& database) -> Result<Job> {
    SYM_ASSIGN_OR_RETURN(const std::optional<Job> existing, job_named(database, job.name));
    if (existing) {
      return fail(ErrorCode::kAlreadyExists, "there is a job \"" + job.name + "\"");
    }
    Job created = job;
    created.created = now;
    SYM_ASSIGN_OR_RETURN(const std::optional<Id> id,
                         database.first(
                             "INSERT INTO jobs (name, created_ns, meters, provenance, scope, "
                             "max_power_w, seed) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                             [](store::Row& row) { return row.integer(); }, job.name, column(now),
                             job.meters, to_string(job.provenance), to_string(job.scope),
                             job.max_power.value(), column(job.seed)));
    created.id = id.value();
    History history = first_history;
    history.job = created.id;
    history.number = 1;
    SYM_RETURN_IF_ERROR(insert_history(database, history));
    return created;
  });
}

Result<History> Ledger::current_history(Id job) const {
  return state_->look("find history", [&](store::Database& database) {
    return require(newest_history(database, job), "history of job", job);
  });
}

Result<History> Ledger::find_history(Id history) const {
  return state_->look("find history", [&](store::Database& database) {
    return require(database.first(query(kSelectHistory, "WHERE id = ?"), read_history, history),
                   "history", history);
  });
}

Result<History> Ledger::start_history(Id job, const History& history) {
  return state_->change(kStartHistory, [&](store::Database& database) -> Result<History> {
    SYM_ASSIGN_OR_RETURN(const History last,
                         require(newest_history(database, job), "history of job", job));
    History next = history;
    next.job = job;
    next.number = last.number + 1;
    SYM_ASSIGN_OR_RETURN(next.id, insert_history(database, next));
    return next;
  });
}

}  // namespace symbiont::ledger
