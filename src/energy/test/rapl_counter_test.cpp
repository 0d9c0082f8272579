#include "symbiont/energy/rapl_counter.h"

#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::int64_t kRange = 262'143'328'850;
constexpr std::optional<std::int64_t> kFailed = std::nullopt;

struct Outcome {
  std::vector<CounterInterval> intervals;
  std::int64_t total_uj = 0;
  std::int64_t suspect_uj = 0;
};

using Samples = std::vector<std::pair<std::int64_t, std::optional<std::int64_t>>>;  // s, uJ

Outcome run(std::int64_t range_uj, double max_watts, const Samples& samples) {
  RaplCounter counter({.range_uj = range_uj, .max_power = Watts(max_watts)});
  Outcome outcome;
  for (const auto& [time_s, value_uj] : samples) {
    if (const auto interval = counter.sample(seconds(time_s), value_uj)) {
      outcome.intervals.push_back(*interval);
    }
  }
  outcome.total_uj = counter.total_uj();
  outcome.suspect_uj = counter.suspect_uj();
  return outcome;
}

TEST(RaplCounter, TakesTheFirstSampleForABaselineAndNeverForEnergy) {
  const Outcome outcome = run(kRange, 400, {{0, 200'000'000'000}});

  EXPECT_EQ(outcome.total_uj, 0);
  EXPECT_TRUE(outcome.intervals.empty());
}

TEST(RaplCounter, AddsWhatItRose) {
  const Outcome outcome = run(kRange, 400, {{0, 1000}, {1, 51'001'000}, {2, 101'001'000}});

  EXPECT_EQ(outcome.total_uj, 101'000'000);
  EXPECT_EQ(outcome.intervals.at(1).delta_uj, 50'000'000);
  EXPECT_EQ(outcome.intervals.at(1).flags, 0u);
}

TEST(RaplCounter, KeepsTheEnergyOfAWrap) {
  const Outcome outcome = run(kRange, 400, {{0, 262'133'328'850}, {1, 40'000'000}});

  EXPECT_EQ(outcome.total_uj, 50'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kWrap);
}

// A counter of the usual range, computed by hand.
TEST(RaplCounter, WrapsWhereTheRangeEnds) {
  EXPECT_EQ(run(kRange, 400, {{0, 262'143'000'000}, {1, 1'000'000}}).total_uj, 1'328'850);
}

TEST(RaplCounter, CountsNothingWhenItWrapsFromTheTopToZero) {
  const Outcome outcome = run(kRange, 400, {{0, kRange}, {1, 0}, {2, 5}});

  EXPECT_EQ(outcome.total_uj, 5);
  EXPECT_EQ(outcome.intervals.at(0).flags, kWrap);
}

TEST(RaplCounter, SpansFailedReadsAndSaysSo) {
  const Outcome outcome = run(kRange, 400, {{0, 10}, {1, kFailed}, {2, kFailed}, {3, 90'000'010}});

  ASSERT_EQ(outcome.intervals.size(), 1u);
  EXPECT_EQ(outcome.intervals[0].begin, seconds(0));
  EXPECT_EQ(outcome.intervals[0].end, seconds(3));
  EXPECT_EQ(outcome.intervals[0].flags, kGap);
  EXPECT_EQ(outcome.total_uj, 90'000'000);
}

TEST(RaplCounter, SeesAWrapInsideAGap) {
  const Outcome outcome = run(kRange, 400, {{0, 262'138'328'850}, {5, kFailed}, {10, 300'000'000}});

  EXPECT_EQ(outcome.total_uj, 305'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kGap | kWrap);
}

TEST(RaplCounter, StartsAgainAfterADriverReload) {
  const Outcome outcome = run(kRange, 400, {{0, 200'000'000'000}, {1, 3'000'000}});

  EXPECT_EQ(outcome.total_uj, 3'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kReset);
}

TEST(RaplCounter, AddsNothingForAFallWhenTheRangeIsUnknown) {
  const Outcome outcome = run(0, 400, {{0, 500}, {1, 100}, {2, 60'000'100}});

  EXPECT_EQ(outcome.total_uj, 60'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kUncorrectable);
}

TEST(RaplCounter, AdmitsHowManyWrapsALongGapCouldHide) {
  const Outcome outcome = run(kRange, 400, {{0, 1000}, {1500, 1'001'000}});

  EXPECT_EQ(outcome.total_uj, 1'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kAmbiguous);
  EXPECT_EQ(outcome.intervals.at(0).max_extra_wraps, 2);
}

TEST(RaplCounter, IgnoresTheSameSampleTwice) {
  const Outcome outcome = run(kRange, 400, {{0, 7}, {0, 7}, {1, 11'000'007}});

  EXPECT_EQ(outcome.total_uj, 11'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kDuplicate);
}

TEST(RaplCounter, SetsAsideWhatNoMachineCouldDraw) {
  const Outcome outcome = run(kRange, 400, {{0, 0}, {1, 900'000'000}, {2, 950'000'000}});

  EXPECT_EQ(outcome.total_uj, 50'000'000);
  EXPECT_EQ(outcome.suspect_uj, 900'000'000);
  EXPECT_EQ(outcome.intervals.at(0).flags, kImplausible);
}

TEST(RaplCounter, KeepsARiseThatCameWithABadTimestampAndCountsItOnce) {
  const Outcome outcome =
      run(kRange, 400, {{10, 1'000'000}, {9, 3'000'000}, {9, 2'000'000}, {11, 4'000'000}});

  EXPECT_EQ(outcome.intervals.at(0).flags, kBadTime);
  EXPECT_EQ(outcome.intervals.at(1).flags, kBadTime);
  EXPECT_EQ(outcome.total_uj, 3'000'000);
}

TEST(CounterInterval, GivesNoPowerForAnIntervalTooShortToDivideBy) {
  CounterInterval interval{.begin = seconds(0), .end = milliseconds(9), .delta_uj = 1'000'000};
  EXPECT_EQ(interval.power(), std::nullopt);

  interval.end = milliseconds(10);
  EXPECT_EQ(interval.power(), Watts(100.0));
}

TEST(RaplCounter, BelievesAStepOfTheHardwareBetweenTwoCloseReads) {
  RaplCounter counter({.range_uj = kRange, .max_power = Watts(100), .slack = milliseconds(10)});
  counter.sample(nanoseconds(0), 0);
  counter.sample(nanoseconds(20'000), 80'000);  // 1 ms of 80 W, seen 20 us later

  EXPECT_EQ(counter.total_uj(), 80'000);
}

TEST(RaplCounter, DoubtsWhatAResetHidByThePowerBefore) {
  RaplCounter counter({.range_uj = kRange, .max_power = Watts(400)});
  counter.sample(seconds(0), 1'000'000);
  counter.sample(seconds(2), 101'000'000);  // 50 W
  EXPECT_EQ(counter.uncertainty_uj(), 0);

  counter.sample(seconds(5), 40'000'000);

  EXPECT_EQ(counter.total_uj(), 140'000'000);
  EXPECT_EQ(counter.uncertainty_uj(), 150'000'000);
}

TEST(RaplCounter, DoubtsAResetOfUnknownPowerByAllThatCanHaveBeenDrawn) {
  RaplCounter counter({.range_uj = kRange, .max_power = Watts(400)});
  counter.sample(seconds(0), 1'000'000);

  counter.sample(seconds(3), 40);

  EXPECT_EQ(counter.uncertainty_uj(), 1'200'000'000);
}

TEST(RaplCounter, DoubtsNothingAboutAWrap) {
  RaplCounter counter({.range_uj = kRange, .max_power = Watts(400)});
  counter.sample(seconds(0), kRange - 10);

  counter.sample(seconds(1), 10);

  EXPECT_EQ(counter.uncertainty_uj(), 0);
}

TEST(RaplCounter, KnowsHowOftenItMustBeSampled) {
  const RaplCounter dram({.range_uj = 65'532'610'987, .max_power = Watts(1000)});
  const RaplCounter unknown({.range_uj = 0, .max_power = Watts(1000)});

  EXPECT_EQ(std::chrono::round<seconds>(dram.sampling_period().value()), seconds(33));
  EXPECT_EQ(unknown.sampling_period(), std::nullopt);
}

// A machine with a known true energy and a counter that wraps; sampled as often as the rule asks.
RC_GTEST_PROP(RaplCounter, LosesNothingWhenSampledOftenEnough, ()) {
  const auto range = *rc::gen::inRange<std::int64_t>(1'000'000, kRange);
  const auto max_watts = *rc::gen::inRange(10, 1000);
  RaplCounter counter({.range_uj = range, .max_power = Watts(max_watts)});
  const std::int64_t period = counter.sampling_period()->count();
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(1, 1000), rc::gen::inRange(0, 1000)));
  const auto start = *rc::gen::inRange<std::int64_t>(0, range);

  nanoseconds time{0};
  std::int64_t value = start;
  std::int64_t truth = 0;
  counter.sample(time, value);
  for (const auto& [duration_permille, power_permille] : steps) {
    const std::int64_t duration = period / 1000 * duration_permille;
    const double joules = 1e-9 * static_cast<double>(duration) * max_watts * power_permille / 1000;
    const auto used = static_cast<std::int64_t>(joules * 1e6);
    time += nanoseconds(duration);
    truth += used;
    value = (value + used) % range;
    const auto interval = counter.sample(time, value);
    if (used == 0 && duration == 0) continue;
    RC_ASSERT(interval.has_value());
    RC_ASSERT(!interval->has(kAmbiguous));
    RC_ASSERT(!interval->has(kImplausible));
  }
  RC_ASSERT(counter.total_uj() == truth);
}

RC_GTEST_PROP(RaplCounter, NeverFallsAndNeverInventsWhateverItIsFed, ()) {
  const auto samples = *rc::gen::container<std::vector<std::pair<int, std::int64_t>>>(
      rc::gen::pair(rc::gen::inRange(0, 5000), rc::gen::inRange<std::int64_t>(-1, kRange)));
  RaplCounter counter({.range_uj = kRange, .max_power = Watts(300)});
  nanoseconds time{0};
  std::int64_t last = 0;
  for (const auto& [step_ms, value] : samples) {
    const nanoseconds step = milliseconds(step_ms);
    time += step;
    const auto interval = counter.sample(time, value);
    RC_ASSERT(counter.total_uj() >= last);
    if (interval && !interval->has(kBadTime)) {
      const nanoseconds duration = interval->end - interval->begin;
      RC_ASSERT(static_cast<double>(interval->delta_uj) <=
                300.0 * 1e-3 * static_cast<double>(duration.count()));
    }
    last = counter.total_uj();
  }
}

// After a reset the counter knows only what has been used since: that, exactly, is added.
RC_GTEST_PROP(RaplCounter, LosesOnlyWhatAResetHid, ()) {
  const auto before = *rc::gen::inRange<std::int64_t>(100'000'000, kRange / 2);
  const auto after = *rc::gen::inRange<std::int64_t>(0, 100'000'000);
  RaplCounter counter({.range_uj = kRange, .max_power = Watts(100)});
  counter.sample(seconds(0), before);
  const auto interval = counter.sample(seconds(1), after);

  RC_ASSERT(interval->has(kReset));
  RC_ASSERT(counter.total_uj() == after);
}

const std::vector<std::pair<std::string, CounterFlag>> kFlagNames = {
    {"gap", kGap},
    {"duplicate", kDuplicate},
    {"bad_time", kBadTime},
    {"implausible", kImplausible},
    {"wrap", kWrap},
    {"reset", kReset},
    {"uncorrectable", kUncorrectable},
    {"ambiguous", kAmbiguous}};

unsigned flags_of(const nlohmann::json& names) {
  unsigned flags = 0;
  for (const auto& [name, flag] : kFlagNames) {
    if (std::find(names.begin(), names.end(), name) != names.end()) flags |= flag;
  }
  return flags;
}

TEST(RaplCounter, AgreesWithEveryReferenceCase) {
  const char* const reference = std::getenv("SYMBIONT_REFERENCE_DATA");
  if (reference == nullptr) GTEST_SKIP() << "SYMBIONT_REFERENCE_DATA is not set";
  std::ifstream file(std::string(reference) + "/carbon/golden/rapl_wrap.json");
  ASSERT_TRUE(file) << "carbon/golden/rapl_wrap.json is missing from " << reference;
  const auto document = nlohmann::json::parse(file);
  ASSERT_EQ(document["cases"].size(), 23u);

  for (const auto& golden : document["cases"]) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    Samples samples;
    for (const auto& sample : golden["samples"]) {
      samples.emplace_back(sample[0].get<std::int64_t>(),
                           sample[1].is_null() ? kFailed : sample[1].get<std::int64_t>());
    }
    const Outcome outcome = run(golden["max_energy_range_uj"].get<std::int64_t>(),
                                golden["p_max_w"].get<double>(), samples);
    const auto& expected = golden["expect"];
    EXPECT_EQ(outcome.total_uj, expected["total_uj"].get<std::int64_t>());
    EXPECT_EQ(outcome.suspect_uj, expected["suspect_uj"].get<std::int64_t>());
    ASSERT_EQ(outcome.intervals.size(), expected["intervals"].size());
    for (std::size_t i = 0; i < outcome.intervals.size(); ++i) {
      const CounterInterval& interval = outcome.intervals[i];
      const auto& wanted = expected["intervals"][i];
      EXPECT_EQ(interval.begin, seconds(wanted["t0"].get<std::int64_t>()));
      EXPECT_EQ(interval.end, seconds(wanted["t1"].get<std::int64_t>()));
      EXPECT_EQ(interval.delta_uj, wanted["delta_uj"].get<std::int64_t>());
      EXPECT_EQ(interval.max_extra_wraps, wanted["max_extra_wraps"].get<std::int64_t>());
      EXPECT_EQ(interval.flags, flags_of(wanted["flags"]));
    }
  }
}

}  // namespace
}  // namespace symbiont::energy
