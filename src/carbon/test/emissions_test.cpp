#include "symbiont/carbon/emissions.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck/gtest.h>

namespace symbiont::carbon {
namespace {

using std::chrono::seconds;

constexpr double kTolerance = 1e-9;

WallTime at(std::int64_t second) {
  return WallTime(seconds(second));
}

struct Golden {
  std::vector<EnergyInterval> intervals;
  std::vector<IntensityPoint> points;
  std::int64_t hold_s = 0;

  Golden& use(std::int64_t begin_s, std::int64_t end_s, double energy_j) {
    intervals.push_back({at(begin_s), at(end_s), Joules(energy_j)});
    return *this;
  }
  Golden& intensity(std::int64_t begin_s, double g_per_kwh) {
    points.push_back({at(begin_s), GramsPerKwh(g_per_kwh)});
    return *this;
  }
  Golden& hold(std::int64_t duration_s) {
    hold_s = duration_s;
    return *this;
  }
  Emissions run(double pue = 1.0) const {
    IntensityMeaning meaning;
    meaning.hold = seconds(hold_s);
    return emitted(intervals, IntensitySeries::steps(points, meaning, "golden").value(), pue);
  }
};

void expect(const Emissions& emissions, double grams, double covered) {
  EXPECT_NEAR(emissions.grams.value(), grams, kTolerance * grams);
  EXPECT_NEAR(emissions.covered_energy_fraction, covered, kTolerance);
}

TEST(Emissions, SplitAnIntervalWhereTheIntensityChanges) {
  expect(Golden().use(3000, 4200, 1.2e6).intensity(0, 200).intensity(3600, 400).hold(3600).run(),
         100.0, 1.0);
}

// A window over two hours: 1 kWh in the first at 400 g/kWh, 0.5 kWh in the second at 200.
TEST(Emissions, ChargeEachHourAtItsOwnIntensity) {
  expect(Golden()
             .use(0, 3600, 3.6e6)
             .use(3600, 7200, 1.8e6)
             .intensity(0, 400)
             .intensity(3600, 200)
             .hold(3600)
             .run(),
         500.0, 1.0);
}

TEST(Emissions, UseTheFallbackBeforeTheFirstValue) {
  expect(Golden().use(0, 100, 3.6e6).intensity(3600, 100).hold(3600).run(), 475.0, 0.0);
}

TEST(Emissions, UseTheFallbackOnceTheLastValueIsStale) {
  expect(Golden().use(3600, 10800, 7.2e6).intensity(0, 100).intensity(3600, 300).hold(3600).run(),
         775.0, 0.5);
}

TEST(Emissions, ChargeAnIntervalWithoutLengthAtItsMoment) {
  expect(Golden().use(50, 50, 3600).intensity(0, 250).hold(3600).run(), 0.25, 1.0);
}

TEST(Emissions, UseTheFallbackWhereNothingIsKnown) {
  expect(Golden().use(0, 3600, 3.6e6).hold(3600).run(), 475.0, 0.0);
}

TEST(Emissions, AddUpManyIntervalsOverManySteps) {
  expect(Golden()
             .use(0, 600, 10000)
             .use(600, 1200, 20000)
             .use(1200, 9000, 150000)
             .intensity(0, 90)
             .intensity(1800, 120)
             .intensity(3600, 300)
             .intensity(5400, 250)
             .intensity(7200, 60)
             .hold(1800)
             .run(),
         8.057692307692308, 1.0);
}

TEST(Emissions, LeaveOnlyTheUncoveredTailToTheFallback) {
  expect(Golden()
             .use(0, 60, 5716087)
             .use(90, 150, 6914210)
             .use(150, 210, 4124684)
             .use(210, 225, 9883496)
             .use(225, 285, 6686804)
             .use(315, 4315, 4390439)
             .intensity(0, 737)
             .hold(1800)
             .run(),
         7520.343790953472, 0.9268080121166983);
}

TEST(Emissions, AreThoseOfTheWholeBuilding) {
  expect(Golden().use(0, 3600, 3.6e6).intensity(0, 100).hold(3600).run(1.135), 113.5, 1.0);
}

TEST(Emissions, AreNothingWithoutEnergy) {
  expect(Golden().intensity(0, 100).hold(3600).run(), 0.0, 1.0);
  expect(Golden().use(0, 3600, 0.0).hold(3600).run(), 0.0, 1.0);
}

TEST(Pue, IsAtLeastOne) {
  EXPECT_TRUE(check_pue(1.0));
  EXPECT_TRUE(check_pue(1.6));
  for (const double pue : {0.99, 0.0, -1.0, std::nan(""), HUGE_VAL}) {
    ASSERT_FALSE(check_pue(pue)) << pue;
    EXPECT_EQ(check_pue(pue).error().code(), ErrorCode::kInvalidArgument);
  }
}

RC_GTEST_PROP(Emissions, DoNotDependOnWhereAnIntervalIsCut, ()) {
  const auto begin = *rc::gen::inRange<std::int64_t>(-5000, 20000);
  const auto length = *rc::gen::inRange<std::int64_t>(2, 20000);
  const auto cut = *rc::gen::inRange<std::int64_t>(1, length);
  Golden series;
  series.hold(1800);
  for (int i = 0; i < 6; ++i) series.intensity(i * 1800, *rc::gen::inRange(0, 900));
  Golden whole = series;
  whole.use(begin, begin + length, 1e6);
  Golden parts = series;
  const double share = static_cast<double>(cut) / static_cast<double>(length);
  parts.use(begin, begin + cut, 1e6 * share).use(begin + cut, begin + length, 1e6 * (1.0 - share));

  const Emissions a = whole.run();
  const Emissions b = parts.run();
  RC_ASSERT(std::abs(a.grams.value() - b.grams.value()) < 1e-9 * (1.0 + a.grams.value()));
  RC_ASSERT(std::abs(a.covered_energy_fraction - b.covered_energy_fraction) < 1e-9);
}

TEST(Emissions, AgreeWithEveryReferenceCase) {
  const char* const reference = std::getenv("SYMBIONT_REFERENCE_DATA");
  if (reference == nullptr) GTEST_SKIP() << "SYMBIONT_REFERENCE_DATA is not set";
  std::ifstream file(std::string(reference) + "/carbon/golden/carbon_integral.json");
  ASSERT_TRUE(file) << "carbon/golden/carbon_integral.json is missing from " << reference;
  const auto document = nlohmann::json::parse(file);
  ASSERT_EQ(document["cases"].size(), 14u);

  for (const auto& golden : document["cases"]) {
    SCOPED_TRACE(golden["name"].get<std::string>());
    ASSERT_EQ(golden["default_intensity"].get<double>(), kWorldIntensity.value());
    Golden input;
    input.hold(golden["hold_s"].get<std::int64_t>());
    for (const auto& use : golden["energy_j"]) {
      input.use(use[0].get<std::int64_t>(), use[1].get<std::int64_t>(), use[2].get<double>());
    }
    for (const auto& point : golden["intensity"]) {
      input.intensity(point[0].get<std::int64_t>(), point[1].get<double>());
    }
    const auto& expected = golden["expect"];
    expect(input.run(), expected["gco2"].get<double>(),
           expected["covered_energy_fraction"].get<double>());
  }
}

}  // namespace
}  // namespace symbiont::carbon
