#include "symbiont/tune/early_stop.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace symbiont::tune {
namespace {

using nlohmann::json;

// Twice the cheapest recurrence of librispeech on a V100, and an epoch of batch size 8 at 125 W.
constexpr Joules kBound(17291171.5565);
constexpr Joules kEpoch(2699167.031);

TEST(AffordableEpochs, AreTheWholeEpochsBelowTheBound) {
  EXPECT_EQ(affordable_epochs(kBound, kEpoch, 16), 6);
  EXPECT_EQ(affordable_epochs(kBound, kEpoch, 4), 4);
  EXPECT_EQ(affordable_epochs(Joules(2699167.0), kEpoch, 16), 0);
}

TEST(AffordableEpochs, AreAllWithoutABound) {
  EXPECT_EQ(affordable_epochs(std::nullopt, kEpoch, 16), 16);
}

TEST(AffordableEpochs, TakeTheFloorOfTheRealQuotientNotOfTheRoundedOne) {
  // The double nearest to 0.1 is a little more than a tenth, so ten do not fit into 1; yet 1.0/0.1
  // rounds to 10.
  EXPECT_EQ(affordable_epochs(Joules(1.0), Joules(0.1), 100), 9);
  EXPECT_EQ(affordable_epochs(Joules(6.0), Joules(0.1), 100), 59);
  EXPECT_EQ(affordable_epochs(Joules(8.0), Joules(0.5), 100), 16);
}

TEST(AffordableEpochs, SurviveAHugeQuotient) {
  EXPECT_EQ(affordable_epochs(Joules(1e300), Joules(1e-300), 100), 100);
}

TEST(EarlyStop, StopsBeforeTheEpochThatWouldReachTheBound) {
  const EarlyStop stop(kBound, std::nullopt);
  EXPECT_FALSE(stop.before_epoch(5, 5.0 * kEpoch).stop);
  const StopDecision decision = stop.before_epoch(6, 6.0 * kEpoch);
  EXPECT_TRUE(decision.stop);
  EXPECT_NEAR(decision.predicted_cost->value(), 7.0 * kEpoch.value(), 1e-3);
}

TEST(EarlyStop, CountsReachingTheBoundExactlyAsTooMuch) {
  EXPECT_TRUE(EarlyStop(Joules(30.0), std::nullopt).before_epoch(2, Joules(20.0)).stop);
  EXPECT_FALSE(EarlyStop(Joules(30.1), std::nullopt).before_epoch(2, Joules(20.0)).stop);
}

TEST(EarlyStop, PredictsTheFirstEpochFromAnEarlierRun) {
  EXPECT_TRUE(EarlyStop(Joules(30.0), Joules(31.0)).before_epoch(0, Joules(0.0)).stop);
  EXPECT_FALSE(EarlyStop(Joules(30.0), Joules(29.0)).before_epoch(0, Joules(0.0)).stop);
}

TEST(EarlyStop, TrustsTheRunItselfOnceItHasAnEpoch) {
  EXPECT_FALSE(EarlyStop(Joules(30.0), Joules(31.0)).before_epoch(1, Joules(5.0)).stop);
}

TEST(EarlyStop, LetsTheFirstEpochRunWhenNothingIsKnown) {
  EXPECT_FALSE(EarlyStop(Joules(30.0), std::nullopt).before_epoch(0, Joules(0.0)).stop);
}

TEST(EarlyStop, NeverStopsWithoutABound) {
  EXPECT_FALSE(EarlyStop(std::nullopt, Joules(1e9)).before_epoch(100, Joules(1e12)).stop);
}

TEST(EarlyStop, SaysWhy) {
  const json why =
      json::parse(EarlyStop(Joules(30.0), std::nullopt).before_epoch(2, Joules(20.0)).why);
  EXPECT_EQ(why["stop"], true);
  EXPECT_EQ(why["epochs"], 2);
  EXPECT_EQ(why["cost_j"], 20.0);
  EXPECT_EQ(why["predicted_cost_j"], 30.0);
  EXPECT_EQ(why["bound_j"], 30.0);
  EXPECT_EQ(why["reason"], "the next epoch would reach the bound");
}

}  // namespace
}  // namespace symbiont::tune
