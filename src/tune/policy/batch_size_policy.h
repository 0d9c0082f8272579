#pragma once
/// What a policy is to the recurrence controller. A new policy is a class here, a kind in policy.h
/// and a line in `make_policy`; callers of the controller see no difference.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "symbiont/tune/bandit.h"
#include "symbiont/tune/policy.h"
#include "symbiont/tune/pruning.h"
#include "tune/json_object.h"

namespace symbiont::tune {

inline constexpr double kMaxTrialCost = 1e80;  // joules
inline constexpr double kMaxCost = 1e100;      // sums and penalties stay below; squares are numbers
inline constexpr std::size_t kMaxStateBytes = 64 << 20;  // of a saved state

/// What is known of one batch size when a choice is made.
struct ArmView {
  std::int64_t batch_size = 0;
  std::size_t observations = 0;
  std::optional<Belief> belief;        // absent without observations
  std::optional<double> sampled_cost;  // absent where nothing was drawn
};

/// A batch size with everything that led to it.
struct Choice {
  std::int64_t batch_size = 0;
  std::string stage;
  std::optional<int> round;
  std::optional<Direction> direction;
  std::vector<ArmView> arms;
  std::string reason;  // in words
};

/// What a trial taught. Already checked by the controller.
struct Observation {
  std::int64_t batch_size = 0;
  Verdict verdict = Verdict::kConverged;
  OutcomeKind kind = OutcomeKind::kReached;
  Joules cost;  // the penalty where nothing ran
};

/// Chooses batch sizes. Pure: draws come from the caller, state goes to the caller.
class BatchSizePolicy {
 public:
  virtual ~BatchSizePolicy() = default;

  /// Called once per trial. On kFailedPrecondition nothing has changed and nothing was drawn.
  virtual Result<Choice> choose(Draws& draws) = 0;
  virtual void observe(const Observation& observation) = 0;
  /// Whether an open trial of `batch_size` is one that `choose` can have given in this state.
  virtual bool can_observe(std::int64_t batch_size) const = 0;

  /// Whether trials are stopped by beta times the smallest cost so far.
  virtual bool is_bounded() const = 0;
  /// Whether a trial that missed the target is followed by another in the same recurrence.
  virtual bool tries_again() const = 0;
  virtual std::vector<std::int64_t> survivors() const = 0;

  virtual nlohmann::json save() const = 0;
  /// Replaces the state by a saved one; errors leave the policy unusable.
  virtual Result<void> load(const JsonObject& state) = 0;
};

/// The policy that `config` names. `config` must have been validated, its sizes ascending.
std::unique_ptr<BatchSizePolicy> make_policy(const PolicyConfig& config);

std::unique_ptr<BatchSizePolicy> make_faithful_policy(const PolicyConfig& config);
std::unique_ptr<BatchSizePolicy> make_fixed_policy(const PolicyConfig& config);

}  // namespace symbiont::tune
