#pragma once
/// Which batch size should the next run of a recurring job use?
///
/// A job runs again and again: each run until its target is reached is a *recurrence*, made of one
/// or more *trials* (a trial that misses the target is followed by another, with another size).
/// `RecurrenceController` is the whole policy as an event-driven value: ask `next()`, run it, tell
/// `observe()`. It has no clock, no I/O and no generator of its own, and its state is a string, so
/// the live runner and the replay of published traces drive the same object.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/units.h"
#include "symbiont/tune/draws.h"

namespace symbiont::tune {

enum class PolicyKind {
  kFaithful,  ///< pruning and Gaussian Thompson sampling as published (Zeus, NSDI 2023, section 4)
  kFixed,     ///< always the default batch size: what a user has without a tuner
};

/// "faithful", "fixed": the names used in job files.
std::string_view to_string(PolicyKind kind);
/// The inverse. kInvalidArgument listing the names that exist.
Result<PolicyKind> parse_policy_kind(std::string_view name);

/// What a window of the last N observations counts.
enum class WindowScope {
  kPerArm,  ///< the last N of each batch size (as published): a size never chosen never forgets
  kGlobal,  ///< the last N of the job: a size with fewer than two of them is explored again
};

/// "per_arm", "global".
std::string_view to_string(WindowScope scope);
Result<WindowScope> parse_window_scope(std::string_view name);

struct PolicyConfig {
  PolicyKind kind = PolicyKind::kFaithful;
  std::vector<std::int64_t> batch_sizes;  ///< candidates, distinct, any order
  std::int64_t default_batch_size = 0;    ///< one of them: where the search starts
  /// A trial stops at beta times the smallest cost of a recurrence so far. +infinity: no bound.
  double beta = 2.0;
  std::int64_t window =
      0;  ///< observations remembered; 0: all of them. One has no variance: refused.
  WindowScope window_scope = WindowScope::kPerArm;
  int max_tries = 20;  ///< trials in a recurrence before it ends unreached
  /// Fill `Trial::why`. It takes longer than the decision itself, so simulations go without.
  bool explain = true;
};

/// What a trial came to, as far as learning goes. Crashes and interruptions are no outcome: run the
/// trial again.
enum class OutcomeKind {
  kReached,     ///< the target
  kBound,       ///< stopped by its cost bound
  kMaxEpochs,   ///< ran all its epochs without reaching the target
  kDiverged,    ///< loss became NaN or infinite
  kInfeasible,  ///< this batch size cannot run here (out of memory): never asked again
  kNotStarted,  ///< its first epoch alone would have reached the bound
};

/// "reached", "bound", "max_epochs", "diverged", "infeasible", "not_started".
std::string_view to_string(OutcomeKind kind);

struct Outcome {
  OutcomeKind kind = OutcomeKind::kReached;
  /// Of this trial alone. Positive when an epoch ran; ignored for kNotStarted, for which the policy
  /// learns a penalty of 100 times the bound.
  Joules cost = Joules(0.0);
  std::string reason = {};  ///< for kInfeasible, in words; the first 200 bytes are kept
  /// Epochs that ran, and the cost of one without profiling. The published policy learns from
  /// `cost` alone; a policy that models the two factors separately (eq. 5-7) needs them.
  std::int64_t epochs = 0;
  std::optional<Joules> epoch_cost = std::nullopt;
};

/// One run to make.
struct Trial {
  std::int64_t recurrence = 0;  ///< 1-based, over the life of the job
  int try_index = 0;            ///< 1-based, within the recurrence
  std::int64_t batch_size = 0;
  std::optional<Joules> cost_bound;  ///< absent: no bound
  std::string stage;                 ///< "pruning", "bandit" or "fixed"
  /// Why, unless the configuration goes without, as a JSON object: policy, stage, round, direction,
  /// arms (batch_size, n, mean_j, sd_j, sampled_j), infeasible (batch_size, reason), bound_j,
  /// min_cost_j, chosen, reason in words.
  std::string why;
};

class BatchSizePolicy;
class JsonObject;
struct Choice;

/// Decides trial after trial. Move-only. Not thread-safe.
class RecurrenceController {
 public:
  /// kInvalidArgument naming the setting when the configuration makes no sense.
  static Result<RecurrenceController> create(const PolicyConfig& config);
  /// A controller that continues exactly where `save()` was called, given the same configuration.
  /// `state` is checked like any outside input: kDataLoss when it is not a saved state,
  /// kFailedPrecondition when another policy, a newer version or other batch sizes wrote it.
  static Result<RecurrenceController> restore(const PolicyConfig& config, std::string_view state);

  RecurrenceController(RecurrenceController&&) noexcept;
  RecurrenceController& operator=(RecurrenceController&&) noexcept;
  ~RecurrenceController();

  /// The trial to run now. Asked again before `observe()` it gives the same trial and takes no
  /// draws. kFailedPrecondition, in words for the user and with nothing changed, when there is
  /// nothing sensible to run (an open recurrence stays open): the job's first run missed its target
  /// at the default size, nothing converged in a round of pruning, or every size has turned out
  /// infeasible.
  Result<Trial> next(Draws& draws);

  /// What the open trial came to. With nothing changed: kFailedPrecondition when no trial is open
  /// or it has another batch size, kInvalidArgument when the outcome cannot be (a cost that is not
  /// positive and finite, stopped by a bound that it did not have).
  Result<void> observe(std::int64_t batch_size, const Outcome& outcome);

  /// True from the first `next()` of a recurrence until it is reached or its tries are used up.
  bool recurrence_open() const { return progress_.open; }
  /// Number of the recurrence that is open, or else of the last one; 0 before the first.
  std::int64_t recurrence() const { return progress_.recurrence; }
  /// How the last recurrence that ended came out; false before one has.
  bool last_recurrence_reached() const { return progress_.last_reached; }
  /// Smallest cost of a recurrence that reached the target, all its trials summed.
  std::optional<Joules> min_cost() const { return progress_.min_cost; }
  /// The batch sizes that survived pruning and are still feasible, ascending; empty before that,
  /// and for policies that do not prune.
  std::vector<std::int64_t> survivors() const;

  /// The state as versioned JSON, the open trial included.
  std::string save() const;

 private:
  struct Infeasible {
    std::int64_t batch_size = 0;
    std::string reason;
  };
  struct Progress {
    std::int64_t recurrence = 0;
    int tries = 0;
    bool open = false;
    bool last_reached = false;
    Joules spent;  // by the trials of the open recurrence
    std::optional<Joules> min_cost;
    std::optional<Trial> trial;  // handed out, not yet observed
    std::vector<Infeasible> infeasible;
  };

  RecurrenceController(PolicyConfig config, std::unique_ptr<BatchSizePolicy> policy);
  std::optional<Joules> bound() const;
  Result<void> check(std::int64_t batch_size, const Outcome& outcome) const;
  void finish_recurrence(bool reached);
  std::string explain(const Choice& choice) const;
  Result<void> load(std::string_view state);
  Result<void> load_trial(const JsonObject& state);

  PolicyConfig config_;
  std::unique_ptr<BatchSizePolicy> policy_;
  Progress progress_;
};

}  // namespace symbiont::tune
