#include "symbiont/tune/cost.h"

#include <gtest/gtest.h>

namespace symbiont::tune {
namespace {

// Zeus, NSDI 2023, eq. 2.
TEST(Cost, MixesEnergyAndTimeByEta) {
  EXPECT_DOUBLE_EQ(cost(Joules(1000), Seconds(10), 0.5, Watts(250)).value(), 1750.0);
  EXPECT_DOUBLE_EQ(cost(Joules(4000), Seconds(10), 0.25, Watts(1200)).value(), 10000.0);
  EXPECT_DOUBLE_EQ(cost(Joules(5846868.056530898), Seconds(45777.214), 0.5, Watts(250)).value(),
                   8645585.77826545);
}

TEST(Cost, IsTimeAloneAtEtaZeroAndEnergyAloneAtEtaOne) {
  EXPECT_DOUBLE_EQ(cost(Joules(1000), Seconds(10), 0.0, Watts(250)).value(), 2500.0);
  EXPECT_DOUBLE_EQ(cost(Joules(1000), Seconds(10), 1.0, Watts(250)).value(), 1000.0);
}

}  // namespace
}  // namespace symbiont::tune
