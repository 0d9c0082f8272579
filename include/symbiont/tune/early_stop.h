#pragma once
/// When is a run no longer worth finishing?
///
/// A run whose cost passes beta times the cheapest recurrence so far costs more than it can teach
/// (Zeus, NSDI 2023, section 4.4). Live, the cost is predicted before each epoch; in a replay, the
/// epochs that fit are counted at once.

#include <cstdint>
#include <optional>
#include <string>

#include "symbiont/base/units.h"

namespace symbiont::tune {

struct StopDecision {
  bool stop = false;
  /// The cost after the next epoch; absent where nothing is known to predict it from.
  std::optional<Joules> predicted_cost;
  /// Why, as a JSON object: stop, epochs, cost_j, predicted_cost_j, bound_j, reason in words.
  std::string why;
};

/// Stops a run before the epoch that would reach its bound. Do not ask while a power profile is
/// unfinished: the profile is worth finishing. A value; thread-safe to read.
class EarlyStop {
 public:
  /// `bound`: absent means never stop. `known_epoch_cost`: what an epoch of this batch size cost in
  /// an earlier run, if there was one.
  EarlyStop(std::optional<Joules> bound, std::optional<Joules> known_epoch_cost)
      : bound_(bound), known_epoch_cost_(known_epoch_cost) {}

  /// Before each epoch, the first included: `epochs` have run so far (>= 0), for `cost`. The next
  /// is predicted to cost their mean, or before the first the known epoch cost; with neither it
  /// runs. A stop before the first epoch makes the outcome kNotStarted, a later one kBound.
  StopDecision before_epoch(std::int64_t epochs, Joules cost) const;

 private:
  std::optional<Joules> predict(std::int64_t epochs, Joules cost) const;

  std::optional<Joules> bound_;
  std::optional<Joules> known_epoch_cost_;
};

/// Epochs that fit into the bound: min(floor(bound / epoch_cost), max_epochs), where floor is that
/// of the real quotient, not of its rounded value. 0: the run never starts. No bound: `max_epochs`.
/// Requires a bound >= 0, a positive `epoch_cost` and `max_epochs` >= 0.
std::int64_t affordable_epochs(std::optional<Joules> bound, Joules epoch_cost,
                               std::int64_t max_epochs);

}  // namespace symbiont::tune
