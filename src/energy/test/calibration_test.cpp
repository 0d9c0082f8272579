#include "symbiont/energy/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "energy/test/powercap_tree.h"

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::HasSubstr;

LoadSample sample(std::size_t level, double utilisation, double watts) {
  return {level, utilisation, Watts(watts)};
}

std::string refusal(const std::vector<LoadSample>& samples) {
  const auto curve = fit_power_curve("test", samples);
  EXPECT_FALSE(curve);
  if (curve) return "";
  EXPECT_EQ(curve.error().code(), ErrorCode::kUnavailable);
  return curve.error().message();
}

TEST(FitPowerCurve, GoesThroughTheMeansOfTheSteps) {
  const auto curve = fit_power_curve("test", std::vector{sample(0, 0, 1.9), sample(0, 0, 2.1),
                                                         sample(1, 0.5, 6), sample(2, 1, 7)});

  ASSERT_TRUE(curve) << curve.error().message();
  ASSERT_EQ(curve->points().size(), 3U);
  EXPECT_DOUBLE_EQ(curve->idle().value(), 2.0);
  EXPECT_DOUBLE_EQ(curve->at(0.25).value(), 4.0);
  EXPECT_DOUBLE_EQ(curve->maximum().value(), 7.0);
  EXPECT_NEAR(curve->uncertainty(), 0.1 / 1.9, 1e-12);
}

TEST(FitPowerCurve, DrawsTheLineOnToBothEnds) {
  const auto curve =
      fit_power_curve("test", std::vector{sample(0, 0.1, 3), sample(1, 0.5, 7), sample(2, 0.9, 9)});

  ASSERT_TRUE(curve) << curve.error().message();
  EXPECT_NEAR(curve->idle().value(), 2.0, 1e-12);
  EXPECT_NEAR(curve->maximum().value(), 9.5, 1e-12);
  EXPECT_NEAR(curve->uncertainty(), 0.0, 1e-12);
}

TEST(FitPowerCurve, AveragesStepsWherePowerWouldFall) {
  const auto curve = fit_power_curve(
      "test", std::vector{sample(0, 0, 2), sample(1, 0.5, 8), sample(2, 0.75, 6), sample(3, 1, 9)});

  ASSERT_TRUE(curve) << curve.error().message();
  EXPECT_DOUBLE_EQ(curve->at(0.5).value(), 7.0);
  EXPECT_DOUBLE_EQ(curve->at(0.75).value(), 7.0);
  EXPECT_NEAR(curve->uncertainty(), 1.0 / 6.0, 1e-12);
}

TEST(FitPowerCurve, RefusesASweepThatIsNone) {
  EXPECT_THAT(refusal({}), HasSubstr("fewer than two"));
  EXPECT_THAT(refusal({sample(0, 0, 2), sample(1, 0.5, 3), sample(2, 0.5, 4)}),
              HasSubstr("no more than the one before"));
  EXPECT_THAT(refusal({sample(0, 0, 2), sample(1, 0.6, 3)}), HasSubstr("0 to 60 %"));
  EXPECT_THAT(refusal({sample(0, 0.3, 2), sample(1, 1, 3)}), HasSubstr("30 to 100 %"));
}

RC_GTEST_PROP(FitPowerCurve, AlwaysGivesACurveOfAFullSweep, ()) {
  const auto watts =
      *rc::gen::container<std::vector<std::uint16_t>>(15, rc::gen::arbitrary<std::uint16_t>());
  std::vector<LoadSample> samples;
  for (std::size_t i = 0; i < watts.size(); ++i) {
    const std::size_t load = i / 3;
    samples.push_back(
        sample(load, 0.02 + 0.24 * static_cast<double>(load), 0.1 + watts[i] / 100.0));
  }
  const auto curve = fit_power_curve("any", samples);
  // Two samples of a thousandth and a thousand watts are no sweep either.
  if (!curve) RC_ASSERT(curve.error().message().find("uncertainty") != std::string::npos);
}

/// A machine whose counter and clock move with the load that is put on it.
class ModelledMachine final : public LoadGenerator {
 public:
  static constexpr int kProcessors = 4;

  ModelledMachine() {
    tree_.add_zone("intel-rapl:0", "package-0", 0);
    MonitorOptions options;
    options.meters = {"rapl"};
    options.sysroot = tree_.root();
    monitor_ = std::make_unique<Monitor>(Monitor::open(options).value());
  }
  const Monitor& monitor() const { return *monitor_; }
  int processors() const override { return kProcessors; }
  nanoseconds run(double utilisation, nanoseconds duration) override {
    // The monitor's clock is real: what counts is how long this took.
    const auto begin = std::chrono::steady_clock::now();
    const nanoseconds busy = real_.run(utilisation, duration);
    const nanoseconds took = std::chrono::steady_clock::now() - begin;
    const double used = to_seconds(busy).value();
    energy_uj_ += static_cast<std::int64_t>(1e6 * (8.0 * to_seconds(took).value() + 12.0 * used));
    tree_.set_energy("intel-rapl:0", energy_uj_);
    return busy * kProcessors;
  }

 private:
  PowercapTree tree_;
  BusyProcessors real_{1};
  std::int64_t energy_uj_ = 0;
  std::unique_ptr<Monitor> monitor_;
};

// One thread stands for each of four processors: 8 W idle, 3 W more for each that is busy.
TEST(MeasureLoad, FindsTheModelOfAMachineAgain) {
  ModelledMachine machine;
  Sweep sweep;
  sweep.samples = 2;
  sweep.sample_duration = milliseconds(600);  // long beside what a busy machine takes away
  sweep.settling = milliseconds(0);
  int calls = 0;
  sweep.on_sample = [&calls](double, int) { ++calls; };

  const auto samples = measure_load(machine.monitor(), machine, sweep);

  ASSERT_TRUE(samples) << samples.error().message();
  EXPECT_EQ(calls, 10);
  ASSERT_EQ(samples->size(), 10U);
  for (const LoadSample& each : *samples) {
    EXPECT_NEAR(each.power.value(), 2.0 + 3.0 * each.utilisation, 0.3) << each.utilisation;
  }
}

TEST(MeasureLoad, NeedsAMeterOfTheMachine) {
  MonitorOptions options;
  options.meters = {"estimator"};
  const auto monitor = Monitor::open(options);
  ASSERT_TRUE(monitor);
  BusyProcessors load(1);

  const auto samples = measure_load(*monitor, load, Sweep{});

  ASSERT_FALSE(samples);
  EXPECT_EQ(samples.error().code(), ErrorCode::kFailedPrecondition);
}

TEST(BusyProcessors, UseNoMoreThanTheirShare) {
  BusyProcessors load(2);
  const nanoseconds idle = load.run(0.0, milliseconds(60));
  const nanoseconds half = load.run(0.5, milliseconds(60));

  EXPECT_LT(idle, milliseconds(30));
  EXPECT_GT(half, idle);
  EXPECT_LT(half, milliseconds(100));
}

}  // namespace
}  // namespace symbiont::energy
