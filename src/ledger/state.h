#pragma once
/// What the ledger's source files share: the open database and the one way to change it.

#include <string_view>
#include <type_traits>
#include <utility>

#include "symbiont/base/failpoint.h"
#include "symbiont/ledger/ledger.h"
#include "symbiont/store/database.h"

namespace symbiont::ledger {

/// A kind of change: what an error says was being done, and the failpoints around its commit.
struct Change {
  std::string_view intent;
  std::string_view before;
  std::string_view after;
  store::Durability durability = store::Durability::kFull;
};

struct Ledger::State {
  explicit State(store::Database opened) : database(std::move(opened)) {}

  store::Database database;

  /// Runs `work(database)` as one transaction, committed when it succeeds.
  template <typename Work>
  auto change(const Change& change, Work work) -> std::invoke_result_t<Work, store::Database&> {
    auto result = attempt(change, std::move(work));
    if (!result) {
      return tl::unexpected(std::move(result).error().while_doing(change.intent));
    }
    return result;
  }

  /// Runs `work(database)` on one state of the database, whatever others commit meanwhile.
  template <typename Work>
  auto look(std::string_view intent, Work work) -> std::invoke_result_t<Work, store::Database&> {
    auto result = snapshot(std::move(work));
    if (!result) {
      return tl::unexpected(std::move(result).error().while_doing(intent));
    }
    return result;
  }

 private:
  template <typename Work>
  auto attempt(const Change& change, Work work) -> std::invoke_result_t<Work, store::Database&> {
    SYM_ASSIGN_OR_RETURN(store::Transaction transaction,
                         store::Transaction::begin(database, change.durability));
    auto result = work(database);
    if (result) {
      failpoint(change.before);
      SYM_RETURN_IF_ERROR(transaction.commit());
      failpoint(change.after);
    }
    return result;
  }

  template <typename Work>
  auto snapshot(Work work) -> std::invoke_result_t<Work, store::Database&> {
    SYM_ASSIGN_OR_RETURN(const store::Transaction transaction,
                         store::Transaction::begin_reading(database));
    return work(database);
  }
};

}  // namespace symbiont::ledger
