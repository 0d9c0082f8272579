#include "symbiont/energy/sensor_meter.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "energy/test/scripted_sensor.h"

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kMicrowatts = 1'000'000;

struct SensorMeterTest : testing::Test {
  std::unique_ptr<SensorMeter> open(DomainKind kind, bool at_reading = true) {
    SensorSet set;
    set.channels.push_back(scripted_channel(script, kind));
    const Sampling sampling{.period = seconds(1), .at_reading = at_reading, .in_background = false};
    return std::make_unique<SensorMeter>(std::move(set), sampling, clock);
  }
  Script script;
  ManualClock clock;
};

TEST_F(SensorMeterTest, IntegratesAGaugeAtEveryReading) {
  script.value = 100 * kMicrowatts;
  const auto meter = open(DomainKind::kGauge);

  clock.advance(milliseconds(20));
  EXPECT_EQ(meter->read_uj(0), 2'000'000) << "a short window needs no tick of the thread";
  clock.advance(seconds(1));
  script.value = 50 * kMicrowatts;

  EXPECT_EQ(meter->read_uj(0), 77'000'000);
  EXPECT_EQ(meter->uncertainty_uj(0), 25'000'000);
}

TEST_F(SensorMeterTest, SaysWhatAGaugeHadCountedBeforeItWasAsked) {
  script.value = 100 * kMicrowatts;
  const auto meter = open(DomainKind::kGauge);
  const auto begin = clock.now();

  clock.advance(seconds(3));
  meter->sample();
  clock.advance(seconds(3));

  EXPECT_EQ(meter->read_uj_at(0, begin + seconds(1)), 100'000'000);
  EXPECT_EQ(meter->read_uj_at(0, begin + seconds(4)), 400'000'000);
  EXPECT_EQ(meter->read_uj_at(0, begin + seconds(6)), 600'000'000);
  EXPECT_EQ(meter->read_uj_at(0, begin), 0);
}

TEST_F(SensorMeterTest, FollowsACounterThroughAReset) {
  script.value = 5'000'000'000;
  const auto meter = open(DomainKind::kCounter);
  EXPECT_EQ(meter->read_uj(0), 0);

  clock.advance(seconds(1));
  script.value = 5'080'000'000;
  EXPECT_EQ(meter->read_uj(0), 80'000'000);

  clock.advance(seconds(1));
  script.value = 30'000'000;
  EXPECT_EQ(meter->read_uj(0), 110'000'000) << "the driver was loaded again";
  EXPECT_EQ(meter->uncertainty_uj(0), 80'000'000) << "a second at the 80 W before may be missing";
}

TEST_F(SensorMeterTest, BridgesAShortGapOfACounterAndNotALongOne) {
  script.value = 0;
  const auto meter = open(DomainKind::kCounter);
  clock.advance(seconds(1));
  script.value = 50'000'000;
  EXPECT_EQ(meter->read_uj(0), 50'000'000);

  script.fails = true;
  clock.advance(seconds(2));
  EXPECT_EQ(meter->read_uj(0), 50'000'000) << "a counter forgets nothing";
  EXPECT_EQ(meter->uncertainty_uj(0), 100'000'000) << "but two seconds at 50 W may be missing";

  clock.advance(seconds(2));
  script.fails = false;
  script.value = 250'000'000;
  EXPECT_EQ(meter->read_uj(0), 250'000'000);
  EXPECT_EQ(meter->uncertainty_uj(0), 200'000'000) << "of a window that began in the gap, too much";

  script.fails = true;
  clock.advance(seconds(31));
  const auto reading = meter->read_uj(0);
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message(), HasSubstr("unplugged"));
}

TEST_F(SensorMeterTest, SaysOnceThatACounterWasReset) {
  script.value = 5'000'000'000;
  const auto meter = open(DomainKind::kCounter);
  testing::internal::CaptureStderr();

  for (const std::int64_t value : {1'000, 900, 800}) {
    clock.advance(seconds(1));
    script.value = value;
    meter->sample();
  }

  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("scripted (script): the counter was reset"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
}

TEST(SensorMeter, LooksAtACounterEveryFewSecondsHoweverRarelyItWraps) {
  Script script;
  SensorSet set;
  set.channels.push_back(scripted_channel(script, DomainKind::kCounter));
  set.channels[0].counter_range_uj = 262'143'328'850;
  set.channels[0].counter_may_wrap = true;
  const SensorMeter meter(std::move(set), {.period = seconds(60)}, system_clock());

  EXPECT_EQ(meter.sampling_period(), seconds(5)) << "a reset loses what was used since the look";
}

TEST_F(SensorMeterTest, ListsASensorThatCannotBeReadWithItsReason) {
  script.fails = true;

  const auto meter = open(DomainKind::kGauge);

  EXPECT_THAT(meter->domains(), IsEmpty());
  ASSERT_EQ(meter->unavailable().size(), 1u);
  EXPECT_EQ(meter->unavailable()[0].why, "unplugged: plug it in");
  EXPECT_EQ(meter->unavailable()[0].source, "script");
}

TEST_F(SensorMeterTest, FailsAReadingWhileTheSensorDoesAndCountsOnAfterwards) {
  script.value = 100 * kMicrowatts;
  const auto meter = open(DomainKind::kGauge);

  clock.advance(seconds(1));
  script.fails = true;
  const auto reading = meter->read_uj(0);
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message(), HasSubstr("read scripted: unplugged"));

  clock.advance(seconds(1));
  script.fails = false;
  EXPECT_EQ(meter->read_uj(0), 200'000'000) << "the hole is short enough to bridge";

  clock.advance(seconds(60));
  EXPECT_EQ(meter->read_uj(0), 200'000'000) << "and this one is not";
  EXPECT_EQ(meter->missing(0), seconds(60));
  EXPECT_EQ(meter->uncertainty_uj(0), 60 * 200'000'000LL);
}

TEST_F(SensorMeterTest, DoesNotAskASlowSensorAtAReading) {
  script.value = 100 * kMicrowatts;
  const auto meter = open(DomainKind::kGauge, false);
  EXPECT_EQ(script.readings, 1);

  clock.advance(seconds(2));
  EXPECT_EQ(meter->read_uj(0), 200'000'000);
  EXPECT_EQ(script.readings, 1);

  clock.advance(seconds(2));
  script.value = 50 * kMicrowatts;
  meter->sample();
  EXPECT_EQ(meter->read_uj(0), 350'000'000);
  EXPECT_EQ(script.readings, 2);
}

TEST_F(SensorMeterTest, SaysWhyASlowSensorHasBeenSilent) {
  const auto meter = open(DomainKind::kGauge, false);
  script.fails = true;
  clock.advance(seconds(3));
  meter->sample();
  EXPECT_TRUE(meter->read_uj(0)) << "one failure is bridged";

  clock.advance(seconds(3));
  const auto reading = meter->read_uj(0);

  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message(), HasSubstr("unplugged"));
}

TEST(SensorMeter, KeepsTheReferenceRulesOfCountersWholeAroundThem) {
  const char* const reference = std::getenv("SYMBIONT_REFERENCE_DATA");
  if (reference == nullptr) GTEST_SKIP() << "SYMBIONT_REFERENCE_DATA is not set";
  std::ifstream file(std::string(reference) + "/carbon/golden/rapl_wrap.json");
  ASSERT_TRUE(file) << "carbon/golden/rapl_wrap.json is missing from " << reference;
  const auto document = nlohmann::json::parse(file);
  int played = 0;
  for (const auto& golden : document["cases"]) {
    const auto& samples = golden["samples"];
    const auto time_of = [&](std::size_t i) { return samples[i][0].get<std::int64_t>(); };
    const auto goes_back = [&](std::size_t i) { return i > 0 && time_of(i) < time_of(i - 1); };
    bool is_playable = !samples[0][1].is_null();  // a clock of ours never runs backwards
    for (std::size_t i = 0; i < samples.size(); ++i) is_playable = is_playable && !goes_back(i);
    if (!is_playable) continue;
    SCOPED_TRACE(golden["name"].get<std::string>());
    ++played;

    Script script;
    ManualClock clock;
    script.value = samples[0][1].get<std::int64_t>();
    SensorSet set;
    set.channels.push_back(scripted_channel(script, DomainKind::kCounter));
    set.channels[0].believable = Watts(golden["p_max_w"].get<double>());
    set.channels[0].counter_range_uj = golden["max_energy_range_uj"].get<std::int64_t>();
    set.channels[0].counter_may_wrap = true;
    SensorMeter meter(std::move(set), {.period = seconds(1), .in_background = false}, clock);
    for (std::size_t i = 1; i < samples.size(); ++i) {
      clock.advance(seconds(time_of(i) - time_of(i - 1)));
      script.fails = samples[i][1].is_null();
      if (!script.fails) script.value = samples[i][1].get<std::int64_t>();
      meter.sample();
    }
    if (script.fails) continue;
    EXPECT_EQ(meter.read_uj(0), golden["expect"]["total_uj"].get<std::int64_t>());
  }
  EXPECT_GE(played, 15);
}

TEST(SensorMeter, SamplesFromAThreadOfItsOwn) {
  Script script;
  SensorSet set;
  set.channels.push_back(scripted_channel(script, DomainKind::kGauge));
  SensorMeter meter(std::move(set), {.period = milliseconds(1)}, system_clock());

  while (script.readings < 20) std::this_thread::yield();

  EXPECT_TRUE(meter.read_uj(0));
}

TEST(SensorMeter, EndsItsThreadWithoutWaitingForThePeriod) {
  Script script;
  SensorSet set;
  set.channels.push_back(scripted_channel(script, DomainKind::kGauge));
  const SensorMeter meter(std::move(set), {.period = std::chrono::hours(1)}, system_clock());
}

}  // namespace
}  // namespace symbiont::energy
