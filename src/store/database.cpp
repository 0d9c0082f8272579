#include "symbiont/store/database.h"

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "connection.h"
#include "sqlite_error.h"
#include "symbiont/base/clock.h"

namespace symbiont::store {
namespace {

Result<std::int64_t> read_integer(Database& database, std::string_view sql) {
  SYM_ASSIGN_OR_RETURN(const std::optional<std::int64_t> value,
                       database.first(sql, [](Row& row) { return row.integer(); }));
  return value.value_or(0);
}

Result<bool> is_empty(Database& database) {
  for (const std::string_view count :
       {"SELECT count(*) FROM sqlite_schema", "PRAGMA user_version", "PRAGMA application_id"}) {
    SYM_ASSIGN_OR_RETURN(const std::int64_t found, read_integer(database, count));
    if (found != 0) {
      return false;
    }
  }
  return true;
}

Result<void> refuse_if_foreign(Database& database, std::int32_t application_id) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t found, read_integer(database, "PRAGMA application_id"));
  if (found == application_id) {
    return {};
  }
  return fail(ErrorCode::kFailedPrecondition,
              database.path().string() + ": is a database of another program (application id " +
                  std::to_string(found) + ", expected " + std::to_string(application_id) + ")");
}

/// Only a file without any content is made ours, so that whatever else it is stays untouched.
Result<void> adopt(Database& database, std::int32_t application_id) {
  SYM_RETURN_IF_ERROR(database.execute_script("PRAGMA journal_mode = WAL"));
  return database.execute_script("PRAGMA application_id = " + std::to_string(application_id));
}

Result<void> prepare_file(Database& database, const OpenOptions& options) {
  SYM_ASSIGN_OR_RETURN(const bool empty, is_empty(database));
  if (empty && options.access == Access::kReadOnly) {
    return fail(ErrorCode::kNotFound, database.path().string() + ": is empty");
  }
  if (empty) {
    SYM_RETURN_IF_ERROR(adopt(database, options.application_id));
  }
  return refuse_if_foreign(database, options.application_id);
}

/// When several processes create a file at once, SQLite refuses all but one of those that switch it
/// to write-ahead logging, and does so without waiting. They only have to look again.
Result<void> prepare_file_patiently(Database& database, const OpenOptions& options) {
  const std::chrono::nanoseconds deadline = system_clock().now() + options.lock_timeout;
  while (true) {
    Result<void> prepared = prepare_file(database, options);
    if (prepared || prepared.error().code() != ErrorCode::kAborted ||
        system_clock().now() >= deadline) {
      return prepared;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// A path as SQLite's URI syntax wants it. Absolute, so that no name is special.
std::string as_uri(const std::filesystem::path& path) {
  std::string uri = "file://";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      uri += c;
    }
  }
  return uri;
}

/// Reading a write-ahead log needs an index file beside it. In a folder where none can be made, and
/// with no log that anyone is writing, the main file alone is the whole truth.
bool must_read_as_immutable(const std::filesystem::path& path, const Error& error) {
  std::error_code ignored;
  const bool readable_alone = std::filesystem::exists(path, ignored) &&
                              !std::filesystem::exists(path.string() + "-wal", ignored);
  return readable_alone && (error.code() == ErrorCode::kPermissionDenied ||
                            error.code() == ErrorCode::kResourceExhausted);
}

}  // namespace

Error Connection::error(int code) const {
  return sqlite_error(handle.get(), code, path, options);
}

Result<StatementHandle> Connection::compile(std::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return tl::unexpected(error(code));
  }
  return StatementHandle(statement);
}

Result<void> Connection::execute_script(const char* sql) {
  const int code = sqlite3_exec(handle.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return tl::unexpected(error(code));
  }
  return {};
}

Result<Database> Database::connect(const std::filesystem::path& path, const OpenOptions& options,
                                   bool immutable) {
  auto connection = std::make_unique<Connection>();
  connection->path = path;
  connection->options = options;
  const int flags = options.access == Access::kReadOnly
                        ? SQLITE_OPEN_READONLY
                        : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const std::string uri = as_uri(path) + (immutable ? "?immutable=1" : "");
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &handle,
                                   flags | SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE, nullptr);
  connection->handle.reset(handle);
  if (code != SQLITE_OK) {
    return tl::unexpected(connection->error(code));
  }
  sqlite3_busy_timeout(handle, static_cast<int>(options.lock_timeout.count()));
  if (options.access == Access::kReadWrite && sqlite3_db_readonly(handle, "main") == 1) {
    return tl::unexpected(connection->error(SQLITE_CANTOPEN));
  }
  Database database(std::move(connection));
  SYM_RETURN_IF_ERROR(database.execute_script(
      "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA synchronous = FULL"));
  SYM_RETURN_IF_ERROR(prepare_file_patiently(database, options));
  return database;
}

Result<Database> Database::open(const std::filesystem::path& path, const OpenOptions& options) {
  if (path.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the path of a database is empty");
  }
  Result<Database> database = connect(path, options, false);
  if (!database && options.access == Access::kReadOnly &&
      must_read_as_immutable(path, database.error())) {
    return connect(path, options, true);
  }
  return database;
}

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

const std::filesystem::path& Database::path() const {
  return connection_->path;
}

Result<Statement> Database::prepare(std::string_view sql) {
  auto cached = connection_->statements.find(sql);
  if (cached == connection_->statements.end()) {
    SYM_ASSIGN_OR_RETURN(StatementHandle handle, connection_->compile(sql));
    cached = connection_->statements.emplace(sql, CachedStatement{std::move(handle)}).first;
  }
  if (cached->second.in_use) {
    SYM_ASSIGN_OR_RETURN(StatementHandle handle, connection_->compile(sql));
    return Statement(*connection_, handle.release(), nullptr);
  }
  cached->second.in_use = true;
  return Statement(*connection_, cached->second.handle.get(), &cached->second.in_use);
}

Result<void> Database::execute_script(std::string_view sql) {
  return connection_->execute_script(std::string(sql).c_str());
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_->handle.get());
}

}  // namespace symbiont::store
