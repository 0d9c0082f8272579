#include "symbiont/tune/pruning.h"

#include <functional>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont::tune {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Sizes = std::vector<std::int64_t>;

/// What each size answers; a size that is not listed fails.
using Costs = std::map<std::int64_t, double>;

/// Walks one round and returns the sizes asked.
Sizes walk_round(PruningWalk& walk, const Costs& converging) {
  Sizes asked;
  const int round = walk.state().round;
  while (walk.asked() && walk.state().round == round) {
    const std::int64_t size = *walk.asked();
    asked.push_back(size);
    const auto cost = converging.find(size);
    const bool failed = cost == converging.end();
    EXPECT_TRUE(walk.report(size, failed ? Verdict::kFailed : Verdict::kConverged,
                            Joules(failed ? 99.0 : cost->second)));
  }
  return asked;
}

const Costs kRoundOne = {{32, 10.0}, {16, 9.0}, {64, 12.0}};

PruningWalk after_round_one() {
  PruningWalk walk({8, 16, 32, 64, 128}, 32);
  EXPECT_THAT(walk_round(walk, kRoundOne), ElementsAre(32, 16, 8, 64, 128));
  return walk;
}

// The walks follow Zeus, NSDI 2023, algorithm 3.
TEST(PruningWalk, WalksDownUntilASizeFailsThenUp) {
  const PruningWalk walk = after_round_one();
  EXPECT_THAT(walk.state().sizes, ElementsAre(16, 32, 64));
  EXPECT_EQ(walk.state().start, 16);
  EXPECT_EQ(walk.state().round, 2);
}

TEST(PruningWalk, KeepsWhatConvergedInTheSecondRound) {
  PruningWalk walk = after_round_one();
  EXPECT_THAT(walk_round(walk, kRoundOne), ElementsAre(16, 32, 64));
  ASSERT_TRUE(walk.over());
  EXPECT_THAT(walk.survivors(), ElementsAre(16, 32, 64));
  EXPECT_EQ(walk.asked(), std::nullopt);
}

TEST(PruningWalk, DropsTheCheapestSizeWhenItFailsInTheSecondRound) {
  PruningWalk walk = after_round_one();
  EXPECT_THAT(walk_round(walk, {{32, 10.0}, {64, 12.0}}), ElementsAre(16, 32, 64));
  EXPECT_THAT(walk.survivors(), ElementsAre(32, 64));
}

TEST(PruningWalk, StillWalksUpWhenTheStartFails) {
  PruningWalk walk({8, 16, 32, 64, 128}, 32);
  EXPECT_THAT(walk_round(walk, {{64, 12.0}}), ElementsAre(32, 64, 128));
  EXPECT_THAT(walk.state().sizes, ElementsAre(64));
}

TEST(PruningWalk, SaysSoWhenNothingConverged) {
  PruningWalk walk({8, 16, 32}, 16);
  EXPECT_THAT(walk_round(walk, {}), ElementsAre(16, 32));
  EXPECT_TRUE(walk.nothing_converged());
  EXPECT_FALSE(walk.over());
  EXPECT_EQ(walk.asked(), std::nullopt);
}

TEST(PruningWalk, RejectsASizeItDidNotAskFor) {
  PruningWalk walk({8, 16, 32}, 16);
  const Result<void> reported = walk.report(8, Verdict::kConverged, Joules(1));
  ASSERT_FALSE(reported);
  EXPECT_EQ(reported.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(walk.asked(), 16);
}

TEST(PruningWalk, KnowsTheBestSizeToRunBesideTheWalk) {
  PruningWalk walk({8, 16, 32, 64, 128}, 32);
  EXPECT_EQ(walk.cheapest(), 32);
  ASSERT_TRUE(walk.report(32, Verdict::kConverged, Joules(10)));
  ASSERT_TRUE(walk.report(16, Verdict::kConverged, Joules(9)));
  EXPECT_EQ(walk.asked(), 8);
  EXPECT_EQ(walk.cheapest(), 16);
}

TEST(PruningWalk, TriesASmallerSizeWhenOneDoesNotFitIntoMemory) {
  PruningWalk walk({8, 16, 32, 64}, 32);
  ASSERT_TRUE(walk.report(32, Verdict::kConverged, Joules(10)));
  ASSERT_TRUE(walk.report(16, Verdict::kInfeasible, Joules(0)));
  EXPECT_EQ(walk.asked(), 8);
}

TEST(PruningWalk, TriesNoLargerSizeWhenOneDoesNotFitIntoMemory) {
  PruningWalk walk({8, 16, 32, 64}, 8);
  ASSERT_TRUE(walk.report(8, Verdict::kConverged, Joules(10)));
  ASSERT_TRUE(walk.report(16, Verdict::kInfeasible, Joules(0)));
  EXPECT_EQ(walk.state().round, 2);
  EXPECT_THAT(walk.state().sizes, ElementsAre(8));
}

TEST(PruningWalk, ResumesOnlyFromAStateItCanBeIn) {
  PruningWalk::State state = after_round_one().state();
  EXPECT_TRUE(PruningWalk::resume(state));
  const auto refused = [&](auto change) {
    PruningWalk::State changed = state;
    change(changed);
    const Result<PruningWalk> walk = PruningWalk::resume(std::move(changed));
    return !walk && walk.error().code() == ErrorCode::kDataLoss;
  };
  EXPECT_TRUE(refused([](auto& s) { s.sizes = {}; }));
  EXPECT_TRUE(refused([](auto& s) { s.sizes = {32, 16, 64}; }));
  EXPECT_TRUE(refused([](auto& s) { s.sizes = {16, 16, 64}; }));
  EXPECT_TRUE(refused([](auto& s) { s.start = 17; }));
  EXPECT_TRUE(refused([](auto& s) { s.asked = 17; }));
  EXPECT_TRUE(refused([](auto& s) { s.asked = 32; }));  // larger than the start, walking down
  EXPECT_TRUE(refused([](auto& s) { s.round = 0; }));
  EXPECT_TRUE(refused([](auto& s) { s.round = 3; }));
  EXPECT_TRUE(refused([](auto& s) { s.converged = {{16, Joules(1)}}; }));  // being asked
  EXPECT_TRUE(refused([](auto& s) { s.converged = {{32, Joules(1)}, {32, Joules(1)}}; }));
}

RC_GTEST_PROP(PruningWalk, KeepsExactlyWhatConvergedInTheLastRoundAndAsksNothingInfeasible, ()) {
  const auto drawn = *rc::gen::nonEmpty(
      rc::gen::container<std::set<std::int64_t>>(rc::gen::inRange<std::int64_t>(1, 500)));
  const Sizes sizes(drawn.begin(), drawn.end());
  PruningWalk walk(sizes, *rc::gen::elementOf(sizes));
  std::set<std::int64_t> infeasible;
  std::set<std::int64_t> converged;
  std::set<std::int64_t> asked;
  int round = 1;
  while (walk.asked()) {
    if (walk.state().round != round) {
      round = walk.state().round;
      converged.clear();
      asked.clear();
    }
    const std::int64_t size = *walk.asked();
    RC_ASSERT(infeasible.count(size) == 0);
    RC_ASSERT(asked.insert(size).second);
    const auto verdict = *rc::gen::weightedElement<Verdict>(
        {{6, Verdict::kConverged}, {2, Verdict::kFailed}, {1, Verdict::kInfeasible}});
    RC_ASSERT(walk.report(size, verdict, Joules(*rc::gen::inRange(1, 100))).has_value());
    if (verdict == Verdict::kConverged) {
      converged.insert(size);
    } else if (verdict == Verdict::kInfeasible) {
      infeasible.insert(size);
    }
  }
  RC_ASSERT(walk.over() != walk.nothing_converged());
  if (walk.over()) {
    RC_ASSERT(walk.survivors() == Sizes(converged.begin(), converged.end()));
  }
}

}  // namespace
}  // namespace symbiont::tune
