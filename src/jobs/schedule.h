#pragma once
/// Which recurrence of a run comes next: tuned ones in order, baseline ones spread evenly between.

#include <cstdint>
#include <optional>

#include "symbiont/ledger/ledger.h"

namespace symbiont::jobs {

/// Baseline run `number` (0-based) of `baseline_runs` comes before the tuned recurrence with this
/// 0-based position: the middle of its share of the run, so that a machine that drifts during the
/// run drifts under both.
constexpr std::int64_t baseline_position(std::int64_t number, std::int64_t baseline_runs,
                                         std::int64_t recurrences) {
  return (2 * number + 1) * recurrences / (2 * baseline_runs);
}

/// The kind that comes next after `tuned` and `baseline` finished ones; nothing when the run is
/// complete.
constexpr std::optional<ledger::RecurrenceKind> next_kind(const ledger::Run& run,
                                                          std::int64_t tuned,
                                                          std::int64_t baseline) {
  if (baseline < run.baseline_runs &&
      (tuned >= run.recurrences ||
       tuned >= baseline_position(baseline, run.baseline_runs, run.recurrences))) {
    return ledger::RecurrenceKind::kBaseline;
  }
  if (tuned < run.recurrences) {
    return ledger::RecurrenceKind::kTuned;
  }
  return std::nullopt;
}

}  // namespace symbiont::jobs
