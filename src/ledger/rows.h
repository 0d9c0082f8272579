#pragma once
/// Between columns and the ledger's types.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "symbiont/ledger/ledger.h"
#include "symbiont/store/database.h"

namespace symbiont::ledger {

// --- To columns: what Statement::bind takes. ---

inline std::int64_t column(WallTime time) {
  return time.time_since_epoch().count();
}
inline std::string column(std::uint64_t seed) {
  return std::to_string(seed);
}
template <typename Unit>
std::optional<double> column(const std::optional<Quantity<Unit>>& quantity) {
  return quantity ? std::optional(quantity->value()) : std::nullopt;
}
/// energy_uj, uncertainty_uj, time_ns, provenance, scope.
inline auto columns(const Usage& usage) {
  return std::tuple(usage.energy_uj, usage.uncertainty_uj, std::int64_t{usage.time.count()},
                    to_string(usage.provenance), to_string(usage.scope));
}

// --- From columns, left to right. A word that is none of ours rejects the row. ---

WallTime read_time(store::Row& row);
std::uint64_t read_seed(store::Row& row);
Usage read_usage(store::Row& row);
RunStatus read_run_status(store::Row& row);

Job read_job(store::Row& row);
History read_history(store::Row& row);
Run read_run(store::Row& row);
Recurrence read_recurrence(store::Row& row);
Attempt read_attempt(store::Row& row);
Incarnation read_incarnation(store::Row& row);
Epoch read_epoch(store::Row& row);
CheckpointRecord read_checkpoint(store::Row& row);
Lease read_lease(store::Row& row);

/// The columns that the readers above read, in their order.
inline constexpr std::string_view kSelectJob =
    "SELECT id, name, created_ns, meters, provenance, scope, max_power_w, seed FROM jobs ";
inline constexpr std::string_view kSelectHistory =
    "SELECT id, job, number, identity, policy, draws, seed FROM histories ";
inline constexpr std::string_view kSelectRun =
    "SELECT id, job, history, recurrences, baseline_runs, started_ns, finished_ns, status "
    "FROM runs ";
inline constexpr std::string_view kSelectRecurrence =
    "SELECT id, run, kind, number, finished, reached FROM recurrences ";
inline constexpr std::string_view kSelectAttempt =
    "SELECT id, recurrence, try_index, batch_size, learning_rate, max_epochs, seed, cost_bound_j, "
    "coalesce(why, ''), stopped, reason, cost_j, failures, weights "
    "FROM attempts LEFT JOIN decisions ON decisions.attempt = attempts.id ";
inline constexpr std::string_view kSelectIncarnation =
    "SELECT id, attempt, number, started_ns, ended, how, "
    "startup_energy_uj, startup_uncertainty_uj, startup_time_ns, startup_provenance, "
    "startup_scope, "
    "pending_energy_uj, pending_uncertainty_uj, pending_time_ns, pending_provenance, "
    "pending_scope, "
    "lost_energy_uj, lost_uncertainty_uj, lost_time_ns, lost_provenance, lost_scope "
    "FROM incarnations ";
inline constexpr std::string_view kSelectEpoch =
    "SELECT epoch, metric, train_time_s, evaluation_time_s, energy_uj, uncertainty_uj, time_ns, "
    "provenance, scope, begin_ns, end_ns, emitted_g FROM epochs ";
inline constexpr std::string_view kSelectCheckpoint =
    "SELECT path, epoch, position, carried_energy_uj, carried_uncertainty_uj, carried_time_ns, "
    "carried_provenance, carried_scope, carried_emitted_g FROM checkpoints ";
inline constexpr std::string_view kSelectLease =
    "SELECT name, pid, start_ticks, host, boot_id, heartbeat_ns FROM leases ";

/// `select` with its condition and order: "WHERE id = ?".
inline std::string query(std::string_view select, std::string_view rest) {
  return std::string(select) += rest;
}

/// The row, or kNotFound: "there is no attempt 7".
template <typename T>
Result<T> require(Result<std::optional<T>> row, std::string_view what, Id id) {
  if (!row) {
    return tl::unexpected(std::move(row).error());
  }
  if (!*row) {
    return fail(ErrorCode::kNotFound,
                "there is no " + std::string(what) + " " + std::to_string(id));
  }
  return std::move(**row);
}

Result<Attempt> require_attempt(store::Database& database, Id attempt);
Result<Run> require_run(store::Database& database, Id run);

/// Stores the tuner's state; what is empty stays as it was.
Result<void> store_policy(store::Database& database, Id history, std::string_view policy,
                          std::string_view draws);

}  // namespace symbiont::ledger
