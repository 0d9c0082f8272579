#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tune/policy/batch_size_policy.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;

constexpr std::size_t kExplorations = 2;  // observations an arm needs before it is sampled
constexpr int kPruningRounds = 2;
constexpr std::size_t kMaxReason = 10000;

std::string_view to_string(Direction direction) {
  return direction == Direction::kSmaller ? "smaller" : "larger";
}

/// The policy as published, including what it is known to get wrong: a run stopped by the bound is
/// observed at its truncated cost. Zeus, NSDI 2023, section 4.
class FaithfulPolicy final : public BatchSizePolicy {
 public:
  explicit FaithfulPolicy(const PolicyConfig& config)
      : sizes_(config.batch_sizes),
        walk_(sizes_, config.default_batch_size, kPruningRounds),
        history_(config.window, config.window_scope) {}

  Result<Choice> choose(Draws& draws) override;
  void observe(const Observation& observation) override;
  bool can_observe(std::int64_t batch_size) const override;

  bool is_bounded() const override { return true; }
  bool tries_again() const override { return true; }
  std::vector<std::int64_t> survivors() const override { return arms_; }

  json save() const override;
  Result<void> load(const JsonObject& state) override;

 private:
  Result<Choice> prune() const;
  Choice sample(Draws& draws) const;
  std::vector<ArmView> view(std::span<const std::int64_t> sizes) const;
  Result<void> load_walk(const JsonObject& state);
  Result<void> load_history(const JsonObject& state);
  bool knows(std::int64_t batch_size) const;

  std::vector<std::int64_t> sizes_;  // all candidates, ascending
  PruningWalk walk_;
  CostHistory history_;
  std::vector<std::int64_t> arms_;  // feasible survivors, ascending; empty until the walk is over
  bool first_run_ = true;
  std::string blocked_;  // why the job cannot go on; empty when it can
};

Result<Choice> FaithfulPolicy::choose(Draws& draws) {
  if (!blocked_.empty()) {
    return fail(ErrorCode::kFailedPrecondition, blocked_);
  }
  if (!walk_.over()) {
    return prune();
  }
  if (arms_.empty()) {
    return fail(ErrorCode::kFailedPrecondition,
                "every batch size that survived pruning has turned out infeasible");
  }
  return sample(draws);
}

Result<Choice> FaithfulPolicy::prune() const {
  const PruningWalk::State& state = walk_.state();
  if (walk_.nothing_converged()) {
    return fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("no batch size reached the target in round {} of pruning", state.round));
  }
  Choice choice;
  choice.batch_size = state.asked;
  choice.stage = "pruning";
  choice.round = state.round;
  choice.direction = state.direction;
  choice.arms = view(state.sizes);
  choice.reason = state.asked == state.start
                      ? fmt::format("round {} of {} starts at {}", state.round, state.rounds,
                                    state.round == 1 ? "the default batch size"
                                                     : "the cheapest size of the round before")
                      : fmt::format("round {} of {} walks to {} sizes until one fails", state.round,
                                    state.rounds, to_string(state.direction));
  return choice;
}

std::vector<ArmView> FaithfulPolicy::view(std::span<const std::int64_t> sizes) const {
  std::vector<ArmView> arms;
  arms.reserve(sizes.size());
  for (const std::int64_t size : sizes) {
    ArmView& arm = arms.emplace_back();
    const std::vector<double> costs = history_.costs_of(size);
    arm.batch_size = size;
    arm.observations = costs.size();
    if (!costs.empty()) {
      arm.belief = posterior(costs);
    }
  }
  return arms;
}

Choice FaithfulPolicy::sample(Draws& draws) const {
  Choice choice;
  choice.stage = "bandit";
  choice.arms = view(arms_);

  std::vector<std::int64_t> unexplored;
  std::vector<Belief> beliefs;
  for (const ArmView& arm : choice.arms) {
    if (arm.observations < kExplorations) {
      unexplored.push_back(arm.batch_size);
    } else {
      beliefs.push_back(*arm.belief);
    }
  }
  if (!unexplored.empty()) {
    choice.batch_size = unexplored[draws.below(unexplored.size())];
    choice.reason = fmt::format("picked at random among {} sizes with fewer than {} observations",
                                unexplored.size(), kExplorations);
    return choice;
  }
  const Sampled sampled = sample_cheapest(beliefs, draws);
  for (std::size_t i = 0; i < choice.arms.size(); ++i) {
    choice.arms[i].sampled_cost = sampled.costs[i];
  }
  choice.batch_size = arms_[sampled.chosen];
  choice.reason = fmt::format("lowest cost drawn among {} sizes", arms_.size());
  return choice;
}

void FaithfulPolicy::observe(const Observation& observation) {
  const std::int64_t size = observation.batch_size;
  if (std::exchange(first_run_, false) && observation.verdict != Verdict::kConverged) {
    blocked_ = fmt::format(
        "the first attempt, at the default batch size {}, ended as \"{}\"; it must reach the "
        "target, if need be with another default",
        size, tune::to_string(observation.kind));
  }
  if (observation.verdict != Verdict::kInfeasible) {
    history_.add(size, observation.cost);
  }
  if (walk_.over()) {
    if (observation.verdict == Verdict::kInfeasible) {
      std::erase(arms_, size);
    }
    return;
  }
  const Result<void> reported = walk_.report(size, observation.verdict, observation.cost);
  SYM_CHECK(reported.has_value());  // the controller passes on the size that was chosen
  if (walk_.over()) {
    arms_ = walk_.survivors();
  }
}

bool FaithfulPolicy::can_observe(std::int64_t batch_size) const {
  if (!walk_.over()) {
    return walk_.asked() == batch_size;
  }
  return std::binary_search(arms_.begin(), arms_.end(), batch_size);
}

json FaithfulPolicy::save() const {
  const PruningWalk::State& walk = walk_.state();
  json converged = json::array();
  for (const PruningWalk::Converged& entry : walk.converged) {
    converged.push_back({{"batch_size", entry.batch_size}, {"cost_j", entry.cost.value()}});
  }
  json history_sizes = json::array();
  json history_costs = json::array();
  for (const CostHistory::Entry& entry : history_.entries()) {
    history_sizes.push_back(entry.batch_size);
    history_costs.push_back(entry.cost.value());
  }
  return {{"walk",
           {{"sizes", walk.sizes},
            {"start", walk.start},
            {"round", walk.round},
            {"larger", walk.direction == Direction::kLarger},
            {"asked", walk.asked},
            {"converged", std::move(converged)}}},
          {"history",
           {{"batch_sizes", std::move(history_sizes)}, {"costs_j", std::move(history_costs)}}},
          {"arms", arms_},
          {"first_run", first_run_},
          {"blocked", blocked_}};
}

bool FaithfulPolicy::knows(std::int64_t batch_size) const {
  return std::binary_search(sizes_.begin(), sizes_.end(), batch_size);
}

Result<void> FaithfulPolicy::load_walk(const JsonObject& state) {
  PruningWalk::State walk;
  walk.rounds = kPruningRounds;
  SYM_ASSIGN_OR_RETURN(walk.sizes, state.integers("sizes", sizes_.size(), 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(walk.start, state.integer("start", 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(const std::int64_t round, state.integer("round", 1, kPruningRounds + 1));
  walk.round = static_cast<int>(round);
  SYM_ASSIGN_OR_RETURN(const bool larger, state.boolean("larger"));
  walk.direction = larger ? Direction::kLarger : Direction::kSmaller;
  SYM_ASSIGN_OR_RETURN(walk.asked, state.integer("asked", 0, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(const auto converged, state.objects("converged", sizes_.size()));
  for (const JsonObject& entry : converged) {
    SYM_ASSIGN_OR_RETURN(const std::int64_t size, entry.integer("batch_size", 1, INT64_MAX));
    SYM_ASSIGN_OR_RETURN(const double cost, entry.number("cost_j", 0.0, kMaxCost));
    walk.converged.push_back({size, Joules(cost)});
  }
  if (!std::all_of(walk.sizes.begin(), walk.sizes.end(), [&](auto size) { return knows(size); })) {
    return fail(ErrorCode::kFailedPrecondition, "saved with other batch sizes");
  }
  SYM_ASSIGN_OR_RETURN(walk_, PruningWalk::resume(std::move(walk)));
  return {};
}

Result<void> FaithfulPolicy::load_history(const JsonObject& state) {
  SYM_ASSIGN_OR_RETURN(const auto sizes,
                       state.integers("batch_sizes", kMaxStateBytes, 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(const auto costs, state.numbers("costs_j", kMaxStateBytes, 0.0, kMaxCost));
  if (sizes.size() != costs.size()) {
    return fail(ErrorCode::kDataLoss, "history: as many batch sizes as costs expected");
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!knows(sizes[i])) {
      return fail(ErrorCode::kFailedPrecondition, "saved with other batch sizes");
    }
    history_.add(sizes[i], Joules(costs[i]));
  }
  return {};
}

Result<void> FaithfulPolicy::load(const JsonObject& state) {
  SYM_ASSIGN_OR_RETURN(const JsonObject walk, state.object("walk"));
  SYM_RETURN_IF_ERROR(load_walk(walk));
  SYM_ASSIGN_OR_RETURN(const JsonObject history, state.object("history"));
  SYM_RETURN_IF_ERROR(load_history(history));
  SYM_ASSIGN_OR_RETURN(arms_, state.integers("arms", sizes_.size(), 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(first_run_, state.boolean("first_run"));
  SYM_ASSIGN_OR_RETURN(blocked_, state.text("blocked", kMaxReason));
  const std::vector<std::int64_t>& kept = walk_.state().sizes;
  const bool arms_survived =
      arms_.empty() ||
      (walk_.over() && std::is_sorted(arms_.begin(), arms_.end(), std::less_equal<>()) &&
       std::includes(kept.begin(), kept.end(), arms_.begin(), arms_.end()));
  if (!arms_survived) {
    return fail(ErrorCode::kDataLoss, "\"arms\": not among the sizes that survived pruning");
  }
  return {};
}

}  // namespace

std::unique_ptr<BatchSizePolicy> make_faithful_policy(const PolicyConfig& config) {
  return std::make_unique<FaithfulPolicy>(config);
}

}  // namespace symbiont::tune
