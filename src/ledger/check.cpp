#include <string>
#include <utility>

#include "rows.h"
#include "state.h"

namespace symbiont::ledger {
namespace {

/// A truth about every sound ledger, and the query that finds where it does not hold.
struct Invariant {
  std::string_view broken;  ///< what is said of each row
  std::string_view where;   ///< gives one text column
};

constexpr Invariant kInvariants[] = {
    {"the epochs before it are missing",
     "SELECT 'epoch ' || min(epoch) || ' of attempt ' || attempt FROM epochs AS later "
     "WHERE epoch > 1 AND NOT EXISTS (SELECT 1 FROM epochs AS earlier "
     "WHERE earlier.attempt = later.attempt AND earlier.epoch = later.epoch - 1) "
     "GROUP BY attempt ORDER BY attempt"},
    {"it has no decision",
     "SELECT 'attempt ' || id FROM attempts WHERE NOT EXISTS "
     "(SELECT 1 FROM decisions WHERE decisions.attempt = attempts.id) ORDER BY id"},
    {"how it stopped and what it cost are not both known",
     "SELECT 'attempt ' || id FROM attempts WHERE (stopped IS NULL) <> (cost_j IS NULL) "
     "ORDER BY id"},
    {"it is finished and its last attempt is not",
     "SELECT 'recurrence ' || id FROM recurrences WHERE finished = 1 AND NOT EXISTS "
     "(SELECT 1 FROM attempts WHERE attempts.recurrence = recurrences.id "
     "AND stopped IS NOT NULL AND try_index = (SELECT max(try_index) FROM attempts AS every "
     "WHERE every.recurrence = recurrences.id)) ORDER BY id"},
    {"it has ended with usage still pending",
     "SELECT 'incarnation ' || id FROM incarnations WHERE ended = 1 AND (pending_energy_uj <> 0 "
     "OR pending_uncertainty_uj <> 0 OR pending_time_ns <> 0) ORDER BY id"},
    {"it has more than one unfinished run",
     "SELECT 'job ' || job FROM runs WHERE status = 'unfinished' GROUP BY job "
     "HAVING count(*) > 1 ORDER BY job"},
    {"it was recorded by a process of another attempt",
     "SELECT 'epoch ' || epochs.epoch || ' of attempt ' || epochs.attempt FROM epochs "
     "JOIN incarnations ON incarnations.id = epochs.incarnation "
     "WHERE incarnations.attempt <> epochs.attempt ORDER BY epochs.attempt, epochs.epoch"},
    {"it is finished and its epochs are not those it had then",
     "SELECT 'attempt ' || id FROM attempts WHERE stopped IS NOT NULL AND epochs <> "
     "(SELECT count(*) FROM epochs WHERE epochs.attempt = attempts.id) ORDER BY id"},
    {"it is finished and its checkpoint still carries usage",
     "SELECT 'attempt ' || attempts.id FROM attempts "
     "JOIN checkpoints ON checkpoints.attempt = attempts.id WHERE stopped IS NOT NULL "
     "AND (carried_energy_uj <> 0 OR carried_uncertainty_uj <> 0 OR carried_time_ns <> 0) "
     "ORDER BY attempts.id"},
};

std::string read_text(store::Row& row) {
  return row.text();
}

Result<void> find_damage(store::Database& database, std::vector<Finding>& findings) {
  SYM_ASSIGN_OR_RETURN(const std::vector<std::string> messages,
                       database.all("PRAGMA integrity_check", read_text));
  for (const std::string& message : messages) {
    if (message != "ok") {
      findings.push_back({"database file", message});
    }
  }
  return {};
}

Finding read_broken_reference(store::Row& row) {
  const std::string table = row.text();
  const std::optional<std::int64_t> id = row.optional_integer();
  return {"row " + (id ? std::to_string(*id) : "?") + " of " + table,
          "refers to a row of " + row.text() + " that does not exist"};
}

Result<void> find_broken_references(store::Database& database, std::vector<Finding>& findings) {
  SYM_ASSIGN_OR_RETURN(std::vector<Finding> broken,
                       database.all("PRAGMA foreign_key_check", read_broken_reference));
  std::move(broken.begin(), broken.end(), std::back_inserter(findings));
  return {};
}

Result<void> find_broken(store::Database& database, const Invariant& invariant,
                         std::vector<Finding>& findings) {
  SYM_ASSIGN_OR_RETURN(std::vector<std::string> places, database.all(invariant.where, read_text));
  for (std::string& where : places) {
    findings.push_back({std::move(where), std::string(invariant.broken)});
  }
  return {};
}

Result<void> find_all(store::Database& database, std::vector<Finding>& findings) {
  SYM_RETURN_IF_ERROR(find_damage(database, findings));
  SYM_RETURN_IF_ERROR(find_broken_references(database, findings));
  for (const Invariant& invariant : kInvariants) {
    SYM_RETURN_IF_ERROR(find_broken(database, invariant, findings));
  }
  return {};
}

}  // namespace

Result<std::vector<Finding>> Ledger::check() const {
  using Findings = Result<std::vector<Finding>>;
  return state_->look("check ledger", [](store::Database& database) -> Findings {
    std::vector<Finding> findings;
    const Result<void> looked = find_all(database, findings);
    // Damage that ends the search is what was looked for.
    if (!looked && looked.error().code() == ErrorCode::kDataLoss) {
      findings.push_back({"database file", looked.error().message()});
    } else if (!looked) {
      return tl::unexpected(looked.error());
    }
    return findings;
  });
}

}  // namespace symbiont::ledger
