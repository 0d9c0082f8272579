#include "symbiont/tune/power_limit.h"

#include <array>
#include <memory>

#include <gtest/gtest.h>

#include "symbiont/tune/cost.h"
#include "symbiont/tune/trace.h"
#include "tune/test/published_data.h"

namespace symbiont::tune {
namespace {

constexpr Watts kV100Maximum(250.0);

TEST(PowerLimit, IsTheOneWhoseEpochCostsLeast) {
  const std::array points = {PowerPoint{100, Seconds(20), Watts(90)},
                             PowerPoint{250, Seconds(10), Watts(240)}};
  EXPECT_EQ(cheapest_power_limit(points, 0.0, Watts(250)).power_limit_w, 250);
  EXPECT_EQ(cheapest_power_limit(points, 1.0, Watts(250)).power_limit_w, 100);
}

TEST(PowerLimit, IsTheLowestOfThoseThatCostTheSame) {
  const std::array points = {PowerPoint{250, Seconds(10), Watts(100)},
                             PowerPoint{150, Seconds(10), Watts(100)},
                             PowerPoint{200, Seconds(10), Watts(100)}};
  EXPECT_EQ(cheapest_power_limit(points, 0.5, Watts(250)).power_limit_w, 150);
}

TEST(ProfiledEpoch, IsSplitEquallyOverTheLimits) {
  const std::array points = {PowerPoint{100, Seconds(20), Watts(100)},
                             PowerPoint{200, Seconds(10), Watts(180)}};
  EXPECT_DOUBLE_EQ(profiled_epoch_usage(points).time.value(), 15.0);
  EXPECT_DOUBLE_EQ(profiled_epoch_usage(points).energy.value(), 1900.0);
}

class PublishedPowerTrace : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!published_data().empty()) {
      Result<TraceSet> loaded = TraceSet::load(published_data());
      ASSERT_TRUE(loaded) << loaded.error().message();
      traces = std::make_unique<TraceSet>(std::move(*loaded));
    }
  }
  static void TearDownTestSuite() { traces.reset(); }

  void SetUp() override {
    if (!traces) {
      GTEST_SKIP() << kNoPublishedData;
    }
  }

  static std::vector<PowerPoint> points(const TraceJob& job, std::int64_t batch_size) {
    const Result<JobTrace> trace = traces->job("v100", job);
    EXPECT_TRUE(trace);
    return trace->at(batch_size).power;
  }

  static inline std::unique_ptr<TraceSet> traces;
};

const TraceJob kLibrispeech = {"librispeech", "deepspeech2", "adamw"};
const TraceJob kImagenet = {"imagenet", "resnet50", "adadelta"};
const TraceJob kCifar = {"cifar100", "shufflenetv2", "adadelta"};

struct Best {
  std::int64_t limit_w;
  double epoch_cost_j;
};

// The cheapest limit and its epoch cost (Zeus, NSDI 2023, eq. 7) in the published V100 trace, for
// eta 0, 0.25, 0.5, 0.75 and 1; costs are rounded to eight digits.
struct Row {
  TraceJob job;
  std::int64_t batch_size;
  std::array<Best, 5> best;
};

TEST_F(PublishedPowerTrace, HasTheKnownCheapestLimits) {
  const Row rows[] = {
      {kLibrispeech,
       8,
       {{{250, 3420537.5}, {175, 3074811.4}, {125, 2699167}, {100, 2131885.2}, {100, 1519876.1}}}},
      {kLibrispeech,
       48,
       {{{250, 1350980}, {250, 1277190.4}, {150, 1168322.4}, {150, 979219.85}, {125, 761861.88}}}},
      {kLibrispeech,
       192,
       {{{250, 1545407.5},
         {225, 1399791.1},
         {225, 1249799.8},
         {175, 1068770.5},
         {100, 831814.71}}}},
      {kImagenet,
       256,
       {{{250, 878746.67},
         {250, 852604.21},
         {175, 801970.28},
         {150, 709197.09},
         {150, 599874.45}}}},
      {kImagenet,
       360,
       {{{250, 879874.17}, {250, 851310.61}, {175, 799540.97}, {150, 711910.2}, {150, 600900.83}}}},
      {kCifar,
       64,
       {{{125, 8021.6667},
         {225, 6740.4292},
         {100, 5391.5214},
         {100, 4005.1988},
         {100, 2618.8762}}}},
      {kCifar,
       128,
       {{{150, 4175}, {125, 3604.2894}, {100, 2889.8094}, {100, 2171.3807}, {100, 1452.9521}}}},
      {kCifar,
       1024,
       {{{250, 1903.3333},
         {225, 1780.2389},
         {175, 1593.1261},
         {125, 1331.5566},
         {100, 979.54324}}}},
  };
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.best.size(); ++i) {
      const double eta = 0.25 * static_cast<double>(i);
      SCOPED_TRACE(row.job.dataset + " " + std::to_string(row.batch_size) + " at eta " +
                   std::to_string(eta));
      const auto measured = points(row.job, row.batch_size);
      const PowerPoint& best = cheapest_power_limit(measured, eta, kV100Maximum);
      EXPECT_EQ(best.power_limit_w, row.best[i].limit_w);
      EXPECT_NEAR(epoch_cost(best, eta, kV100Maximum).value(), row.best[i].epoch_cost_j,
                  1e-7 * row.best[i].epoch_cost_j);
    }
  }
}

// Ten epochs of librispeech at batch size 192, the first of them profiled.
TEST_F(PublishedPowerTrace, AccountsForAProfiledFirstEpoch) {
  const auto measured = points(kLibrispeech, 192);
  const Usage first = profiled_epoch_usage(measured);
  EXPECT_NEAR(first.time.value(), 6850.445714, 1e-6);
  EXPECT_NEAR(first.energy.value(), 896637.5289, 1e-4);

  const PowerPoint& best = cheapest_power_limit(measured, 0.5, kV100Maximum);
  EXPECT_EQ(best.power_limit_w, 225);
  const Usage later = epoch_usage(best);
  EXPECT_NEAR(later.time.value(), 6199.13, 1e-6);
  EXPECT_NEAR(later.energy.value(), 949817.0082, 1e-4);

  const Joules energy = first.energy + 9.0 * later.energy;
  const Seconds time = first.time + 9.0 * later.time;
  EXPECT_NEAR(energy.value(), 9444990.602, 1e-2);
  EXPECT_NEAR(time.value(), 62642.61571, 1e-4);
  EXPECT_NEAR(cost(energy, time, 0.5, kV100Maximum).value(), 12552822.27, 1e-1);
}

}  // namespace
}  // namespace symbiont::tune
