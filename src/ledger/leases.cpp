#include <string>

#include "rows.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

constexpr Change kAcquire = {"acquire lease", "ledger.acquire_lease.before",
                             "ledger.acquire_lease.after"};
constexpr Change kRenew = {"renew lease", "ledger.renew_lease.before", "ledger.renew_lease.after",
                           store::Durability::kRelaxed};
constexpr Change kRelease = {"release lease", "ledger.release_lease.before",
                             "ledger.release_lease.after"};

constexpr std::string_view kSameHolder =
    " WHERE name = ? AND pid = ? AND start_ticks = ? AND host = ? AND boot_id = ?";

auto columns(const Holder& holder) {
  return std::tuple(holder.pid, holder.start_ticks, std::string_view(holder.host),
                    std::string_view(holder.boot_id));
}

bool same(const Holder& a, const Holder& b) {
  return columns(a) == columns(b);
}

Result<std::optional<Lease>> find_lease(store::Database& database, std::string_view name) {
  return database.first(query(kSelectLease, "WHERE name = ?"), read_lease, name);
}

std::string describe(const std::optional<Lease>& lease) {
  return lease
             ? "held by pid " + std::to_string(lease->holder.pid) + " on host " + lease->holder.host
             : "held by nobody";
}

}  // namespace

Result<void> Ledger::acquire_lease(std::string_view name, const Holder& holder, WallTime now,
                                   const std::function<bool(const Lease&)>& is_gone) {
  return state_->change(kAcquire, [&](store::Database& database) -> Result<void> {
    SYM_ASSIGN_OR_RETURN(const std::optional<Lease> held, find_lease(database, name));
    if (held && !same(held->holder, holder) && !is_gone(*held)) {
      return fail(ErrorCode::kAborted, std::string(name) + " is " + describe(held));
    }
    return database.execute(
        "INSERT INTO leases (name, pid, start_ticks, host, boot_id, heartbeat_ns) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET pid = excluded.pid, "
        "start_ticks = excluded.start_ticks, host = excluded.host, boot_id = excluded.boot_id, "
        "heartbeat_ns = excluded.heartbeat_ns",
        name, columns(holder), column(now));
  });
}

Result<void> Ledger::renew_lease(std::string_view name, const Holder& holder, WallTime now) {
  return state_->change(kRenew, [&](store::Database& database) -> Result<void> {
    SYM_RETURN_IF_ERROR(database.execute(query("UPDATE leases SET heartbeat_ns = ?", kSameHolder),
                                         column(now), name, columns(holder)));
    if (database.changes() == 1) {
      return {};
    }
    SYM_ASSIGN_OR_RETURN(const std::optional<Lease> held, find_lease(database, name));
    return fail(ErrorCode::kAborted, std::string(name) + " is now " + describe(held));
  });
}

Result<void> Ledger::release_lease(std::string_view name, const Holder& holder) {
  return state_->change(kRelease, [&](store::Database& database) {
    return database.execute(query("DELETE FROM leases", kSameHolder), name, columns(holder));
  });
}

Result<std::vector<Lease>> Ledger::leases() const {
  return state_->look("list leases", [](store::Database& database) {
    return database.all(query(kSelectLease, "ORDER BY name"), read_lease);
  });
}

}  // namespace symbiont::ledger
