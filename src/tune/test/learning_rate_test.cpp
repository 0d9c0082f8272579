#include "symbiont/tune/learning_rate.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace symbiont::tune {
namespace {

using testing::HasSubstr;

TEST(LearningRate, FollowsTheSquareRootForAdaptiveOptimizers) {
  for (const char* const optimizer : {"adam", "adamw", "adadelta"}) {
    const Result<double> rate = scaled_learning_rate(optimizer, 0.1, 1024, 256);
    ASSERT_TRUE(rate) << optimizer;
    EXPECT_DOUBLE_EQ(*rate, 0.05) << optimizer;
  }
}

TEST(LearningRate, FollowsTheBatchSizeForGradientDescent) {
  const Result<double> rate = scaled_learning_rate("sgd", 0.1, 1024, 256);
  ASSERT_TRUE(rate);
  EXPECT_DOUBLE_EQ(*rate, 0.025);
}

TEST(LearningRate, RefusesAnOptimizerItHasNoRuleFor) {
  const Result<double> rate = scaled_learning_rate("no-such", 0.1, 1024, 256);
  ASSERT_FALSE(rate);
  EXPECT_EQ(rate.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(rate.error().message(), HasSubstr("\"no-such\""));
  EXPECT_THAT(rate.error().message(), HasSubstr("adadelta, adam, adamw, sgd"));
}

TEST(LearningRate, RefusesRatesAndSizesThatAreNotPositive) {
  EXPECT_FALSE(scaled_learning_rate("sgd", 0.0, 64, 64));
  EXPECT_FALSE(scaled_learning_rate("sgd", std::numeric_limits<double>::quiet_NaN(), 64, 64));
  EXPECT_FALSE(scaled_learning_rate("sgd", 0.1, 0, 64));
  EXPECT_FALSE(scaled_learning_rate("sgd", 0.1, 64, -1));
}

}  // namespace
}  // namespace symbiont::tune
