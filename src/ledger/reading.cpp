#include <utility>

#include "rows.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

Result<AttemptRecord> complete(store::Database& database, Attempt attempt) {
  AttemptRecord record;
  record.attempt = std::move(attempt);
  const Id id = record.attempt.id;
  SYM_ASSIGN_OR_RETURN(
      record.epochs,
      database.all(query(kSelectEpoch, "WHERE attempt = ? ORDER BY epoch"), read_epoch, id));
  SYM_ASSIGN_OR_RETURN(record.incarnations,
                       database.all(query(kSelectIncarnation, "WHERE attempt = ? ORDER BY number"),
                                    read_incarnation, id));
  SYM_ASSIGN_OR_RETURN(
      record.checkpoint,
      database.first(query(kSelectCheckpoint, "WHERE attempt = ?"), read_checkpoint, id));
  return record;
}

Result<RecurrenceRecord> complete(store::Database& database, const Recurrence& recurrence) {
  RecurrenceRecord record;
  record.recurrence = recurrence;
  SYM_ASSIGN_OR_RETURN(
      std::vector<Attempt> attempts,
      database.all(query(kSelectAttempt, "WHERE recurrence = ? ORDER BY try_index"), read_attempt,
                   recurrence.id));
  for (Attempt& attempt : attempts) {
    SYM_ASSIGN_OR_RETURN(AttemptRecord completed, complete(database, std::move(attempt)));
    record.attempts.push_back(std::move(completed));
  }
  return record;
}

std::int64_t rounded_share(std::int64_t sum, std::int64_t count) {
  return (sum + count / 2) / count;
}

Usage mean(const std::vector<Usage>& usages) {
  Usage sum;
  for (const Usage& usage : usages) {
    sum += usage;
  }
  const auto count = static_cast<std::int64_t>(usages.size());
  sum.energy_uj = rounded_share(sum.energy_uj, count);
  sum.uncertainty_uj = rounded_share(sum.uncertainty_uj, count);
  sum.time = std::chrono::nanoseconds(rounded_share(sum.time.count(), count));
  return sum;
}

}  // namespace

Result<std::vector<RecurrenceRecord>> Ledger::recurrences_of_run(Id run) const {
  using Records = Result<std::vector<RecurrenceRecord>>;
  return state_->look("read run", [&](store::Database& database) -> Records {
    SYM_ASSIGN_OR_RETURN(
        const std::vector<Recurrence> recurrences,
        database.all(query(kSelectRecurrence, "WHERE run = ? ORDER BY id"), read_recurrence, run));
    std::vector<RecurrenceRecord> records;
    for (const Recurrence& recurrence : recurrences) {
      SYM_ASSIGN_OR_RETURN(RecurrenceRecord record, complete(database, recurrence));
      records.push_back(std::move(record));
    }
    return records;
  });
}

Result<AttemptRecord> Ledger::read_attempt(Id attempt) const {
  return state_->look("read attempt", [&](store::Database& database) -> Result<AttemptRecord> {
    SYM_ASSIGN_OR_RETURN(Attempt found, require_attempt(database, attempt));
    return complete(database, std::move(found));
  });
}

Result<std::int64_t> Ledger::count_recurrences(Id job, RecurrenceKind kind) const {
  return state_->look("count recurrences", [&](store::Database& database) -> Result<std::int64_t> {
    SYM_ASSIGN_OR_RETURN(const std::optional<std::int64_t> count,
                         database.first(
                             "SELECT count(*) FROM recurrences WHERE job = ? AND kind = ?",
                             [](store::Row& row) { return row.integer(); }, job, to_string(kind)));
    return count.value_or(0);
  });
}

Result<std::vector<Usage>> Ledger::epoch_usages(Id history, std::int64_t batch_size) const {
  using Answer = Result<std::vector<Usage>>;
  return state_->look("read usage of epochs", [&](store::Database& database) -> Answer {
    SYM_ASSIGN_OR_RETURN(const std::vector<Id> attempts,
                         database.all(
                             "SELECT attempts.id FROM attempts "
                             "JOIN decisions ON decisions.attempt = attempts.id "
                             "JOIN recurrences ON recurrences.id = attempts.recurrence "
                             "WHERE decisions.history = ? AND attempts.batch_size = ? AND kind = ? "
                             "AND EXISTS (SELECT 1 FROM epochs WHERE epochs.attempt = attempts.id) "
                             "ORDER BY attempts.id",
                             [](store::Row& row) { return row.integer(); }, history, batch_size,
                             to_string(RecurrenceKind::kTuned)));
    std::vector<Usage> means;
    for (const Id attempt : attempts) {
      SYM_ASSIGN_OR_RETURN(
          const std::vector<Usage> usages,
          database.all("SELECT energy_uj, uncertainty_uj, time_ns, provenance, scope FROM epochs "
                       "WHERE attempt = ?",
                       read_usage, attempt));
      means.push_back(mean(usages));
    }
    return means;
  });
}

}  // namespace symbiont::ledger
