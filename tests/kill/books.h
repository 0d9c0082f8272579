#pragma once
/// What a ledger holds, as its export tells it, and what a killed run still owes by it.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace symbiont::testing {

class Books {
 public:
  /// Reads the lines of `symbiont ledger export`.
  static Books parse(std::string_view lines);

  const std::vector<nlohmann::json>& rows(const std::string& table) const;

  /// Everything that a kill must not change, a line for each row: decisions, seeds, costs, epochs
  /// with their metrics and joules, what was learned. Left out: times of day, measured durations,
  /// and which process did it.
  std::vector<std::string> lasting() const;

  bool has_unfinished_run() const;

  std::int64_t useful_uj() const;   ///< of all epochs
  std::int64_t lost_uj() const;     ///< booked as lost
  std::int64_t pending_uj() const;  ///< will be lost, unless the process lives

  /// What repeating the recorded epochs after the last checkpoint of the open attempt will cost.
  /// `undisturbed`: the books of a run that was never killed. `has_weights`: whether that attempt's
  /// final weights are written; without them one that reached the target repeats its end.
  std::int64_t to_repeat_uj(const Books& undisturbed, bool has_weights) const;
  /// The attempt that is not finished, 0 when there is none.
  std::int64_t open_attempt() const;

 private:
  std::int64_t sum(const std::string& table, const char* column) const;

  std::map<std::string, std::vector<nlohmann::json>> tables_;
};

}  // namespace symbiont::testing
