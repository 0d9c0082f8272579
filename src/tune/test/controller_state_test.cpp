#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

#include "symbiont/tune/policy.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;
using testing::HasSubstr;

PolicyConfig config_of(PolicyKind kind) {
  PolicyConfig config;
  config.kind = kind;
  config.batch_sizes = {8, 16, 32, 64, 128};
  config.default_batch_size = 32;
  config.max_tries = 4;
  return config;
}

RecurrenceController created(const PolicyConfig& config) {
  Result<RecurrenceController> result = RecurrenceController::create(config);
  SYM_CHECK(result.has_value());
  return std::move(*result);
}

/// What a run may come to in this state.
Outcome any_outcome(const Trial& trial) {
  if (trial.recurrence == 1) {  // mostly reached, for there is little to see otherwise
    const bool misses = *rc::gen::weightedElement<bool>({{9, false}, {1, true}});
    return {misses ? OutcomeKind::kMaxEpochs : OutcomeKind::kReached, Joules(100)};
  }
  const auto kind = *rc::gen::weightedElement<OutcomeKind>({{12, OutcomeKind::kReached},
                                                            {2, OutcomeKind::kBound},
                                                            {1, OutcomeKind::kMaxEpochs},
                                                            {1, OutcomeKind::kDiverged},
                                                            {1, OutcomeKind::kInfeasible},
                                                            {1, OutcomeKind::kNotStarted}});
  const bool needs_bound = kind == OutcomeKind::kBound || kind == OutcomeKind::kNotStarted;
  if (needs_bound && !trial.cost_bound) {
    return {OutcomeKind::kMaxEpochs, Joules(50)};
  }
  return {kind, Joules(*rc::gen::inRange(1, 1000) / 7.0), "out_of_memory"};
}

PolicyConfig any_config() {
  PolicyConfig config = config_of(
      *rc::gen::weightedElement<PolicyKind>({{9, PolicyKind::kFaithful}, {1, PolicyKind::kFixed}}));
  config.window = *rc::gen::element<std::int64_t>(0, 2, 5);
  config.window_scope = *rc::gen::element(WindowScope::kPerArm, WindowScope::kGlobal);
  return config;
}

void assert_same(const RecurrenceController& a, const RecurrenceController& b) {
  RC_ASSERT(a.save() == b.save());
  RC_ASSERT(a.recurrence() == b.recurrence());
  RC_ASSERT(a.recurrence_open() == b.recurrence_open());
  RC_ASSERT(a.last_recurrence_reached() == b.last_recurrence_reached());
  RC_ASSERT((a.min_cost() == b.min_cost()));
  RC_ASSERT(a.survivors() == b.survivors());
}

void assert_same(const Trial& a, const Trial& b) {
  RC_ASSERT(a.recurrence == b.recurrence);
  RC_ASSERT(a.try_index == b.try_index);
  RC_ASSERT(a.batch_size == b.batch_size);
  RC_ASSERT((a.cost_bound == b.cost_bound));
  RC_ASSERT(a.stage == b.stage);
  RC_ASSERT(a.why == b.why);
}

RecurrenceController reborn(const RecurrenceController& controller, const PolicyConfig& config) {
  Result<RecurrenceController> restored = RecurrenceController::restore(config, controller.save());
  RC_ASSERT(restored.has_value());
  return std::move(*restored);
}

RC_GTEST_PROP(RecurrenceController, BehavesTheSameWhenSavedAndRestoredAtEveryEvent, ()) {
  const PolicyConfig config = any_config();
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  RecurrenceController steady = created(config);
  RecurrenceController interrupted = created(config);
  SeededDraws steady_draws{Random(seed)};
  SeededDraws interrupted_draws{Random(seed)};
  for (int event = 0; event < 40; ++event) {
    const Result<Trial> expected = steady.next(steady_draws);
    const Result<Trial> found = interrupted.next(interrupted_draws);
    RC_ASSERT(expected.has_value() == found.has_value());
    if (!expected) {
      RC_ASSERT(expected.error().message() == found.error().message());
      return;
    }
    assert_same(*expected, *found);
    interrupted = reborn(interrupted, config);
    assert_same(steady, interrupted);
    assert_same(*interrupted.next(interrupted_draws), *expected);
    RC_ASSERT(steady_draws.random() == interrupted_draws.random());

    const Outcome outcome = any_outcome(*expected);
    RC_ASSERT(steady.observe(expected->batch_size, outcome).has_value());
    RC_ASSERT(interrupted.observe(found->batch_size, outcome).has_value());
    interrupted = reborn(interrupted, config);
    assert_same(steady, interrupted);
  }
}

RC_GTEST_PROP(RecurrenceController, KeepsItsPromisesWhateverTheRunsComeTo, ()) {
  const PolicyConfig config = any_config();
  RecurrenceController controller = created(config);
  SeededDraws draws{Random(*rc::gen::arbitrary<std::uint64_t>())};
  std::set<std::int64_t> infeasible;
  std::map<std::int64_t, std::set<std::int64_t>> converged;  // by round of pruning
  double spent = 0.0;
  std::optional<double> cheapest;
  for (int event = 0; event < 40; ++event) {
    const Result<Trial> trial = controller.next(draws);
    if (!trial) {
      RC_ASSERT(trial.error().code() == ErrorCode::kFailedPrecondition);
      break;
    }
    RC_ASSERT(infeasible.count(trial->batch_size) == 0);
    RC_ASSERT(trial->try_index <= config.max_tries);
    spent = trial->try_index == 1 ? 0.0 : spent;

    const Outcome outcome = any_outcome(*trial);
    RC_ASSERT(controller.observe(trial->batch_size, outcome).has_value());
    spent += outcome.kind == OutcomeKind::kNotStarted ? 0.0 : outcome.cost.value();
    if (outcome.kind == OutcomeKind::kInfeasible) {
      infeasible.insert(trial->batch_size);
    }
    if (outcome.kind == OutcomeKind::kReached) {
      cheapest = cheapest ? std::min(*cheapest, spent) : spent;
      if (trial->stage == "pruning") {
        converged[json::parse(trial->why)["round"]].insert(trial->batch_size);
      }
    }
    RC_ASSERT(controller.min_cost().has_value() == cheapest.has_value());
    RC_ASSERT(!cheapest || controller.min_cost()->value() == *cheapest);
    for (const std::int64_t arm : controller.survivors()) {
      RC_ASSERT(converged[1].count(arm) == 1);
      RC_ASSERT(converged[2].count(arm) == 1);
      RC_ASSERT(infeasible.count(arm) == 0);
    }
  }
}

std::string saved_with_open_trial() {
  RecurrenceController controller = created(config_of(PolicyKind::kFaithful));
  SeededDraws draws{Random(1)};
  for (int i = 0; i < 3; ++i) {
    const Result<Trial> trial = controller.next(draws);
    SYM_CHECK(controller.observe(trial->batch_size, {OutcomeKind::kReached, Joules(10)}));
  }
  SYM_CHECK(controller.next(draws).has_value());
  return controller.save();
}

Result<RecurrenceController> restore(const std::string& state,
                                     PolicyKind kind = PolicyKind::kFaithful) {
  return RecurrenceController::restore(config_of(kind), state);
}

TEST(SavedController, IsRefusedWhenAnotherPolicyOrVersionWroteIt) {
  const Result<RecurrenceController> other = restore(saved_with_open_trial(), PolicyKind::kFixed);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(other.error().message(), HasSubstr("\"faithful\""));

  json newer = json::parse(saved_with_open_trial());
  newer["version"] = 2;
  const Result<RecurrenceController> refused = restore(newer.dump());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
}

TEST(SavedController, IsRefusedWhenTheBatchSizesHaveChanged) {
  PolicyConfig config = config_of(PolicyKind::kFaithful);
  config.batch_sizes = {32, 64};
  const Result<RecurrenceController> restored =
      RecurrenceController::restore(config, saved_with_open_trial());
  ASSERT_FALSE(restored);
}

TEST(SavedController, IsRefusedWhenItIsNotWhatWasSaved) {
  const json saved = json::parse(saved_with_open_trial());
  ASSERT_TRUE(restore(saved.dump()));
  const std::pair<const char*, json> changes[] = {
      {"/version", "1"},
      {"/recurrence", -1},
      {"/tries", 5},
      {"/open", 1},
      {"/open", false},
      {"/spent_j", -1.0},
      {"/min_cost_j", "free"},
      {"/infeasible", {1, 2}},
      {"/trial", 7},
      {"/trial/batch_size", 16},
      {"/trial/why", 7},
      {"/learnt", nullptr},
      {"/learnt/walk/sizes", json::array()},
      {"/learnt/walk/round", 4},
      {"/learnt/walk/asked", 17},
      {"/learnt/history/costs_j", {1.0}},
      {"/learnt/arms", {16}},
      {"/learnt/blocked", false},
  };
  for (const auto& [where, value] : changes) {
    json changed = saved;
    changed[json::json_pointer(where)] = value;
    const Result<RecurrenceController> restored = restore(changed.dump());
    ASSERT_FALSE(restored) << where << " = " << value;
    EXPECT_EQ(restored.error().code(), ErrorCode::kDataLoss) << restored.error().message();
  }
  for (const char* const text : {"", "{", "[]", "null", "{}"}) {
    const Result<RecurrenceController> restored = restore(text);
    ASSERT_FALSE(restored) << text;
    EXPECT_EQ(restored.error().code(), ErrorCode::kDataLoss);
  }
}

}  // namespace
}  // namespace symbiont::tune
