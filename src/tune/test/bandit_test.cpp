#include "symbiont/tune/bandit.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tune/test/scripted_draws.h"

namespace symbiont::tune {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

void expect_belief(const Belief& found, double mean, double variance, double relative = 1e-9) {
  EXPECT_NEAR(found.mean, mean, relative * mean);
  EXPECT_NEAR(found.variance, variance, relative * variance);
}

// Worked by hand from Zeus, NSDI 2023, algorithm 2, with the population variance.
TEST(Posterior, IsTheSampleMeanUnderAFlatPrior) {
  expect_belief(posterior(std::array{10.0, 12.0}), 11.0, 0.5);
  expect_belief(posterior(std::array{100.0, 104.0, 96.0, 108.0}), 102.0, 5.0);
  expect_belief(posterior(std::array{8645585.77826545, 8700000.0, 8500000.0}), 8615195.25942182,
                2376152828.15);
}

TEST(Posterior, IsPulledTowardsAnInformativePrior) {
  expect_belief(posterior(std::array{100.0, 104.0, 96.0, 108.0}, 90.0, 0.01), 101.428571428571,
                4.76190476190476);
}

TEST(Posterior, IsAPointMassWhenTheObservationsDoNotDiffer) {
  expect_belief(posterior(std::array{5.0, 5.0}), 5.0, 0.0);
  expect_belief(posterior(std::array{12.5}), 12.5, 0.0);
  expect_belief(posterior(std::array{5.0, 5.0}, 90.0, 0.01), 5.0, 0.0);
}

Belief belief_after(std::int64_t window) {
  CostHistory history(window, WindowScope::kPerArm);
  for (const double cost : {10.0, 12.0, 11.0, 20.0, 22.0, 21.0}) {
    history.add(32, Joules(cost));
  }
  return posterior(history.costs_of(32));
}

TEST(CostHistory, ForgetsWhatFallsOutOfTheWindow) {
  expect_belief(belief_after(0), 16.0, 4.27777777778);
  expect_belief(belief_after(3), 21.0, 0.222222222222);
  expect_belief(belief_after(4), 18.5, 4.8125);
}

TEST(CostHistory, CountsItsWindowPerBatchSizeOrOverTheJob) {
  CostHistory per_arm(2, WindowScope::kPerArm);
  CostHistory global(2, WindowScope::kGlobal);
  for (CostHistory* const history : {&per_arm, &global}) {
    history->add(16, Joules(1));
    history->add(32, Joules(2));
    history->add(32, Joules(3));
    history->add(32, Joules(4));
  }
  EXPECT_THAT(per_arm.costs_of(16), ElementsAre(1.0));
  EXPECT_THAT(per_arm.costs_of(32), ElementsAre(3.0, 4.0));
  EXPECT_THAT(global.costs_of(16), ElementsAre());
  EXPECT_THAT(global.costs_of(32), ElementsAre(3.0, 4.0));
}

TEST(SampleCheapest, AppliesTheVariatesInRewardSpace) {
  ScriptedDraws draws({1.0, -1.0});
  const Sampled sampled = sample_cheapest(std::array{Belief{11.0, 0.5}, Belief{12.0, 2.0}}, draws);
  EXPECT_EQ(sampled.chosen, 0u);
  EXPECT_THAT(sampled.costs, ElementsAre(DoubleNear(10.29289, 1e-5), DoubleNear(13.41421, 1e-5)));
}

TEST(SampleCheapest, TakesTheFirstOfEquals) {
  ScriptedDraws draws;
  const std::array beliefs = {Belief{12.0, 0.0}, Belief{11.0, 0.0}, Belief{11.0, 0.0}};
  EXPECT_EQ(sample_cheapest(beliefs, draws).chosen, 1u);
}

TEST(SampleCheapest, TakesOneVariatePerArmEvenForAPointMass) {
  ScriptedDraws draws({3.0, -1.0});
  const Sampled sampled = sample_cheapest(std::array{Belief{11.0, 0.0}, Belief{12.0, 4.0}}, draws);
  EXPECT_EQ(draws.taken(), 2);
  EXPECT_THAT(sampled.costs, ElementsAre(11.0, 14.0));
}

RC_GTEST_PROP(CostHistory, RemembersTheLastOfEachBatchSize, ()) {
  const auto window = *rc::gen::inRange<std::int64_t>(2, 6);
  const auto sizes = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange(1, 4));
  CostHistory history(window, WindowScope::kPerArm);
  std::map<std::int64_t, std::vector<double>> all;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    history.add(sizes[i], Joules(static_cast<double>(i)));
    all[sizes[i]].push_back(static_cast<double>(i));
  }
  for (auto& [size, costs] : all) {
    if (costs.size() > static_cast<std::size_t>(window)) {
      costs.erase(costs.begin(), costs.end() - window);
    }
    RC_ASSERT(history.costs_of(size) == costs);
  }
}

}  // namespace
}  // namespace symbiont::tune
