#pragma once
/// What an SQLite result code means to a caller.

#include <chrono>
#include <filesystem>

#include "symbiont/base/error.h"
#include "symbiont/store/database.h"

struct sqlite3;

namespace symbiont::store {

/// The connection's last failure, `code`, as an Error that names `path`.
Error sqlite_error(sqlite3* connection, int code, const std::filesystem::path& path,
                   const OpenOptions& options);

}  // namespace symbiont::store
