#include "rows.h"

#include <charconv>
#include <chrono>
#include <initializer_list>
#include <limits>

namespace symbiont::ledger {
namespace {

template <typename Enum>
Enum read_word(store::Row& row, std::initializer_list<Enum> all) {
  const std::string word = row.text();
  for (const Enum candidate : all) {
    if (to_string(candidate) == word) {
      return candidate;
    }
  }
  row.reject("holds \"" + word + "\"");
  return *all.begin();
}

RecurrenceKind read_kind(store::Row& row) {
  return read_word(row, {RecurrenceKind::kTuned, RecurrenceKind::kBaseline});
}

Provenance read_provenance(store::Row& row) {
  return read_word(row, {Provenance::kMeasured, Provenance::kModelled, Provenance::kReplayed,
                         Provenance::kSimulated, Provenance::kMixed});
}

Scope read_scope(store::Row& row) {
  return read_word(row, {Scope::kMachine, Scope::kProcess});
}

WallTime to_time(std::int64_t nanoseconds) {
  return WallTime(std::chrono::nanoseconds(nanoseconds));
}

std::optional<WallTime> read_optional_time(store::Row& row) {
  const std::optional<std::int64_t> nanoseconds = row.optional_integer();
  return nanoseconds ? std::optional(to_time(*nanoseconds)) : std::nullopt;
}

template <typename Unit>
std::optional<Unit> read_optional_quantity(store::Row& row) {
  const std::optional<double> value = row.optional_real();
  return value ? std::optional(Unit(*value)) : std::nullopt;
}

std::optional<Stopped> read_stopped(store::Row& row) {
  const std::optional<std::string> word = row.optional_text();
  if (!word) {
    return std::nullopt;
  }
  for (const Stopped candidate :
       {Stopped::kReached, Stopped::kBound, Stopped::kMaxEpochs, Stopped::kDiverged,
        Stopped::kInfeasible, Stopped::kFailed, Stopped::kInterrupted}) {
    if (to_string(candidate) == *word) {
      return candidate;
    }
  }
  row.reject("holds \"" + *word + "\"");
  return std::nullopt;
}

}  // namespace

WallTime read_time(store::Row& row) {
  return to_time(row.integer());
}

std::uint64_t read_seed(store::Row& row) {
  const std::string text = row.text();
  std::uint64_t seed = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    row.reject("holds \"" + text + "\", expected a whole number below 2^64");
  }
  return seed;
}

// Braced initialisers are evaluated from left to right, as the columns must be.

Usage read_usage(store::Row& row) {
  return Usage{.energy_uj = row.integer(),
               .uncertainty_uj = row.integer(),
               .time = std::chrono::nanoseconds(row.integer()),
               .provenance = read_provenance(row),
               .scope = read_scope(row)};
}

RunStatus read_run_status(store::Row& row) {
  return read_word(row, {RunStatus::kUnfinished, RunStatus::kFinished, RunStatus::kUnreached,
                         RunStatus::kFailed});
}

Job read_job(store::Row& row) {
  return Job{.id = row.integer(),
             .name = row.text(),
             .created = read_time(row),
             .meters = row.text(),
             .provenance = read_provenance(row),
             .scope = read_scope(row),
             .max_power = Watts(row.real()),
             .seed = read_seed(row)};
}

History read_history(store::Row& row) {
  return History{.id = row.integer(),
                 .job = row.integer(),
                 .number = row.integer(),
                 .identity = row.text(),
                 .policy = row.text(),
                 .draws = row.text(),
                 .seed = read_seed(row)};
}

Run read_run(store::Row& row) {
  return Run{.id = row.integer(),
             .job = row.integer(),
             .history = row.integer(),
             .recurrences = row.integer(),
             .baseline_runs = row.integer(),
             .started = read_time(row),
             .finished = read_optional_time(row),
             .status = read_run_status(row)};
}

Recurrence read_recurrence(store::Row& row) {
  return Recurrence{.id = row.integer(),
                    .run = row.integer(),
                    .kind = read_kind(row),
                    .index = row.integer(),
                    .finished = row.boolean(),
                    .reached = row.boolean()};
}

Attempt read_attempt(store::Row& row) {
  return Attempt{.id = row.integer(),
                 .recurrence = row.integer(),
                 .try_index = static_cast<int>(row.integer()),
                 .batch_size = row.integer(),
                 .learning_rate = row.real(),
                 .max_epochs = row.integer(),
                 .seed = read_seed(row),
                 .cost_bound = read_optional_quantity<Joules>(row),
                 .why = row.text(),
                 .stopped = read_stopped(row),
                 .reason = row.text(),
                 .cost = read_optional_quantity<Joules>(row),
                 .failures = row.integer(),
                 .weights = row.text()};
}

Incarnation read_incarnation(store::Row& row) {
  return Incarnation{.id = row.integer(),
                     .attempt = row.integer(),
                     .number = static_cast<int>(row.integer()),
                     .started = read_time(row),
                     .ended = row.boolean(),
                     .how = row.text(),
                     .startup = read_usage(row),
                     .pending = read_usage(row),
                     .lost = read_usage(row)};
}

Epoch read_epoch(store::Row& row) {
  return Epoch{.index = row.integer(),
               .metric = row.optional_real().value_or(std::numeric_limits<double>::quiet_NaN()),
               .train_seconds = row.real(),
               .evaluation_seconds = row.real(),
               .usage = read_usage(row),
               .begin = read_time(row),
               .end = read_time(row),
               .emitted = read_optional_quantity<GramsCo2>(row)};
}

CheckpointRecord read_checkpoint(store::Row& row) {
  return CheckpointRecord{.path = row.text(),
                          .epoch = row.integer(),
                          .position = row.integer(),
                          .carried = read_usage(row),
                          .carried_emitted = read_optional_quantity<GramsCo2>(row)};
}

Lease read_lease(store::Row& row) {
  return Lease{.name = row.text(),
               .holder = {.pid = row.integer(),
                          .start_ticks = row.integer(),
                          .host = row.text(),
                          .boot_id = row.text()},
               .heartbeat = read_time(row)};
}

Result<Attempt> require_attempt(store::Database& database, Id attempt) {
  return require(database.first(query(kSelectAttempt, "WHERE id = ?"), read_attempt, attempt),
                 "attempt", attempt);
}

Result<Run> require_run(store::Database& database, Id run) {
  return require(database.first(query(kSelectRun, "WHERE id = ?"), read_run, run), "run", run);
}

Result<void> store_policy(store::Database& database, Id history, std::string_view policy,
                          std::string_view draws) {
  if (policy.empty() && draws.empty()) {
    return {};
  }
  SYM_RETURN_IF_ERROR(
      database.execute("UPDATE histories SET policy = coalesce(nullif(?, ''), policy), "
                       "draws = coalesce(nullif(?, ''), draws) WHERE id = ?",
                       policy, draws, history));
  if (database.changes() == 0) {
    return fail(ErrorCode::kNotFound, "there is no history " + std::to_string(history));
  }
  return {};
}

}  // namespace symbiont::ledger
