#include "symbiont/report/saving.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace symbiont::report {
namespace {

using Values = std::vector<double>;

TEST(Saving, IsOneMinusTheRatioOfMeans) {
  const Saving saving = steady_saving(Values{4, 6, 5, 5, 5}, Values{10, 10});
  ASSERT_TRUE(saving.fraction);
  EXPECT_DOUBLE_EQ(*saving.fraction, 0.5);
}

TEST(Saving, IsNegativeWhenTheTunedRunsCostMore) {
  const Saving saving = steady_saving(Values{12, 12}, Values{10, 10, 10});
  ASSERT_TRUE(saving.fraction);
  EXPECT_NEAR(*saving.fraction, -0.2, 1e-12);
}

TEST(Saving, SaysNothingWithoutABaseline) {
  EXPECT_FALSE(steady_saving(Values{1, 2}, Values{}).fraction);
  EXPECT_FALSE(total_saving(Values{1, 2}, Values{}).fraction);
}

TEST(Saving, HasNoIntervalBelowTwoBaselineRuns) {
  const Saving saving = steady_saving(Values{4, 6, 5}, Values{10});
  EXPECT_TRUE(saving.fraction);
  EXPECT_FALSE(saving.ci95);
  EXPECT_FALSE(total_saving(Values{4, 6, 5}, Values{10}).ci95);
}

// Hand computation: recent mean 5, s^2 = 0.5, n 5; baseline mean 10, s^2 = 1, n 3.
// u = 0.5/5/25 = 0.004, v = 1/3/100 = 0.003333..; degrees = (u+v)^2/(u^2/4 + v^2/2) = 5.6 -> 5;
// half width = 2.571 * 0.5 * sqrt(u + v) = 0.110083.
TEST(Saving, HasTheIntervalOfARatioOfTwoMeans) {
  const Saving saving = steady_saving(Values{4, 5, 5, 5, 6}, Values{9, 10, 11});
  ASSERT_TRUE(saving.ci95);
  EXPECT_NEAR(saving.ci95->first, 0.5 - 0.110083, 1e-5);
  EXPECT_NEAR(saving.ci95->second, 0.5 + 0.110083, 1e-5);
}

// Paid 15 for three, against a default of 10 +- 1 (n 3): ratio 0.5, half width
// 4.303 * 0.5 * (1/sqrt(3))/10 = 0.124217.
TEST(TotalSaving, ChargesExplorationAndIsAsSureAsTheBaseline) {
  const Saving saving = total_saving(Values{9, 3, 3}, Values{9, 10, 11});
  ASSERT_TRUE(saving.fraction && saving.ci95);
  EXPECT_DOUBLE_EQ(*saving.fraction, 0.5);
  EXPECT_NEAR(saving.ci95->first, 0.5 - 0.124217, 1e-5);
}

TEST(StudentT, TakesTheWiderOfTwoTabulatedRows) {
  EXPECT_DOUBLE_EQ(student_t_975(1), 12.706);
  EXPECT_DOUBLE_EQ(student_t_975(5.9), 2.571);
  EXPECT_DOUBLE_EQ(student_t_975(35), 2.042);
  EXPECT_DOUBLE_EQ(student_t_975(1e9), 1.980);
}

TEST(StandardDeviation, DividesByOneLessThanTheNumber) {
  EXPECT_DOUBLE_EQ(*standard_deviation(Values{9, 10, 11}), 1.0);
  EXPECT_FALSE(standard_deviation(Values{9}));
}

}  // namespace
}  // namespace symbiont::report
