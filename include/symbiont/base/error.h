#pragma once
/// Errors are values: a code that a caller can act on, and a message for a person.
///
/// A message reads as a path from intent to cause, built by `while_doing` on the way up:
/// "run job.toml: open ledger: disk is full". Codes are numbered as gRPC's, so they cross a wire
/// unchanged. Broken invariants (a bug, never user input) end the process through `SYM_CHECK`.

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace symbiont {

/// What went wrong, in the categories of gRPC's status codes.
enum class ErrorCode : int {
  kCancelled = 1,           ///< the caller asked to stop
  kUnknown = 2,             ///< a library failed without saying how
  kInvalidArgument = 3,     ///< bad input: a file, a key, a value
  kDeadlineExceeded = 4,    ///< took longer than agreed
  kNotFound = 5,            ///< a file, program or record is missing
  kAlreadyExists = 6,       ///< a record with that identity is there
  kPermissionDenied = 7,    ///< the operating system or a policy said no
  kResourceExhausted = 8,   ///< disk full, out of memory, a quota
  kFailedPrecondition = 9,  ///< the state does not allow it (changed job file, newer schema)
  kAborted = 10,            ///< a concurrent holder won (a second runner, a locked database)
  kOutOfRange = 11,         ///< past the end
  kUnimplemented = 12,      ///< not in this version
  kInternal = 13,           ///< a bug of ours
  kUnavailable = 14,        ///< gone or not answering; trying again may help
  kDataLoss = 15,           ///< corrupt or truncated bytes
};

/// The name of a code as people know it: "INVALID_ARGUMENT".
std::string_view to_string(ErrorCode code);

/// A code and a message. Cheap to move; copy only when two owners need it.
class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  /// Puts the intent in front: `error.while_doing("open zoo")` -> "open zoo: <message>".
  Error while_doing(std::string_view intent) && {
    message_.insert(0, std::string(intent) + ": ");
    return std::move(*this);
  }

 private:
  ErrorCode code_;
  std::string message_;
};

/// A value or an Error.
template <typename T>
using Result = tl::expected<T, Error>;

/// An Error ready to be returned from a function that gives a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}

/// An Error made from `errno` (passed in as `error_number`): "<what>: No space left on device".
Error errno_error(int error_number, std::string_view what);

namespace internal {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

}  // namespace symbiont

/// Ends the process when an invariant of ours is broken. Never for user input.
#define SYM_CHECK(condition)                                              \
  do {                                                                    \
    if (!(condition)) {                                                   \
      ::symbiont::internal::check_failed(#condition, __FILE__, __LINE__); \
    }                                                                     \
  } while (false)

#define SYM_INTERNAL_CONCAT_(a, b) a##b
#define SYM_INTERNAL_CONCAT(a, b) SYM_INTERNAL_CONCAT_(a, b)

/// Returns the error of a `Result<...>` expression to the caller, if it is one.
#define SYM_RETURN_IF_ERROR(expression)                     \
  do {                                                      \
    if (auto sym_result = (expression); !sym_result) {      \
      return tl::unexpected(std::move(sym_result).error()); \
    }                                                       \
  } while (false)

/// `SYM_ASSIGN_OR_RETURN(Config config, Config::load(path));` declares or assigns the value, or
/// returns the error. A template argument with a comma needs an alias.
#define SYM_ASSIGN_OR_RETURN(target, expression) \
  SYM_INTERNAL_ASSIGN(SYM_INTERNAL_CONCAT(sym_result_, __LINE__), target, expression)
#define SYM_INTERNAL_ASSIGN(result, target, expression) \
  auto result = (expression);                           \
  if (!result) {                                        \
    return tl::unexpected(std::move(result).error());   \
  }                                                     \
  target = std::move(*result)
