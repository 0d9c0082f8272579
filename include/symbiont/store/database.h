#pragma once
/// An SQLite file with typed statements, transactions and numbered migrations.
///
/// Write-ahead logging: readers never wait for the writer, a kill -9 loses nothing that was
/// committed. Every error names the file. None of the classes is thread-safe; several processes may
/// share one file.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "symbiont/base/error.h"

struct sqlite3_stmt;

namespace symbiont::store {

struct Connection;  // private to src/store

enum class Access {
  kReadWrite,  ///< creates the file when there is none
  kReadOnly,   ///< writes nothing; kNotFound when there is none
};

struct OpenOptions {
  Access access = Access::kReadWrite;
  /// Stored in the file's header when it is created, compared when it is opened.
  std::int32_t application_id = 0;
  /// How long to wait for another process's lock.
  std::chrono::milliseconds lock_timeout{5000};
};

/// How much a commit survives. Both survive the death of the process.
enum class Durability {
  kFull,     ///< flushed to the disk: survives a power failure
  kRelaxed,  ///< not flushed: a power failure may take back the last such commits, in order
};

/// What a column can hold, for readers that know no schema.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

/// The columns of the current row, read from left to right. A column of another type than the one
/// asked for makes the row fail with kDataLoss and reads as zero or empty.
class Row {
 public:
  std::int64_t integer();
  double real();
  bool boolean() { return integer() != 0; }
  std::string text();
  std::optional<std::int64_t> optional_integer();
  std::optional<double> optional_real();
  std::optional<std::string> optional_text();
  Value value();

  /// Makes the row fail: a column held what its reader cannot accept.
  void reject(std::string reason);
  /// The first failure of this row.
  const std::optional<Error>& error() const { return error_; }

 private:
  friend class Statement;
  bool next_is(int type);
  bool next_is_null();

  sqlite3_stmt* statement_ = nullptr;
  int column_ = -1;
  const std::filesystem::path* path_ = nullptr;
  std::optional<Error> error_;
};

/// A prepared statement, borrowed from its database's cache until it goes out of scope. Parameters
/// are written `?` and bound in order.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// Binds integers, floating-point numbers, booleans, text, optionals of them, and tuples of
  /// these element by element. NaN is NULL.
  template <typename... Values>
  Statement& bind(const Values&... values) {
    (bind_next(values), ...);
    return *this;
  }
  /// Goes to the next row; false after the last one.
  Result<bool> step();
  /// Goes to the end, whatever the rows are.
  Result<void> run();

  /// The current row, after `step` gave true.
  Row& row() { return row_; }
  int column_count() const;
  std::string_view column_name(int column) const;

 private:
  friend class Database;
  Statement(Connection& connection, sqlite3_stmt* statement, bool* in_use);

  template <typename T>
  void bind_next(const T& value) {
    if constexpr (std::is_same_v<T, std::nullopt_t>) {
      bind_null();
    } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      bind_text(value);
    } else if constexpr (std::floating_point<T>) {
      bind_real(value);
    } else if constexpr (std::integral<T>) {
      static_assert(std::is_signed_v<T> || sizeof(T) < 8, "an unsigned 64-bit number does not fit");
      bind_integer(value);
    } else if constexpr (requires { std::tuple_size<T>::value; }) {
      std::apply([this](const auto&... elements) { bind(elements...); }, value);
    } else if (value.has_value()) {
      bind_next(*value);
    } else {
      bind_null();
    }
  }
  void bound(int code);
  void bind_null();
  void bind_integer(std::int64_t value);
  void bind_real(double value);
  void bind_text(std::string_view value);

  Connection* connection_;
  sqlite3_stmt* statement_;
  bool* in_use_;  ///< the cache's mark; none: not from the cache, ours to destroy
  int bound_ = 0;
  int bind_code_ = 0;  ///< the first failure to bind, reported by `step`
  Row row_;
};

/// A connection. Move-only; statements and transactions must not outlive it.
class Database {
 public:
  /// Opens the file, or creates it empty. Its folder must exist.
  /// kPermissionDenied when the file or its folder cannot be written (read, for kReadOnly);
  /// kNotFound when there is no file or folder; kResourceExhausted when the disk is full; kAborted
  /// when it stays locked; kDataLoss when it is damaged or no database;
  /// kFailedPrecondition when it belongs to another program. All methods below give these too.
  static Result<Database> open(const std::filesystem::path& path, const OpenOptions& options = {});

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  const std::filesystem::path& path() const;

  /// The prepared form of `sql`, kept for the next time.
  Result<Statement> prepare(std::string_view sql);

  /// Runs one statement. kAlreadyExists, kNotFound (of a row referred to) or kInvalidArgument when
  /// it breaks a constraint.
  template <typename... Values>
  Result<void> execute(std::string_view sql, const Values&... values) {
    SYM_ASSIGN_OR_RETURN(Statement statement, prepare(sql));
    return statement.bind(values...).run();
  }
  /// Calls `each(Row&)` for every row.
  template <typename Each, typename... Values>
  Result<void> for_each(std::string_view sql, Each each, const Values&... values) {
    SYM_ASSIGN_OR_RETURN(Statement statement, prepare(sql));
    statement.bind(values...);
    while (true) {
      SYM_ASSIGN_OR_RETURN(const bool there, statement.step());
      if (!there) {
        return {};
      }
      each(statement.row());
      if (statement.row().error()) {
        return tl::unexpected(*statement.row().error());
      }
    }
  }
  /// `read(Row&)` of every row.
  template <typename Read, typename... Values>
  auto all(std::string_view sql, Read read, const Values&... values)
      -> Result<std::vector<std::invoke_result_t<Read, Row&>>> {
    std::vector<std::invoke_result_t<Read, Row&>> rows;
    SYM_RETURN_IF_ERROR(for_each(
        sql, [&](Row& row) { rows.push_back(read(row)); }, values...));
    return rows;
  }
  /// `read(Row&)` of the last row, or nothing when there is none. Runs the statement to its end.
  template <typename Read, typename... Values>
  auto first(std::string_view sql, Read read, const Values&... values)
      -> Result<std::optional<std::invoke_result_t<Read, Row&>>> {
    std::optional<std::invoke_result_t<Read, Row&>> found;
    SYM_RETURN_IF_ERROR(for_each(
        sql,
        [&](Row& row) {
          if (!found) {
            found.emplace(read(row));
          }
        },
        values...));
    return found;
  }

  /// Runs several statements separated by semicolons. Their rows are dropped.
  Result<void> execute_script(std::string_view sql);
  /// How many rows the last statement changed.
  std::int64_t changes() const;

 private:
  friend class Transaction;
  static Result<Database> connect(const std::filesystem::path& path, const OpenOptions& options,
                                  bool immutable);
  explicit Database(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

/// All or nothing: what happens between `begin` and `commit` is undone unless `commit` succeeds.
class Transaction {
 public:
  /// Takes the write lock at once, so that what is read inside stays true until the commit.
  static Result<Transaction> begin(Database& database, Durability durability = Durability::kFull);
  /// Sees one state of the file throughout, without any lock that others feel.
  static Result<Transaction> begin_reading(Database& database);

  Transaction(Transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Result<void> commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;  ///< none once it is committed
};

/// One step of a schema's history. Never edited once released.
struct Migration {
  int number = 0;  ///< 1, 2, 3, ...
  std::string_view sql;
};

/// The number of the last migration that the file has seen; 0 for a new one.
Result<int> schema_version(Database& database);

/// kFailedPrecondition naming both versions unless the file has seen exactly these migrations.
Result<void> require_version(Database& database, std::span<const Migration> migrations);

/// Applies the migrations that the file has not seen, each in a transaction of its own.
/// kFailedPrecondition, and nothing changes, when the file has seen more than there are.
Result<void> migrate(Database& database, std::span<const Migration> migrations);

}  // namespace symbiont::store
