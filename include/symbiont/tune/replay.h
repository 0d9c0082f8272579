#pragma once
/// Runs a policy on published traces instead of on a machine.
///
/// The replay drives the same `RecurrenceController` as the live runner. Epochs are drawn from the
/// recorded repetitions; time and energy of an epoch are those measured at the power limit; the
/// first epoch of a batch size not seen before is split over all limits to profile them.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/units.h"
#include "symbiont/tune/tape.h"
#include "symbiont/tune/trace.h"

namespace symbiont::tune {

/// One run, as replayed.
struct ReplayedAttempt {
  std::int64_t recurrence = 0;  ///< 1-based
  int try_index = 0;            ///< 1-based within the recurrence
  std::int64_t batch_size = 0;
  std::int64_t power_limit_w = 0;
  bool profiled = false;  ///< its first epoch was split over all power limits
  std::optional<Joules> bound;
  Joules energy;
  Seconds time;
  Joules cost;
  bool reached = false;
};

struct ReplayReport {
  /// In the order made. A run that could not afford its first epoch is no attempt.
  std::vector<ReplayedAttempt> attempts;
  /// Batch sizes that survived pruning, ascending; empty when the tape ends before.
  std::vector<std::int64_t> pruning_survivors;
};

/// Replays a tape under the published policy, at most 20 tries per recurrence. Same draws, same
/// decisions. kInvalidArgument naming the field of the tape that does not fit the traces or ran
/// out of draws; kNotFound when the traces lack its job; kFailedPrecondition when the policy itself
/// cannot go on (see `RecurrenceController::next`).
Result<ReplayReport> replay(const TraceSet& traces, const Tape& tape);

/// As `replay`, reading the tape from a file, which is named in errors.
Result<ReplayReport> replay_tape(const TraceSet& traces, const std::filesystem::path& tape_path);

}  // namespace symbiont::tune
