#include "symbiont/ledger/ledger.h"

#include <algorithm>
#include <string>
#include <utility>

#include "schema.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

bool is_scheme(std::string_view word) {
  return word.size() >= 2 && std::all_of(word.begin(), word.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
         });
}

Result<std::filesystem::path> path_of(std::string_view url) {
  const std::size_t colon = url.find(':');
  if (colon == url.npos || !is_scheme(url.substr(0, colon))) {
    return std::filesystem::path(url);
  }
  if (url.substr(0, colon) == "sqlite") {
    return std::filesystem::path(url.substr(colon + 1));
  }
  return fail(ErrorCode::kUnimplemented,
              "a ledger of kind \"" + std::string(url.substr(0, colon)) +
                  "\" is not in this version, expected a path or sqlite:PATH");
}

Result<store::Database> connect(std::string_view url, store::Access access,
                                std::chrono::milliseconds lock_timeout) {
  SYM_ASSIGN_OR_RETURN(const std::filesystem::path path, path_of(url));
  SYM_ASSIGN_OR_RETURN(store::Database database,
                       store::Database::open(path, {.access = access,
                                                    .application_id = kApplicationId,
                                                    .lock_timeout = lock_timeout}));
  if (access == store::Access::kReadWrite) {
    SYM_RETURN_IF_ERROR(store::migrate(database, migrations()));
  } else {
    SYM_RETURN_IF_ERROR(store::require_version(database, migrations()));
  }
  return database;
}

}  // namespace

std::string_view to_string(RunStatus status) {
  switch (status) {
    case RunStatus::kUnfinished:
      return "unfinished";
    case RunStatus::kFinished:
      return "finished";
    case RunStatus::kUnreached:
      return "unreached";
    case RunStatus::kFailed:
      return "failed";
  }
  return "failed";
}

std::string_view to_string(RecurrenceKind kind) {
  return kind == RecurrenceKind::kTuned ? "tuned" : "baseline";
}

std::string_view to_string(Stopped stopped) {
  switch (stopped) {
    case Stopped::kReached:
      return "reached";
    case Stopped::kBound:
      return "bound";
    case Stopped::kMaxEpochs:
      return "max_epochs";
    case Stopped::kDiverged:
      return "diverged";
    case Stopped::kInfeasible:
      return "infeasible";
    case Stopped::kFailed:
      return "failed";
    case Stopped::kInterrupted:
      return "interrupted";
  }
  return "failed";
}

Result<Ledger> Ledger::open(std::string_view url, std::chrono::milliseconds lock_timeout) {
  Result<store::Database> database = connect(url, store::Access::kReadWrite, lock_timeout);
  if (!database) {
    return tl::unexpected(std::move(database).error().while_doing("open ledger"));
  }
  return Ledger(std::make_unique<State>(std::move(*database)));
}

Result<Ledger> Ledger::open_read_only(std::string_view url,
                                      std::chrono::milliseconds lock_timeout) {
  Result<store::Database> database = connect(url, store::Access::kReadOnly, lock_timeout);
  if (!database) {
    return tl::unexpected(std::move(database).error().while_doing("open ledger"));
  }
  return Ledger(std::make_unique<State>(std::move(*database)));
}

Ledger::Ledger(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

}  // namespace symbiont::ledger
