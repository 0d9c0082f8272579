#pragma once
/// The reason of a decision, as the tuner wrote it into the ledger.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace symbiont::report {

struct WhyArm {
  std::int64_t batch_size = 0;
  std::int64_t observations = 0;
  std::optional<double> mean_j;
  std::optional<double> sd_j;
  std::optional<double> sampled_j;
};

struct Why {
  std::string stage;  ///< "pruning", "bandit", "fixed", "baseline"
  std::string reason;
  std::vector<WhyArm> arms;
  std::vector<std::int64_t> infeasible;
  std::optional<double> bound_j;
};

/// Reads what is there: keys that are absent or of another type stay empty, and so does a text that
/// is not JSON. A report never fails over a reason.
Why parse_why(std::string_view text);

/// The arm of a batch size; null when the decision did not look at it. Points into `why`.
const WhyArm* find_arm(const Why& why, std::int64_t batch_size);

/// Whether the size was tried to learn of it: while sizes are pruned, and while one is picked at
/// random because costs cannot be drawn for all yet.
bool explores(const Why& why);

}  // namespace symbiont::report
