#include "symbiont/energy/gauge_integral.h"

#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr GaugeLimits kEverySecond{.period = seconds(1), .max_power = Watts(200)};

TEST(GaugeIntegral, CountsTheTrapezoidUnderItsSamples) {
  GaugeIntegral gauge(kEverySecond);

  gauge.sample(seconds(10), Watts(100));
  EXPECT_EQ(gauge.total_uj(), 0) << "the first sample is where counting starts";
  gauge.sample(seconds(11), Watts(100));
  EXPECT_EQ(gauge.total_uj(), 100'000'000);
  EXPECT_EQ(gauge.uncertainty_uj(), 0);
  gauge.sample(seconds(13), Watts(40));

  EXPECT_EQ(gauge.total_uj(), 240'000'000);
  EXPECT_EQ(gauge.uncertainty_uj(), 60'000'000) << "all of 80 to 200 J is possible";
}

TEST(GaugeIntegral, BridgesFivePeriodsAndNoMore) {
  GaugeIntegral gauge(kEverySecond);
  gauge.sample(seconds(0), Watts(10));

  gauge.sample(seconds(5), Watts(10));
  EXPECT_EQ(gauge.total_uj(), 50'000'000);
  EXPECT_EQ(gauge.missing(), seconds(0));

  gauge.sample(seconds(5) + milliseconds(5001), Watts(10));
  EXPECT_EQ(gauge.total_uj(), 50'000'000);
  EXPECT_EQ(gauge.missing(), milliseconds(5001));
  EXPECT_EQ(gauge.uncertainty_uj(), 1'000'200'000) << "as much as 200 W may have been drawn";
}

TEST(GaugeIntegral, SkipsReadingsThatFailedOrAreNonsense) {
  GaugeIntegral gauge({.period = seconds(1), .max_power = Watts(200), .believable = Watts(800)});
  gauge.sample(seconds(0), std::nullopt);
  gauge.sample(seconds(1), Watts(50));

  gauge.sample(seconds(2), std::nullopt);
  gauge.sample(seconds(3), Watts(-1));
  gauge.sample(seconds(4), Watts(801));
  gauge.sample(seconds(4), Watts(std::numeric_limits<double>::quiet_NaN()));
  gauge.sample(seconds(4), Watts(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(gauge.total_uj(), 0);
  gauge.sample(seconds(5), Watts(50));

  EXPECT_EQ(gauge.total_uj(), 200'000'000);
}

TEST(GaugeIntegral, IgnoresTimeThatDoesNotPass) {
  GaugeIntegral gauge(kEverySecond);
  gauge.sample(seconds(2), Watts(50));

  gauge.sample(seconds(2), Watts(100));
  gauge.sample(seconds(1), Watts(100));
  gauge.sample(seconds(3), Watts(50));

  EXPECT_EQ(gauge.total_uj(), 50'000'000);
}

TEST(GaugeIntegral, HoldsTheLastPowerUntilTheNextSampleSaysHowWrongThatWas) {
  GaugeIntegral gauge(kEverySecond);
  gauge.sample(seconds(0), Watts(100));

  gauge.hold(seconds(2));
  EXPECT_EQ(gauge.total_uj(), 200'000'000);
  gauge.sample(seconds(4), Watts(60));

  EXPECT_EQ(gauge.total_uj(), 200'000'000 + 160'000'000);
  EXPECT_EQ(gauge.uncertainty_uj(), 2 * 40'000'000 + 40'000'000);
}

TEST(GaugeIntegral, DoesNotHoldAcrossAHole) {
  GaugeIntegral gauge(kEverySecond);
  gauge.hold(seconds(1));
  gauge.sample(seconds(1), Watts(100));
  EXPECT_TRUE(gauge.is_current(seconds(6)));
  EXPECT_FALSE(gauge.is_current(seconds(7)));

  gauge.hold(seconds(3));
  gauge.hold(seconds(7));
  EXPECT_EQ(gauge.total_uj(), 200'000'000);
  gauge.sample(seconds(9), Watts(100));

  EXPECT_EQ(gauge.total_uj(), 200'000'000);
  EXPECT_EQ(gauge.missing(), seconds(6));
}

struct Step {
  nanoseconds wait;
  std::optional<Watts> power;
  bool hold;
};

Step any_step() {
  const auto wait = nanoseconds(*rc::gen::inRange<std::int64_t>(0, 8'000'000'000));
  const bool works = *rc::gen::inRange(0, 5) > 0;
  const auto watts = static_cast<double>(*rc::gen::inRange(0, 200));
  return {wait, works ? std::optional(Watts(watts)) : std::nullopt, *rc::gen::arbitrary<bool>()};
}

RC_GTEST_PROP(GaugeIntegral, NeverDecreasesAndAccountsForAllTime, ()) {
  GaugeIntegral gauge(kEverySecond);
  nanoseconds now{0};
  gauge.sample(now, Watts(200));
  const int steps = *rc::gen::inRange(1, 60);
  std::int64_t last_uj = 0;
  std::int64_t last_uncertainty_uj = 0;
  for (int i = 0; i < steps; ++i) {
    const Step step = any_step();
    now += step.wait;
    step.hold ? gauge.hold(now) : gauge.sample(now, step.power);
    RC_ASSERT(gauge.total_uj() >= last_uj);
    RC_ASSERT(gauge.uncertainty_uj() >= last_uncertainty_uj);
    last_uj = gauge.total_uj();
    last_uncertainty_uj = gauge.uncertainty_uj();
  }
  RC_ASSERT(gauge.missing() <= now);
  RC_ASSERT(Joules(static_cast<double>(last_uj) * 1e-6) <=
            Watts(200) * to_seconds(now - gauge.missing()) + Joules(1e-3));
}

RC_GTEST_PROP(GaugeIntegral, MissesTheTruthByNoMoreThanItSays, ()) {
  GaugeIntegral gauge(kEverySecond);
  gauge.sample(seconds(0), Watts(0));
  double truth_j = 0.0;
  double before = 0.0;
  nanoseconds now{0};
  const auto powers = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 200));
  for (const int power : powers) {
    // Power jumps somewhere between two samples.
    const auto wait = nanoseconds(*rc::gen::inRange<std::int64_t>(1, 5'000'000'000));
    const double share = 0.01 * *rc::gen::inRange(0, 101);
    truth_j += to_seconds(wait).value() * (share * before + (1.0 - share) * power);
    if (*rc::gen::arbitrary<bool>()) gauge.hold(now + wait / 2);
    gauge.sample(now += wait, Watts(power));
    before = power;
  }
  const double error_j = std::abs(1e-6 * static_cast<double>(gauge.total_uj()) - truth_j);
  RC_ASSERT(error_j <= 1e-6 * static_cast<double>(gauge.uncertainty_uj()) + 1e-5);
}

}  // namespace
}  // namespace symbiont::energy
