#pragma once
/// Small questions to the ledger's rows that several plots ask.

#include <cstdint>
#include <functional>
#include <vector>

#include "symbiont/report/summary.h"

namespace symbiont::report {

inline bool is_tuned(const ledger::RecurrenceRecord& record) {
  return record.recurrence.kind == ledger::RecurrenceKind::kTuned;
}

inline bool has_reached(const ledger::AttemptRecord& record) {
  return record.attempt.stopped == ledger::Stopped::kReached;
}

/// Energy and time of the recorded epochs.
Usage usage_of(const ledger::AttemptRecord& record);

/// Every attempt of a run in order of execution, baseline runs among them.
void for_each_attempt(const RunRecords& records,
                      const std::function<void(const ledger::RecurrenceRecord&,
                                               const ledger::AttemptRecord&)>& visit);

/// "1 attempt", "3 attempts".
std::string counted(std::int64_t count, std::string_view noun);

/// Every k-th of `items` so that at most `most` remain, the last always among them.
template <typename T>
std::vector<T> thinned(const std::vector<T>& items, std::size_t most) {
  if (items.size() <= most) {
    return items;
  }
  const std::size_t step = (items.size() + most - 1) / most;
  std::vector<T> kept;
  for (std::size_t i = (items.size() - 1) % step; i < items.size(); i += step) {
    kept.push_back(items[i]);
  }
  return kept;
}

}  // namespace symbiont::report
