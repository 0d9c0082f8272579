#include "spending.h"

#include <string>

#include "rows.h"

namespace symbiont::ledger {
namespace {

bool is_zero(const Usage& usage) {
  return usage.energy_uj == 0 && usage.uncertainty_uj == 0 && usage.time.count() == 0;
}

}  // namespace

Result<Incarnation> require_incarnation(store::Database& database, Id incarnation) {
  return require(
      database.first(query(kSelectIncarnation, "WHERE id = ?"), read_incarnation, incarnation),
      "incarnation", incarnation);
}

Result<Incarnation> require_running(store::Database& database, Id incarnation,
                                    std::optional<Id> attempt) {
  SYM_ASSIGN_OR_RETURN(Incarnation found, require_incarnation(database, incarnation));
  if (attempt && found.attempt != *attempt) {
    return fail(ErrorCode::kInvalidArgument, "incarnation " + std::to_string(incarnation) +
                                                 " is not of attempt " + std::to_string(*attempt));
  }
  if (found.ended) {
    return fail(ErrorCode::kFailedPrecondition,
                "incarnation " + std::to_string(incarnation) + " has ended");
  }
  return found;
}

Result<void> store_spending(store::Database& database, const Incarnation& incarnation) {
  return database.execute(
      "UPDATE incarnations SET pending_energy_uj = ?, pending_uncertainty_uj = ?, "
      "pending_time_ns = ?, pending_provenance = ?, pending_scope = ?, lost_energy_uj = ?, "
      "lost_uncertainty_uj = ?, lost_time_ns = ?, lost_provenance = ?, lost_scope = ? "
      "WHERE id = ?",
      columns(incarnation.pending), columns(incarnation.lost), incarnation.id);
}

Result<void> lose(Incarnation& incarnation, const Usage& usage) {
  if (!is_zero(usage) && !is_zero(incarnation.lost) && usage.scope != incarnation.lost.scope) {
    return fail(ErrorCode::kInvalidArgument, "usage of scope " +
                                                 std::string(to_string(usage.scope)) +
                                                 " cannot be added to usage of scope " +
                                                 std::string(to_string(incarnation.lost.scope)));
  }
  incarnation.lost += usage;
  return {};
}

Result<void> clear_carried(store::Database& database, Id attempt) {
  return database.execute(
      "UPDATE checkpoints SET carried_energy_uj = ?, carried_uncertainty_uj = ?, "
      "carried_time_ns = ?, carried_provenance = ?, carried_scope = ?, carried_emitted_g = 0 "
      "WHERE attempt = ?",
      columns(Usage{}), attempt);
}

Result<void> lose_carried(store::Database& database, Id attempt) {
  SYM_ASSIGN_OR_RETURN(
      const std::optional<CheckpointRecord> checkpoint,
      database.first(query(kSelectCheckpoint, "WHERE attempt = ?"), read_checkpoint, attempt));
  if (!checkpoint || is_zero(checkpoint->carried)) {
    return {};
  }
  SYM_ASSIGN_OR_RETURN(
      std::optional<Incarnation> last,
      database.first(query(kSelectIncarnation, "WHERE attempt = ? ORDER BY number DESC LIMIT 1"),
                     read_incarnation, attempt));
  if (!last) {
    return fail(ErrorCode::kDataLoss,
                "attempt " + std::to_string(attempt) + " has a checkpoint and no incarnation");
  }
  SYM_RETURN_IF_ERROR(lose(*last, checkpoint->carried));
  SYM_RETURN_IF_ERROR(store_spending(database, *last));
  return clear_carried(database, attempt);
}

}  // namespace symbiont::ledger
