#include <string>
#include <utility>

#include "connection.h"
#include "symbiont/store/database.h"

namespace symbiont::store {
namespace {

/// A commit-time flush is a setting of the connection that cannot change inside a transaction.
Result<void> set_durability(Connection& connection, Durability durability) {
  if (connection.durability == durability) {
    return {};
  }
  SYM_RETURN_IF_ERROR(connection.execute_script(durability == Durability::kFull
                                                    ? "PRAGMA synchronous = FULL"
                                                    : "PRAGMA synchronous = NORMAL"));
  connection.durability = durability;
  return {};
}

Result<void> apply(Database& database, const Migration& migration) {
  SYM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::begin(database));
  // Another process may have applied it while we waited for the lock.
  SYM_ASSIGN_OR_RETURN(const int version, schema_version(database));
  if (version >= migration.number) {
    return {};
  }
  SYM_RETURN_IF_ERROR(database.execute_script(migration.sql));
  SYM_RETURN_IF_ERROR(
      database.execute_script("PRAGMA user_version = " + std::to_string(migration.number)));
  return transaction.commit();
}

int newest(std::span<const Migration> migrations) {
  return migrations.empty() ? 0 : migrations.back().number;
}

tl::unexpected<Error> version_error(const Database& database, int found, int known) {
  std::string message = database.path().string() + ": has schema version " + std::to_string(found) +
                        ", this program's is " + std::to_string(known);
  if (found < known) {
    message += "; opening it for writing, as symbiont run does, upgrades it";
  }
  return fail(ErrorCode::kFailedPrecondition, std::move(message));
}

}  // namespace

Result<Transaction> Transaction::begin(Database& database, Durability durability) {
  Connection& connection = *database.connection_;
  SYM_RETURN_IF_ERROR(set_durability(connection, durability));
  SYM_RETURN_IF_ERROR(connection.execute_script("BEGIN IMMEDIATE"));
  return Transaction(connection);
}

Result<Transaction> Transaction::begin_reading(Database& database) {
  SYM_RETURN_IF_ERROR(database.connection_->execute_script("BEGIN"));
  return Transaction(*database.connection_);
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already (a full disk does).
  if (connection_ != nullptr && sqlite3_get_autocommit(connection_->handle.get()) == 0) {
    sqlite3_exec(connection_->handle.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

Result<void> Transaction::commit() {
  SYM_CHECK(connection_ != nullptr);
  SYM_RETURN_IF_ERROR(connection_->execute_script("COMMIT"));
  connection_ = nullptr;
  return {};
}

Result<int> schema_version(Database& database) {
  SYM_ASSIGN_OR_RETURN(
      const std::optional<std::int64_t> version,
      database.first("PRAGMA user_version", [](Row& row) { return row.integer(); }));
  return static_cast<int>(version.value_or(0));
}

Result<void> require_version(Database& database, std::span<const Migration> migrations) {
  SYM_ASSIGN_OR_RETURN(const int version, schema_version(database));
  if (version != newest(migrations)) {
    return version_error(database, version, newest(migrations));
  }
  return {};
}

Result<void> migrate(Database& database, std::span<const Migration> migrations) {
  SYM_ASSIGN_OR_RETURN(const int version, schema_version(database));
  if (version > newest(migrations)) {
    return version_error(database, version, newest(migrations));
  }
  for (const Migration& migration : migrations) {
    if (migration.number > version) {
      SYM_RETURN_IF_ERROR(apply(database, migration).map_error([&](Error error) {
        return std::move(error).while_doing("migration " + std::to_string(migration.number));
      }));
    }
  }
  return {};
}

}  // namespace symbiont::store
