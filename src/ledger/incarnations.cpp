#include <string>

#include "rows.h"
#include "spending.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

constexpr Change kBegin = {"begin incarnation", "ledger.begin_incarnation.before",
                           "ledger.begin_incarnation.after"};
constexpr Change kRecordStartup = {"record start-up", "ledger.record_startup.before",
                                   "ledger.record_startup.after"};
constexpr Change kRecordPending = {"record pending usage", "ledger.record_pending.before",
                                   "ledger.record_pending.after", store::Durability::kRelaxed};
constexpr Change kRecordEpoch = {"record epoch", "ledger.record_epoch.before",
                                 "ledger.record_epoch.after"};
constexpr Change kRecordCheckpoint = {"record checkpoint", "ledger.record_checkpoint.before",
                                      "ledger.record_checkpoint.after"};
constexpr Change kLoseCarried = {"lose carried usage", "ledger.lose_carried.before",
                                 "ledger.lose_carried.after"};
constexpr Change kEnd = {"end incarnation", "ledger.end_incarnation.before",
                         "ledger.end_incarnation.after"};
constexpr Change kBury = {"bury dead incarnations", "ledger.bury_dead_incarnations.before",
                          "ledger.bury_dead_incarnations.after"};

/// An incarnation that runs, of an attempt that does.
Result<Incarnation> require_live(store::Database& database, Id attempt, Id incarnation) {
  SYM_ASSIGN_OR_RETURN(const Attempt found, require_attempt(database, attempt));
  if (found.stopped) {
    return fail(ErrorCode::kFailedPrecondition,
                "attempt " + std::to_string(attempt) + " is finished");
  }
  return require_running(database, incarnation, attempt);
}

Result<std::int64_t> last_epoch(store::Database& database, Id attempt) {
  SYM_ASSIGN_OR_RETURN(const std::optional<std::int64_t> last,
                       database.first(
                           "SELECT coalesce(max(epoch), 0) FROM epochs WHERE attempt = ?",
                           [](store::Row& row) { return row.integer(); }, attempt));
  return last.value_or(0);
}

Result<void> insert_epoch(store::Database& database, Id attempt, Id incarnation,
                          const Epoch& epoch) {
  return database.execute(
      "INSERT INTO epochs (attempt, epoch, incarnation, metric, train_time_s, evaluation_time_s, "
      "energy_uj, uncertainty_uj, time_ns, provenance, scope, begin_ns, end_ns, emitted_g) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      attempt, epoch.index, incarnation, epoch.metric, epoch.train_seconds,
      epoch.evaluation_seconds, columns(epoch.usage), column(epoch.begin), column(epoch.end),
      column(epoch.emitted));
}

Result<void> end(store::Database& database, const Incarnation& incarnation, std::string_view how) {
  SYM_RETURN_IF_ERROR(store_spending(database, incarnation));
  return database.execute("UPDATE incarnations SET ended = 1, how = ? WHERE id = ?", how,
                          incarnation.id);
}

}  // namespace

Result<Incarnation> Ledger::begin_incarnation(Id attempt, WallTime now) {
  return state_->change(kBegin, [&](store::Database& database) -> Result<Incarnation> {
    SYM_ASSIGN_OR_RETURN(const Attempt found, require_attempt(database, attempt));
    if (found.stopped) {
      return fail(ErrorCode::kFailedPrecondition,
                  "attempt " + std::to_string(attempt) + " is finished");
    }
    SYM_ASSIGN_OR_RETURN(
        const std::optional<Id> id,
        database.first(
            "INSERT INTO incarnations (attempt, number, started_ns) "
            "SELECT ?, coalesce(max(number), 0) + 1, ? FROM incarnations "
            "WHERE attempt = ? RETURNING id",
            [](store::Row& row) { return row.integer(); }, attempt, column(now), attempt));
    return require_incarnation(database, id.value());
  });
}

Result<void> Ledger::lose_carried(Id attempt) {
  return state_->change(kLoseCarried, [&](store::Database& database) {
    return ledger::lose_carried(database, attempt);
  });
}

Result<void> Ledger::record_startup(Id incarnation, const Usage& startup) {
  return state_->change(kRecordStartup, [&](store::Database& database) -> Result<void> {
    SYM_RETURN_IF_ERROR(require_running(database, incarnation));
    return database.execute(
        "UPDATE incarnations SET startup_energy_uj = ?, startup_uncertainty_uj = ?, "
        "startup_time_ns = ?, startup_provenance = ?, startup_scope = ? WHERE id = ?",
        columns(startup), incarnation);
  });
}

Result<void> Ledger::record_pending(Id incarnation, const Usage& pending) {
  return state_->change(kRecordPending, [&](store::Database& database) -> Result<void> {
    SYM_ASSIGN_OR_RETURN(Incarnation running, require_running(database, incarnation));
    running.pending = pending;
    return store_spending(database, running);
  });
}

Result<bool> Ledger::record_epoch(Id attempt, Id incarnation, const Epoch& epoch) {
  return state_->change(kRecordEpoch, [&](store::Database& database) -> Result<bool> {
    SYM_ASSIGN_OR_RETURN(Incarnation running, require_live(database, attempt, incarnation));
    SYM_ASSIGN_OR_RETURN(const std::int64_t last, last_epoch(database, attempt));
    if (epoch.index > last + 1) {
      return fail(
          ErrorCode::kFailedPrecondition,
          "epoch " + std::to_string(epoch.index) + " cannot follow epoch " + std::to_string(last));
    }
    const bool is_new = epoch.index == last + 1;
    running.pending = Usage{};
    if (is_new) {
      SYM_RETURN_IF_ERROR(insert_epoch(database, attempt, incarnation, epoch));
      SYM_RETURN_IF_ERROR(clear_carried(database, attempt));
    } else {
      SYM_RETURN_IF_ERROR(lose(running, epoch.usage));
    }
    SYM_RETURN_IF_ERROR(store_spending(database, running));
    return is_new;
  });
}

Result<void> Ledger::record_checkpoint(Id attempt, Id incarnation,
                                       const CheckpointRecord& checkpoint) {
  return state_->change(kRecordCheckpoint, [&](store::Database& database) -> Result<void> {
    SYM_ASSIGN_OR_RETURN(Incarnation running, require_live(database, attempt, incarnation));
    running.pending = Usage{};
    SYM_RETURN_IF_ERROR(store_spending(database, running));
    return database.execute(
        "INSERT INTO checkpoints (attempt, incarnation, path, epoch, position, "
        "carried_energy_uj, carried_uncertainty_uj, carried_time_ns, carried_provenance, "
        "carried_scope, carried_emitted_g) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT "
        "(attempt) DO UPDATE "
        "SET incarnation = excluded.incarnation, path = excluded.path, epoch = excluded.epoch, "
        "position = excluded.position, carried_energy_uj = excluded.carried_energy_uj, "
        "carried_uncertainty_uj = excluded.carried_uncertainty_uj, "
        "carried_time_ns = excluded.carried_time_ns, "
        "carried_provenance = excluded.carried_provenance, "
        "carried_scope = excluded.carried_scope, "
        "carried_emitted_g = excluded.carried_emitted_g",
        attempt, incarnation, checkpoint.path, checkpoint.epoch, checkpoint.position,
        columns(checkpoint.carried), column(checkpoint.carried_emitted));
  });
}

Result<void> Ledger::end_incarnation(Id incarnation, std::string_view how, const Usage& lost) {
  return state_->change(kEnd, [&](store::Database& database) -> Result<void> {
    SYM_ASSIGN_OR_RETURN(Incarnation running, require_running(database, incarnation));
    running.pending = Usage{};
    SYM_RETURN_IF_ERROR(lose(running, lost));
    return end(database, running, how);
  });
}

Result<std::int64_t> Ledger::bury_dead_incarnations(Id run) {
  return state_->change(kBury, [&](store::Database& database) -> Result<std::int64_t> {
    SYM_ASSIGN_OR_RETURN(
        std::vector<Incarnation> dead,
        database.all(query(kSelectIncarnation,
                           "WHERE ended = 0 AND attempt IN (SELECT attempts.id FROM attempts "
                           "JOIN recurrences ON recurrences.id = attempts.recurrence "
                           "WHERE recurrences.run = ?) ORDER BY id"),
                     read_incarnation, run));
    for (Incarnation& incarnation : dead) {
      SYM_RETURN_IF_ERROR(lose(incarnation, std::exchange(incarnation.pending, Usage{})));
      SYM_RETURN_IF_ERROR(end(database, incarnation, "killed"));
    }
    return static_cast<std::int64_t>(dead.size());
  });
}

}  // namespace symbiont::ledger
