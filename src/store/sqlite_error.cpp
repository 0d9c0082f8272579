#include "sqlite_error.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <sqlite3.h>
#include <sys/statvfs.h>

namespace symbiont::store {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

bool disk_is_full(const std::filesystem::path& path) {
  struct statvfs disk = {};
  return statvfs(folder_of(path).c_str(), &disk) == 0 && disk.f_blocks > 0 && disk.f_bavail == 0;
}

bool is_out_of_space(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

/// SQLite gives one code for every reason why a file cannot be opened, and on the way to it tries
/// again read-only, which hides the first errno. So the reason is looked for in the file system.
Error open_error(const std::filesystem::path& path, Access access) {
  std::error_code ignored;
  if (disk_is_full(path)) {
    return Error(ErrorCode::kResourceExhausted, "disk is full");
  }
  if (!std::filesystem::is_directory(folder_of(path), ignored)) {
    return Error(ErrorCode::kNotFound, "there is no such folder");
  }
  if (access == Access::kReadOnly && !std::filesystem::exists(path, ignored)) {
    return Error(ErrorCode::kNotFound, "there is no such file");
  }
  if (std::filesystem::is_directory(path, ignored)) {
    return Error(ErrorCode::kInvalidArgument, "is a folder, expected a file");
  }
  return Error(ErrorCode::kPermissionDenied,
               access == Access::kReadOnly
                   ? "no permission to read it"
                   : "no permission to write it or to create files in its folder");
}

Error input_output_error(sqlite3* connection, int code, const std::filesystem::path& path) {
  const int error_number = sqlite3_system_errno(connection);
  if (is_out_of_space(error_number) || disk_is_full(path)) {
    return Error(ErrorCode::kResourceExhausted, "disk is full");
  }
  if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS) {
    return Error(ErrorCode::kDataLoss, "the file is truncated");
  }
  const std::string why = error_number == 0 ? std::string(sqlite3_errstr(code))
                                            : std::generic_category().message(error_number);
  return Error(ErrorCode::kUnavailable, "reading or writing failed: " + why);
}

Error constraint_error(int code, const std::string& what) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Error(ErrorCode::kAlreadyExists, what);
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Error(ErrorCode::kNotFound, "refers to a row that does not exist");
    default:
      return Error(ErrorCode::kInvalidArgument, what);
  }
}

Error lock_error(std::chrono::milliseconds timeout) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const std::string duration = whole == timeout ? std::to_string(whole.count()) + " s"
                                                : std::to_string(timeout.count()) + " ms";
  return Error(ErrorCode::kAborted, "locked by another process for more than " + duration);
}

Error describe(sqlite3* connection, int code, const std::filesystem::path& path,
               const OpenOptions& options) {
  const std::string what =
      connection == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(connection);
  switch (code & 0xff) {
    case SQLITE_FULL:
      return Error(ErrorCode::kResourceExhausted, "disk is full");
    case SQLITE_IOERR:
      return input_output_error(connection, code, path);
    case SQLITE_CANTOPEN:
      return open_error(path, options.access);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Error(ErrorCode::kPermissionDenied, "no permission to write it: " + what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return lock_error(options.lock_timeout);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error(ErrorCode::kDataLoss, "the file is damaged: " + what);
    case SQLITE_CONSTRAINT:
      return constraint_error(code, what);
    case SQLITE_TOOBIG:
      return Error(ErrorCode::kInvalidArgument, what);
    case SQLITE_NOMEM:
      return Error(ErrorCode::kResourceExhausted, "out of memory");
    case SQLITE_INTERRUPT:
      return Error(ErrorCode::kCancelled, what);
    case SQLITE_ERROR:
      // Our statements are constant and tested, so it is the schema that is not what it should be.
      return Error(ErrorCode::kDataLoss, "the tables are not as they should be: " + what);
    default:
      return Error(ErrorCode::kInternal, what);
  }
}

}  // namespace

Error sqlite_error(sqlite3* connection, int code, const std::filesystem::path& path,
                   const OpenOptions& options) {
  return describe(connection, code, path, options).while_doing(path.string());
}

}  // namespace symbiont::store
