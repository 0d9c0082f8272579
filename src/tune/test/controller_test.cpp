#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "symbiont/tune/policy.h"
#include "tune/test/scripted_draws.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PolicyConfig faithful() {
  PolicyConfig config;
  config.kind = PolicyKind::kFaithful;
  config.batch_sizes = {32, 16, 64};
  config.default_batch_size = 32;
  return config;
}

PolicyConfig fixed() {
  PolicyConfig config = faithful();
  config.kind = PolicyKind::kFixed;
  return config;
}

RecurrenceController controller(const PolicyConfig& config) {
  Result<RecurrenceController> created = RecurrenceController::create(config);
  EXPECT_TRUE(created) << created.error().message();
  return std::move(*created);
}

/// Asks for a trial that must be of `batch_size`, and tells what it came to.
void run(RecurrenceController& policy, Draws& draws, std::int64_t batch_size,
         const Outcome& outcome) {
  const Result<Trial> trial = policy.next(draws);
  ASSERT_TRUE(trial) << trial.error().message();
  ASSERT_EQ(trial->batch_size, batch_size);
  const Result<void> observed = policy.observe(batch_size, outcome);
  ASSERT_TRUE(observed) << observed.error().message();
}

Outcome reached(double cost) {
  return {OutcomeKind::kReached, Joules(cost)};
}
Outcome stopped(double cost) {
  return {OutcomeKind::kBound, Joules(cost)};
}
Outcome out_of_memory() {
  return {OutcomeKind::kInfeasible, Joules(0), "out_of_memory"};
}

/// Two rounds in which all three sizes converge: 32 costs 10 and 12, 16 costs 14 and 14, 64 costs 8
/// and 10.
RecurrenceController after_pruning(const PolicyConfig& config) {
  RecurrenceController policy = controller(config);
  ScriptedDraws draws;
  run(policy, draws, 32, reached(10));
  run(policy, draws, 16, reached(14));
  run(policy, draws, 64, reached(8));
  run(policy, draws, 64, reached(10));
  run(policy, draws, 32, reached(12));
  run(policy, draws, 16, reached(14));
  return policy;
}

TEST(RecurrenceController, StartsAtTheDefaultBatchSizeWithoutABound) {
  RecurrenceController policy = controller(faithful());
  EXPECT_FALSE(policy.recurrence_open());
  EXPECT_EQ(policy.recurrence(), 0);
  ScriptedDraws draws;
  const Result<Trial> trial = policy.next(draws);
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->recurrence, 1);
  EXPECT_EQ(trial->try_index, 1);
  EXPECT_EQ(trial->batch_size, 32);
  EXPECT_EQ(trial->cost_bound, std::nullopt);
  EXPECT_EQ(trial->stage, "pruning");
  EXPECT_TRUE(policy.recurrence_open());
}

TEST(RecurrenceController, GivesTheSameTrialWhenAskedAgainAndTakesNoDraws) {
  RecurrenceController policy = after_pruning(faithful());
  ScriptedDraws draws({0.5, 0.5, 0.5});
  const Result<Trial> first = policy.next(draws);
  const Result<Trial> again = policy.next(draws);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(draws.taken(), 3);
  EXPECT_EQ(first->batch_size, again->batch_size);
  EXPECT_EQ(first->try_index, again->try_index);
  EXPECT_EQ(first->why, again->why);
}

TEST(RecurrenceController, BoundsATrialByBetaTimesTheCheapestRecurrence) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  run(policy, draws, 32, reached(10));
  EXPECT_EQ(policy.next(draws)->cost_bound, Joules(20));
  run(policy, draws, 16, reached(4));
  EXPECT_EQ(policy.next(draws)->cost_bound, Joules(8));
}

TEST(RecurrenceController, CountsAllTriesOfARecurrenceAsItsCost) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  run(policy, draws, 32, reached(10));
  run(policy, draws, 16, stopped(7));
  EXPECT_TRUE(policy.recurrence_open());
  const Result<Trial> second = policy.next(draws);
  EXPECT_EQ(second->recurrence, 2);
  EXPECT_EQ(second->try_index, 2);
  run(policy, draws, 64, reached(2));
  EXPECT_FALSE(policy.recurrence_open());
  EXPECT_EQ(policy.min_cost(), Joules(9));
}

TEST(RecurrenceController, HasNoBoundWhenBetaIsInfinite) {
  PolicyConfig config = faithful();
  config.beta = std::numeric_limits<double>::infinity();
  RecurrenceController policy = controller(config);
  ScriptedDraws draws;
  run(policy, draws, 32, reached(10));
  EXPECT_EQ(policy.next(draws)->cost_bound, std::nullopt);
}

TEST(RecurrenceController, TellsTheUserWhenTheFirstRunMissesItsTarget) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  run(policy, draws, 32, {OutcomeKind::kMaxEpochs, Joules(10)});
  const Result<Trial> trial = policy.next(draws);
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(trial.error().message(), HasSubstr("default batch size 32"));
  EXPECT_THAT(trial.error().message(), HasSubstr("max_epochs"));
}

TEST(RecurrenceController, TellsTheUserWhenTheDefaultDoesNotFitIntoMemory) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  run(policy, draws, 32, out_of_memory());
  const Result<Trial> trial = policy.next(draws);
  ASSERT_FALSE(trial);
  EXPECT_THAT(trial.error().message(), HasSubstr("32 is infeasible: out_of_memory"));
}

TEST(RecurrenceController, TellsTheUserWhenNothingConvergesInARound) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  run(policy, draws, 32, reached(10));
  run(policy, draws, 16, stopped(20));
  run(policy, draws, 64, stopped(20));
  run(policy, draws, 32, stopped(20));
  const Result<Trial> trial = policy.next(draws);
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(trial.error().message(), HasSubstr("round 2"));
}

TEST(RecurrenceController, TurnsToTheBanditWithWhatSurvived) {
  RecurrenceController policy = after_pruning(faithful());
  EXPECT_THAT(policy.survivors(), ElementsAre(16, 32, 64));
  ScriptedDraws draws;
  const Result<Trial> trial = policy.next(draws);
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->stage, "bandit");
  EXPECT_EQ(trial->batch_size, 64);  // mean 9 against 11 and 14
}

TEST(RecurrenceController, FollowsTheDrawsInTheBandit) {
  RecurrenceController policy = after_pruning(faithful());
  // 16 is a point mass; 32 has mean 11 and variance 1/2, 64 mean 9 and variance 1/2.
  ScriptedDraws draws({0.0, 2.0, -1.0});
  EXPECT_EQ(policy.next(draws)->batch_size, 32);
}

TEST(RecurrenceController, EndsARecurrenceUnreachedWhenItsTriesAreUsedUp) {
  PolicyConfig config = faithful();
  config.max_tries = 3;
  RecurrenceController policy = after_pruning(config);
  ScriptedDraws draws;
  run(policy, draws, 64, stopped(8));
  EXPECT_TRUE(policy.last_recurrence_reached());  // the one before
  run(policy, draws, 64, stopped(8));
  EXPECT_TRUE(policy.recurrence_open());
  run(policy, draws, 64, stopped(8));
  EXPECT_FALSE(policy.recurrence_open());
  EXPECT_FALSE(policy.last_recurrence_reached());
  EXPECT_EQ(policy.min_cost(), Joules(8));  // a recurrence that missed the target does not count
  EXPECT_EQ(policy.next(draws)->recurrence, 8);
}

TEST(RecurrenceController, LearnsAPenaltyFromARunThatNeverStarted) {
  RecurrenceController policy = after_pruning(faithful());
  ScriptedDraws draws;
  run(policy, draws, 64, {OutcomeKind::kNotStarted});
  const json why = json::parse(policy.next(draws)->why);
  const json& arm = why["arms"][2];
  EXPECT_EQ(arm["batch_size"], 64);
  EXPECT_DOUBLE_EQ(arm["mean_j"].get<double>(), (8.0 + 10.0 + 100.0 * 16.0) / 3.0);
  run(policy, draws, 32, reached(7.5));
  EXPECT_EQ(policy.min_cost(), Joules(7.5));  // the penalty was never spent
}

TEST(RecurrenceController, NeverAsksAnInfeasibleSizeAgain) {
  RecurrenceController policy = after_pruning(faithful());
  ScriptedDraws draws;
  run(policy, draws, 64, out_of_memory());
  EXPECT_THAT(policy.survivors(), ElementsAre(16, 32));
  const Result<Trial> trial = policy.next(draws);
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->batch_size, 32);
  EXPECT_EQ(json::parse(trial->why)["infeasible"],
            json::parse(R"([{"batch_size": 64, "reason": "out_of_memory"}])"));
}

TEST(RecurrenceController, SaysSoWhenEverySizeIsInfeasible) {
  RecurrenceController policy = after_pruning(faithful());
  ScriptedDraws draws;
  run(policy, draws, 64, out_of_memory());
  run(policy, draws, 32, out_of_memory());
  run(policy, draws, 16, out_of_memory());
  const Result<Trial> trial = policy.next(draws);
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(trial.error().message(), HasSubstr("16 is infeasible: out_of_memory"));
}

TEST(RecurrenceController, ExploresAgainWhatAGlobalWindowHasForgotten) {
  PolicyConfig config = faithful();
  config.window = 4;
  config.window_scope = WindowScope::kGlobal;
  RecurrenceController policy = after_pruning(config);
  ScriptedDraws draws;  // the last four are 64, 64, 32, 16
  const Result<Trial> trial = policy.next(draws);
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->batch_size, 32);  // the last of 16 and 32, both with one observation left
  EXPECT_THAT(trial->why, HasSubstr("at random among 2 sizes"));
}

TEST(RecurrenceController, RefusesAnOutcomeThatCannotBe) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  EXPECT_EQ(policy.observe(32, reached(10)).error().code(), ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(policy.next(draws));
  EXPECT_EQ(policy.observe(16, reached(10)).error().code(), ErrorCode::kFailedPrecondition);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Outcome& outcome :
       {reached(0), reached(-1), reached(std::nan("")), reached(infinity), stopped(10),
        Outcome{OutcomeKind::kNotStarted}, Outcome{OutcomeKind::kDiverged}}) {
    const Result<void> observed = policy.observe(32, outcome);
    ASSERT_FALSE(observed) << to_string(outcome.kind) << " " << outcome.cost.value();
    EXPECT_EQ(observed.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(policy.observe(32, reached(10)));
}

TEST(RecurrenceController, ExplainsItsChoice) {
  RecurrenceController policy = after_pruning(faithful());
  ScriptedDraws draws({0.0, 1.0, 0.0});
  const json why = json::parse(policy.next(draws)->why);
  EXPECT_EQ(why["policy"], "faithful");
  EXPECT_EQ(why["stage"], "bandit");
  EXPECT_EQ(why["round"], nullptr);
  EXPECT_EQ(why["direction"], nullptr);
  ASSERT_EQ(why["arms"].size(), 3u);
  EXPECT_EQ(why["arms"][1]["batch_size"], 32);
  EXPECT_EQ(why["arms"][1]["n"], 2);
  EXPECT_EQ(why["arms"][1]["mean_j"], 11.0);
  EXPECT_NEAR(why["arms"][1]["sd_j"].get<double>(), std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(why["arms"][1]["sampled_j"].get<double>(), 11.0 - std::sqrt(0.5), 1e-12);
  EXPECT_EQ(why["bound_j"], 16.0);
  EXPECT_EQ(why["min_cost_j"], 8.0);
  EXPECT_EQ(why["chosen"], 64);
  EXPECT_EQ(why["reason"], "lowest cost drawn among 3 sizes");
}

TEST(RecurrenceController, GoesWithoutExplanationsInASimulation) {
  PolicyConfig config = faithful();
  config.explain = false;
  RecurrenceController policy = controller(config);
  ScriptedDraws draws;
  EXPECT_THAT(policy.next(draws)->why, IsEmpty());
}

TEST(RecurrenceController, KeepsOnlyTheStartOfALongReason) {
  RecurrenceController policy = after_pruning(faithful());
  ScriptedDraws draws;
  run(policy, draws, 64, {OutcomeKind::kInfeasible, Joules(3), std::string(1000000, 'x')});
  EXPECT_LT(policy.next(draws)->why.size(), 2000u);
  EXPECT_TRUE(RecurrenceController::restore(faithful(), policy.save()));
}

TEST(RecurrenceController, ExplainsItsWalk) {
  RecurrenceController policy = controller(faithful());
  ScriptedDraws draws;
  const json first = json::parse(policy.next(draws)->why);
  EXPECT_EQ(first["round"], 1);
  EXPECT_EQ(first["reason"], "round 1 of 2 starts at the default batch size");
  run(policy, draws, 32, reached(10));
  const json second = json::parse(policy.next(draws)->why);
  EXPECT_EQ(second["direction"], "smaller");
  EXPECT_EQ(second["arms"][0]["n"], 0);
  EXPECT_EQ(second["arms"][0]["mean_j"], nullptr);
  EXPECT_EQ(second["arms"][1]["mean_j"], 10.0);
}

TEST(FixedPolicy, AlwaysRunsTheDefaultWithoutABound) {
  RecurrenceController policy = controller(fixed());
  ScriptedDraws draws;
  for (int recurrence = 1; recurrence <= 3; ++recurrence) {
    const Result<Trial> trial = policy.next(draws);
    ASSERT_TRUE(trial);
    EXPECT_EQ(trial->recurrence, recurrence);
    EXPECT_EQ(trial->batch_size, 32);
    EXPECT_EQ(trial->stage, "fixed");
    EXPECT_EQ(trial->cost_bound, std::nullopt);
    ASSERT_TRUE(policy.observe(32, reached(10)));
  }
  EXPECT_EQ(draws.taken(), 0);
  EXPECT_THAT(policy.survivors(), IsEmpty());
}

TEST(FixedPolicy, EndsARecurrenceAfterItsSingleTry) {
  RecurrenceController policy = controller(fixed());
  ScriptedDraws draws;
  run(policy, draws, 32, {OutcomeKind::kDiverged, Joules(10)});
  EXPECT_FALSE(policy.recurrence_open());
  EXPECT_FALSE(policy.last_recurrence_reached());
  EXPECT_EQ(policy.min_cost(), std::nullopt);
  EXPECT_EQ(policy.next(draws)->recurrence, 2);
}

TEST(FixedPolicy, SaysSoWhenItsOnlySizeIsInfeasible) {
  RecurrenceController policy = controller(fixed());
  ScriptedDraws draws;
  run(policy, draws, 32, out_of_memory());
  const Result<Trial> trial = policy.next(draws);
  ASSERT_FALSE(trial);
  EXPECT_EQ(trial.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(trial.error().message(), HasSubstr("out_of_memory"));
}

TEST(PolicyConfig, IsRefusedByTheNameOfTheSettingThatIsWrong) {
  const auto refused = [](auto change) {
    PolicyConfig config = faithful();
    change(config);
    const Result<RecurrenceController> created = RecurrenceController::create(config);
    return created ? std::string("accepted") : created.error().message();
  };
  EXPECT_THAT(refused([](auto& c) { c.batch_sizes = {}; }), HasSubstr("batch_sizes"));
  EXPECT_THAT(refused([](auto& c) { c.batch_sizes = {32, 0}; }), HasSubstr("0 is not positive"));
  EXPECT_THAT(refused([](auto& c) {
                c.batch_sizes = {32, 16, 32};
              }),
              HasSubstr("32 is there twice"));
  EXPECT_THAT(refused([](auto& c) { c.default_batch_size = 48; }), HasSubstr("48"));
  EXPECT_THAT(refused([](auto& c) { c.beta = 0.0; }), HasSubstr("beta"));
  EXPECT_THAT(refused([](auto& c) { c.beta = std::nan(""); }), HasSubstr("beta"));
  EXPECT_THAT(refused([](auto& c) { c.beta = -INFINITY; }), HasSubstr("beta"));
  EXPECT_THAT(refused([](auto& c) { c.window = 1; }), HasSubstr("window"));
  EXPECT_THAT(refused([](auto& c) { c.window = -1; }), HasSubstr("window"));
  EXPECT_THAT(refused([](auto& c) { c.max_tries = 0; }), HasSubstr("max_tries"));
}

TEST(PolicyKind, IsParsedFromTheNameInTheJobFile) {
  EXPECT_EQ(parse_policy_kind("faithful").value(), PolicyKind::kFaithful);
  EXPECT_EQ(parse_policy_kind("fixed").value(), PolicyKind::kFixed);
  EXPECT_EQ(parse_window_scope("global").value(), WindowScope::kGlobal);
  const Result<PolicyKind> unknown = parse_policy_kind("clever");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message(), HasSubstr("\"faithful\", \"fixed\""));
}

}  // namespace
}  // namespace symbiont::tune
