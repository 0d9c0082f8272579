#include <string>
#include <utility>

#include "connection.h"
#include "symbiont/store/database.h"

namespace symbiont::store {
namespace {

std::string_view type_name(int type) {
  switch (type) {
    case SQLITE_INTEGER:
      return "INTEGER";
    case SQLITE_FLOAT:
      return "REAL";
    case SQLITE_TEXT:
      return "TEXT";
    case SQLITE_BLOB:
      return "BLOB";
    default:
      return "NULL";
  }
}

std::string text_of(sqlite3_stmt* statement, int column) {
  const auto* const bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
  return bytes == nullptr ? std::string() : std::string(bytes, size);
}

}  // namespace

bool Row::next_is(int type) {
  ++column_;
  SYM_CHECK(column_ < sqlite3_column_count(statement_));
  const int found = sqlite3_column_type(statement_, column_);
  if (found == type) {
    return true;
  }
  reject("holds " + std::string(type_name(found)) + ", expected " + std::string(type_name(type)));
  return false;
}

bool Row::next_is_null() {
  SYM_CHECK(column_ + 1 < sqlite3_column_count(statement_));
  const bool null = sqlite3_column_type(statement_, column_ + 1) == SQLITE_NULL;
  column_ += null ? 1 : 0;
  return null;
}

void Row::reject(std::string reason) {
  if (!error_) {
    const char* const name = sqlite3_column_name(statement_, column_);
    error_.emplace(ErrorCode::kDataLoss,
                   path_->string() + ": column " + (name == nullptr ? "?" : name) + " " + reason);
  }
}

std::int64_t Row::integer() {
  return next_is(SQLITE_INTEGER) ? sqlite3_column_int64(statement_, column_) : 0;
}

double Row::real() {
  return next_is(SQLITE_FLOAT) ? sqlite3_column_double(statement_, column_) : 0.0;
}

std::string Row::text() {
  return next_is(SQLITE_TEXT) ? text_of(statement_, column_) : "";
}

std::optional<std::int64_t> Row::optional_integer() {
  return next_is_null() ? std::nullopt : std::optional(integer());
}

std::optional<double> Row::optional_real() {
  return next_is_null() ? std::nullopt : std::optional(real());
}

std::optional<std::string> Row::optional_text() {
  return next_is_null() ? std::nullopt : std::optional(text());
}

Value Row::value() {
  if (next_is_null()) {
    return std::monostate();
  }
  switch (sqlite3_column_type(statement_, column_ + 1)) {
    case SQLITE_INTEGER:
      return integer();
    case SQLITE_FLOAT:
      return real();
    default:
      return text();
  }
}

Statement::Statement(Connection& connection, sqlite3_stmt* statement, bool* in_use)
    : connection_(&connection), statement_(statement), in_use_(in_use) {
  row_.statement_ = statement;
  row_.path_ = &connection.path;
}

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_),
      statement_(std::exchange(other.statement_, nullptr)),
      in_use_(other.in_use_),
      bound_(other.bound_),
      bind_code_(other.bind_code_),
      row_(std::move(other.row_)) {}

Statement::~Statement() {
  if (statement_ == nullptr) {
    return;
  }
  if (in_use_ == nullptr) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  *in_use_ = false;
}

void Statement::bound(int code) {
  if (bind_code_ == SQLITE_OK) {
    bind_code_ = code;
  }
}

void Statement::bind_null() {
  bound(sqlite3_bind_null(statement_, ++bound_));
}

void Statement::bind_integer(std::int64_t value) {
  bound(sqlite3_bind_int64(statement_, ++bound_, value));
}

void Statement::bind_real(double value) {
  bound(sqlite3_bind_double(statement_, ++bound_, value));
}

void Statement::bind_text(std::string_view value) {
  // A null pointer would be NULL: an empty view need not have an address.
  bound(sqlite3_bind_text64(statement_, ++bound_, value.empty() ? "" : value.data(), value.size(),
                            SQLITE_TRANSIENT, SQLITE_UTF8));
}

Result<bool> Statement::step() {
  SYM_CHECK(bound_ == sqlite3_bind_parameter_count(statement_));
  if (bind_code_ != SQLITE_OK) {
    return tl::unexpected(connection_->error(bind_code_));
  }
  row_.column_ = -1;
  row_.error_.reset();
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW || code == SQLITE_DONE) {
    return code == SQLITE_ROW;
  }
  return tl::unexpected(connection_->error(code));
}

Result<void> Statement::run() {
  while (true) {
    SYM_ASSIGN_OR_RETURN(const bool more, step());
    if (!more) {
      return {};
    }
  }
}

int Statement::column_count() const {
  return sqlite3_column_count(statement_);
}

std::string_view Statement::column_name(int column) const {
  const char* const name = sqlite3_column_name(statement_, column);
  return name == nullptr ? "" : name;
}

}  // namespace symbiont::store
