#include "train/patience.h"

#include <gtest/gtest.h>

namespace symbiont::train {
namespace {

using std::chrono::seconds;

TEST(Patience, IsAsToldUntilTheFirstAnswer) {
  EXPECT_EQ(Patience(seconds(300), seconds(60)).allowance(), seconds(300));
}

TEST(Patience, IsTenTimesTheLongestAnswer) {
  Patience patience(seconds(300), seconds(60));
  patience.learn(seconds(9));
  patience.learn(seconds(7));
  EXPECT_EQ(patience.allowance(), seconds(90));
}

TEST(Patience, IsNeverShorterThanItsLeast) {
  Patience patience(seconds(300), seconds(60));
  patience.learn(seconds(1));
  EXPECT_EQ(patience.allowance(), seconds(60));
}

}  // namespace
}  // namespace symbiont::train
