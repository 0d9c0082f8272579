#pragma once
/// What Database, Statement and Transaction share. Private to src/store.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sqlite3.h>

#include "symbiont/store/database.h"

namespace symbiont::store {

struct CloseConnection {
  void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

struct CachedStatement {
  StatementHandle handle;
  bool in_use = false;
};

/// An open file. Its address stays the same when its Database moves.
struct Connection {
  std::filesystem::path path;
  OpenOptions options;
  std::unique_ptr<sqlite3, CloseConnection> handle;
  std::map<std::string, CachedStatement, std::less<>> statements;  // closes before the connection
  Durability durability = Durability::kFull;                       // of the next transaction

  Error error(int code) const;
  Result<void> execute_script(const char* sql);
  Result<StatementHandle> compile(std::string_view sql) const;
};

}  // namespace symbiont::store
