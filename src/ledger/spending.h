#pragma once
/// Where every joule of an attempt is booked: in an epoch, as lost or pending of an incarnation, or
/// carried by the checkpoint. Each function moves usage from one place to another inside the
/// caller's transaction, so that the sum stays the same.

#include <optional>

#include "symbiont/ledger/ledger.h"
#include "symbiont/store/database.h"

namespace symbiont::ledger {

Result<Incarnation> require_incarnation(store::Database& database, Id incarnation);
/// As above; kFailedPrecondition when it has ended, kInvalidArgument when it is not of `attempt`.
Result<Incarnation> require_running(store::Database& database, Id incarnation,
                                    std::optional<Id> attempt = std::nullopt);

/// Writes pending and lost of an incarnation.
Result<void> store_spending(store::Database& database, const Incarnation& incarnation);

/// Adds `usage` to what the incarnation lost. kInvalidArgument when their scopes differ.
Result<void> lose(Incarnation& incarnation, const Usage& usage);

/// What the attempt's checkpoint carries is elsewhere now.
Result<void> clear_carried(store::Database& database, Id attempt);
/// What the attempt's checkpoint carries becomes lost, on the attempt's last incarnation.
Result<void> lose_carried(store::Database& database, Id attempt);

}  // namespace symbiont::ledger
