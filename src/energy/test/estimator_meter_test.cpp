#include "symbiont/energy/estimator_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class ScriptedCpuTime final : public CpuTimeSource {
 public:
  void follow(int pid) override { followed.push_back(pid); }
  nanoseconds used() override { return time; }

  std::vector<int> followed;
  nanoseconds time{0};
};

struct EstimatorMeterTest : testing::Test {
  EstimatorMeterTest() {
    auto source = std::make_unique<ScriptedCpuTime>();
    cpu = source.get();
    meter = std::make_unique<EstimatorMeter>(find_power_curve("aws").value(), 2, clock,
                                             std::move(source));
  }
  void run(nanoseconds wall, nanoseconds cpu_time) {
    clock.advance(wall);
    cpu->time += cpu_time;
  }

  ManualClock clock;
  ScriptedCpuTime* cpu = nullptr;
  std::unique_ptr<EstimatorMeter> meter;
};

TEST_F(EstimatorMeterTest, CountsNothingBeforeAProcessIsAttached) {
  run(seconds(100), seconds(100));
  EXPECT_EQ(meter->read_uj(0), 0);

  meter->attach(42);
  EXPECT_EQ(meter->read_uj(0), 0);
  EXPECT_EQ(cpu->followed, std::vector<int>{42});
}

TEST_F(EstimatorMeterTest, ChargesIdlePowerForEveryThreadOfTheJob) {
  meter->attach(42);
  run(seconds(10), seconds(0));

  EXPECT_EQ(meter->read_uj(0), 2 * 7'400'000);
}

TEST_F(EstimatorMeterTest, ChargesActivePowerForProcessorTime) {
  meter->attach(42);
  run(seconds(10), seconds(5));

  EXPECT_EQ(meter->read_uj(0), 2 * 7'400'000 + 5 * (3'500'000 - 740'000));
}

TEST_F(EstimatorMeterTest, NeverDrawsMoreThanItsThreadsCan) {
  meter->attach(42);
  run(seconds(10), seconds(80));

  EXPECT_EQ(meter->read_uj(0), 10 * 2 * 3'500'000);
  EXPECT_DOUBLE_EQ(meter->domains()[0].max_power.value(), 7.0);
}

TEST_F(EstimatorMeterTest, KeepsCountingThroughTheNextAttempt) {
  meter->attach(42);
  run(seconds(10), seconds(20));
  meter->attach(43);
  run(seconds(10), seconds(20));

  EXPECT_EQ(meter->read_uj(0), 20 * 2 * 3'500'000);
}

TEST_F(EstimatorMeterTest, SaysThatItIsModelledAndHowWell) {
  const Domain& domain = meter->domains()[0];

  EXPECT_EQ(domain.provenance, Provenance::kModelled);
  EXPECT_EQ(domain.scope, Scope::kProcess);
  EXPECT_DOUBLE_EQ(domain.relative_uncertainty, 0.40);
}

TEST_F(EstimatorMeterTest, ChargesLateNewsOfProcessorTimeToTheTimeBefore) {
  meter->attach(42);
  run(seconds(10), seconds(0));
  EXPECT_EQ(meter->read_uj(0), 2 * 7'400'000);

  run(seconds(1), seconds(7));

  EXPECT_EQ(meter->read_uj(0), 22 * 740'000 + 7 * (3'500'000 - 740'000));
}

TEST_F(EstimatorMeterTest, FollowsTheBendsOfACurve) {
  auto bent = PowerCurve::through("bent", {{0, Watts(1)}, {0.5, Watts(9)}, {1, Watts(10)}}, 0.05);
  auto source = std::make_unique<ScriptedCpuTime>();
  cpu = source.get();
  meter = std::make_unique<EstimatorMeter>(*std::move(bent), 2, clock, std::move(source));
  meter->attach(42);

  run(seconds(10), seconds(10));
  EXPECT_EQ(meter->read_uj(0), 2 * 10 * 9'000'000);

  run(seconds(10), seconds(20));
  EXPECT_EQ(meter->read_uj(0), 2 * 10 * 9'000'000 + 2 * 10 * 10'000'000);
  EXPECT_DOUBLE_EQ(meter->domains()[0].relative_uncertainty, 0.05);
}

}  // namespace
}  // namespace symbiont::energy
