#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tune/policy/batch_size_policy.h"

namespace symbiont::tune {
namespace {

/// Always the default batch size, one trial per recurrence, never stopped early.
class FixedPolicy final : public BatchSizePolicy {
 public:
  explicit FixedPolicy(const PolicyConfig& config) : batch_size_(config.default_batch_size) {}

  Result<Choice> choose(Draws&) override;
  void observe(const Observation& observation) override;

  bool can_observe(std::int64_t batch_size) const override {
    return batch_size == batch_size_ && !infeasible_;
  }
  bool is_bounded() const override { return false; }
  bool tries_again() const override { return false; }
  std::vector<std::int64_t> survivors() const override { return {}; }

  nlohmann::json save() const override { return {{"infeasible", infeasible_}}; }
  Result<void> load(const JsonObject& state) override;

 private:
  std::int64_t batch_size_;
  bool infeasible_ = false;
};

Result<Choice> FixedPolicy::choose(Draws&) {
  if (infeasible_) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("the fixed policy uses batch size {} only, and that is infeasible",
                            batch_size_));
  }
  return Choice{.batch_size = batch_size_,
                .stage = "fixed",
                .round = {},
                .direction = {},
                .arms = {},
                .reason = "the fixed policy always uses the default batch size"};
}

void FixedPolicy::observe(const Observation& observation) {
  infeasible_ = infeasible_ || observation.verdict == Verdict::kInfeasible;
}

Result<void> FixedPolicy::load(const JsonObject& state) {
  SYM_ASSIGN_OR_RETURN(infeasible_, state.boolean("infeasible"));
  return {};
}

}  // namespace

std::unique_ptr<BatchSizePolicy> make_fixed_policy(const PolicyConfig& config) {
  return std::make_unique<FixedPolicy>(config);
}

}  // namespace symbiont::tune
