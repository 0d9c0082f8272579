#pragma once
/// Exploration with pruning: find the batch sizes that reach the target at all.
///
/// Each round walks from a start to smaller sizes until one fails, then from just above the start
/// to larger ones until one fails, and keeps only what converged. The next round starts at the
/// cheapest of the last (Zeus, NSDI 2023, section 4.4, algorithm 3). After two rounds every
/// survivor has two observations, hence a variance.

#include <cstdint>
#include <optional>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/units.h"

namespace symbiont::tune {

enum class Direction { kSmaller, kLarger };
enum class Verdict { kConverged, kFailed, kInfeasible };

/// The walk as a value. Not thread-safe.
class PruningWalk {
 public:
  struct Converged {
    std::int64_t batch_size = 0;
    Joules cost;
  };
  /// Everything the walk remembers, to be stored and resumed.
  struct State {
    std::vector<std::int64_t> sizes;  ///< of this round, ascending; after the last, the survivors
    std::int64_t start = 0;           ///< where this round started
    int round = 1;                    ///< 1-based; rounds + 1 when the walk is over
    int rounds = 2;
    Direction direction = Direction::kSmaller;
    std::int64_t asked = 0;            ///< 0: nothing, the walk is over or nothing converged
    std::vector<Converged> converged;  ///< in this round, in the order asked
  };

  /// Requires `sizes` ascending, distinct and positive, `start` among them, `rounds` >= 1.
  PruningWalk(std::vector<std::int64_t> sizes, std::int64_t start, int rounds = 2);
  /// kDataLoss when `state` is not one a walk can be in.
  static Result<PruningWalk> resume(State state);
  const State& state() const { return state_; }

  /// The size to run now; absent when the walk is over or nothing converged.
  std::optional<std::int64_t> asked() const;
  /// Advances the walk. A failure ends its direction. So does an infeasible size on the way up, as
  /// larger ones need more memory still; on the way down the next smaller one may fit.
  /// kFailedPrecondition when `batch_size` is not the size asked for.
  Result<void> report(std::int64_t batch_size, Verdict verdict, Joules cost);

  bool over() const { return state_.round > state_.rounds; }
  bool nothing_converged() const { return !over() && state_.asked == 0; }
  /// The sizes that converged in the last round, ascending. Requires over().
  const std::vector<std::int64_t>& survivors() const;
  /// The best size known so far in this round, else where it started: what to run beside the walk.
  std::int64_t cheapest() const;

 private:
  explicit PruningWalk(State state) : state_(std::move(state)) {}
  void turn_around();
  void finish_round();

  State state_;
};

}  // namespace symbiont::tune
