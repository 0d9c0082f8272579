#include "symbiont/carbon/intensity.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "carbon/timestamp.h"

namespace symbiont::carbon {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

constexpr WallTime kMidnight{std::chrono::sys_days(std::chrono::January / 1 / 2022)};

Result<IntensitySeries> parse(std::string_view text, const IntensityMeaning& meaning = {}) {
  SYM_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::parse(text, "grid.csv"));
  return IntensitySeries::parse_csv(table, meaning);
}

std::string refusal(std::string_view text, const IntensityMeaning& meaning = {}) {
  const auto series = parse(text, meaning);
  if (series) return "accepted";
  EXPECT_EQ(series.error().code(), ErrorCode::kInvalidArgument);
  return series.error().message();
}

constexpr std::string_view kHourly =
    "timestamp,gco2_per_kwh\n"
    "2022-01-01T00:00:00Z,100\n"
    "2022-01-01T01:00:00Z,200\n"
    "2022-01-01T02:00:00Z,300\n";

TEST(IntensitySeries, HoldsEachValueUntilTheNext) {
  const auto series = parse(kHourly);
  ASSERT_TRUE(series);

  const auto step = series->at(kMidnight + minutes(59));

  EXPECT_EQ(step.value, GramsPerKwh(100));
  EXPECT_TRUE(step.covered);
  EXPECT_EQ(step.end, kMidnight + hours(1));
  EXPECT_EQ(series->at(kMidnight + hours(1)).value, GramsPerKwh(200));
}

TEST(IntensitySeries, BelievesTheLastValueForOneMoreStep) {
  const auto series = parse(kHourly);

  EXPECT_EQ(series->at(kMidnight + hours(3) - seconds(1)).value, GramsPerKwh(300));
  EXPECT_FALSE(series->at(kMidnight + hours(3)).covered);
  EXPECT_EQ(series->at(kMidnight + hours(3)).value, kWorldIntensity);
}

TEST(IntensitySeries, KnowsNothingBeforeItsFirstValue) {
  const auto step = parse(kHourly)->at(kMidnight - hours(5));

  EXPECT_FALSE(step.covered);
  EXPECT_EQ(step.end, kMidnight);
}

TEST(IntensitySeries, ReadsOffsetsAsTheyAreWritten) {
  const auto series = parse(
      "timestamp,intensity_g_per_kwh\n"
      "2022-01-01T01:00:00+01:00,100\n"
      "2021-12-31T20:00-05:00,200\n");

  ASSERT_TRUE(series);
  EXPECT_EQ(series->at(kMidnight).value, GramsPerKwh(100));
  EXPECT_EQ(series->at(kMidnight + hours(1)).value, GramsPerKwh(200));
  EXPECT_THAT(series->source(), Not(HasSubstr("UTC")));
}

TEST(IntensitySeries, ReadsAMomentThatAnOffsetPutsBeforeTheEpoch) {
  const auto series = parse("timestamp,gco2_per_kwh\n1970-01-01T00:00+01:00,100\n");

  ASSERT_TRUE(series);
  EXPECT_EQ(series->at(WallTime(minutes(-1))).value, GramsPerKwh(100));
  EXPECT_FALSE(series->at(WallTime(minutes(1))).covered);
}

TEST(IntensitySeries, SaysThatItTookTimesWithoutAZoneForUtc) {
  const auto series = parse("timestamp,gco2_per_kwh\n2022-01-01T00:00:00,100\n");

  EXPECT_EQ(series->at(kMidnight).value, GramsPerKwh(100));
  EXPECT_EQ(series->source(), "grid.csv, times without a zone read as UTC");
}

TEST(IntensitySeries, ReadsTheLifecycleColumnOfElectricityMapsFiles) {
  constexpr std::string_view kFile =
      "timestamp_utc,gco2_per_kwh_direct,gco2_per_kwh_lca,estimated\n"
      "2022-01-01T00:00:00,90,120,0\n";

  const auto series = parse(kFile);

  ASSERT_TRUE(series);
  EXPECT_EQ(series->at(kMidnight).value, GramsPerKwh(120));
  EXPECT_EQ(series->basis(), IntensityBasis::kLifecycle);
  EXPECT_EQ(series->source(), "grid.csv");
  EXPECT_THAT(refusal(kFile, {.basis = IntensityBasis::kDirect}), HasSubstr("direct"));
}

TEST(IntensitySeries, CarriesItsKindAndBasis) {
  const auto series =
      parse(kHourly, {.kind = IntensityKind::kMarginal, .basis = IntensityBasis::kDirect});

  EXPECT_EQ(to_string(series->kind()), "marginal");
  EXPECT_EQ(to_string(series->basis()), "direct");
}

TEST(IntensitySeries, RefusesBadRowsByLineAndColumn) {
  const auto row = [](std::string_view text) {
    return refusal("timestamp,gco2_per_kwh\n2022-01-01T00:00:00Z,1\n" + std::string(text) + "\n");
  };
  EXPECT_THAT(row("2022-01-01T00:00:00Z,2"), HasSubstr("grid.csv:3: column \"timestamp\""));
  EXPECT_THAT(row("2021-12-31T00:00:00Z,2"), HasSubstr("after that of the row before"));
  EXPECT_THAT(row("yesterday,2"), HasSubstr("found \"yesterday\""));
  EXPECT_THAT(row("2022-02-30T00:00:00Z,2"), HasSubstr("expected a time such as"));
  EXPECT_THAT(row("2022-01-01T01:00:00Z,-2"), HasSubstr("grid.csv:3: column \"gco2_per_kwh\""));
  EXPECT_THAT(row("2022-01-01T01:00:00Z,10001"), HasSubstr("0 to 10000"));
  EXPECT_THAT(row("2022-01-01T01:00:00Z,nan"), HasSubstr("gco2_per_kwh"));
  EXPECT_THAT(refusal("timestamp,gco2_per_kwh\n"), HasSubstr("no rows"));
  EXPECT_THAT(refusal("time,gco2_per_kwh\n1,2\n"), HasSubstr("timestamp"));
  EXPECT_THAT(refusal("timestamp,g\n1,2\n"), HasSubstr("found timestamp, g"));
}

constexpr std::string_view kGap =
    "timestamp,gco2_per_kwh\n"
    "2022-01-01T00:00:00Z,100\n"
    "2022-01-01T01:00:00Z,200\n"
    "2022-01-01T03:00:00Z,300\n"
    "2022-01-01T04:00:00Z,400\n"
    "2022-01-01T07:00:00Z,500\n";

TEST(IntensitySeries, RefusesAGapOfMoreThanTwoStepsByItsLine) {
  EXPECT_THAT(refusal(kGap), HasSubstr("grid.csv:6: column \"timestamp\": 10800 s after"));
}

TEST(IntensitySeries, BridgesAGapOnlyAsFarAsItMay) {
  const auto bridged = parse(kGap, {.bridge = hours(3)});

  ASSERT_TRUE(bridged);
  EXPECT_EQ(bridged->at(kMidnight + hours(6)).value, GramsPerKwh(400));
  EXPECT_EQ(bridged->source(), "grid.csv, 1 gaps bridged");
  EXPECT_THAT(refusal(kGap, {.bridge = hours(2)}), HasSubstr("grid.csv:6"));
}

TEST(IntensitySeries, KnowsCountriesByEitherCode) {
  EXPECT_EQ(IntensitySeries::for_zone("DE")->at(kMidnight).value, GramsPerKwh(381));
  EXPECT_EQ(IntensitySeries::for_zone("deu")->at(kMidnight).value, GramsPerKwh(381));
  EXPECT_EQ(IntensitySeries::for_zone("IND")->at(kMidnight).value, GramsPerKwh(713));
  EXPECT_THAT(IntensitySeries::for_zone("NO")->source(), HasSubstr("Norway, yearly average 2023"));
}

TEST(IntensitySeries, NamesTheNearestZone) {
  const auto typo = IntensitySeries::for_zone("Germny");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(typo.error().message(), HasSubstr("unknown zone \"Germny\""));
  EXPECT_THAT(typo.error().message(), HasSubstr("did you mean DE?"));
  EXPECT_THAT(IntensitySeries::for_zone("US-CAL-CISO").error().message(),
              HasSubstr("did you mean US?"));
}

TEST(IntensitySeries, FlagsTheWorldAverageAsADefault) {
  const IntensitySeries series = IntensitySeries::world_default();

  EXPECT_TRUE(series.is_default());
  EXPECT_FALSE(series.at(kMidnight).covered);
  EXPECT_EQ(series.at(kMidnight).value, GramsPerKwh(475));
  EXPECT_THAT(series.source(), HasSubstr("IEA"));
}

TEST(IntensitySeries, HoldsAConstantForever) {
  const auto series = IntensitySeries::constant(GramsPerKwh(30));

  EXPECT_TRUE(series->at(WallTime(hours(-100000))).covered);
  EXPECT_EQ(series->at(kMidnight).value, GramsPerKwh(30));
  EXPECT_FALSE(IntensitySeries::constant(GramsPerKwh(-1)));
}

TEST(Timestamp, ReadsEveryFormThatItPromises) {
  const WallTime moment = kMidnight + hours(3) + minutes(4) + seconds(5);
  EXPECT_EQ(parse_timestamp("2022-01-01T03:04:05Z")->time, moment);
  EXPECT_EQ(parse_timestamp("2022-01-01 03:04:05")->time, moment);
  EXPECT_EQ(parse_timestamp("2022-01-01T08:34:05+05:30")->time, moment);
  EXPECT_EQ(parse_timestamp("2021-12-31T23:04:05-04:00")->time, moment);
  EXPECT_EQ(parse_timestamp("2022-01-01T03:04:05.25Z")->time,
            moment + std::chrono::milliseconds(250));
  EXPECT_EQ(parse_timestamp("2022-01-01T03:04Z")->time, moment - seconds(5));
  EXPECT_FALSE(parse_timestamp("2022-01-01 03:04:05")->has_zone);
}

TEST(Timestamp, RefusesWhatItDoesNotPromise) {
  for (const std::string_view text :
       {"", "2022", "2022-01-01", "2022-01-01T", "2022-01-01T3:04Z", "2022-01-01T24:00Z",
        "2022-01-01T03:60Z", "2022-01-01T03:04:60Z", "2022-01-01T03:04:05.Z",
        "2022-01-01T03:04:05.0000000001Z", "2022-01-01T03:04:05+1", "2022-01-01T03:04:05+01:00 ",
        "2022-13-01T03:04Z", "2022-02-29T03:04Z", "1969-01-01T00:00Z", "2201-01-01T00:00Z",
        "2022-01-01T03:04:05z", "+022-01-01T03:04Z"}) {
    EXPECT_FALSE(parse_timestamp(text)) << text;
  }
}

TEST(IntensitySeries, ReadsTheReferenceGrids) {
  const char* const reference = std::getenv("SYMBIONT_REFERENCE_DATA");
  if (reference == nullptr) GTEST_SKIP() << "SYMBIONT_REFERENCE_DATA is not set";
  const std::filesystem::path folder = std::filesystem::path(reference) / "carbon";
  for (const char* const name :
       {"emaps_US-CAL-CISO_2021.csv", "emaps_US-CAL-CISO_2022.csv", "emaps_ES_2022.csv",
        "emaps_BR_2022.csv", "emaps_NO_2022.csv", "lwa_ger_2020.csv", "lwa_fr_2020.csv"}) {
    const auto series = IntensitySeries::load_csv(folder / name);
    EXPECT_TRUE(series) << series.error().message();
  }
  const auto spain = IntensitySeries::load_csv(folder / "emaps_ES_2022.csv");
  EXPECT_EQ(spain->at(kMidnight + minutes(90)).value, GramsPerKwh(181.54));
}

}  // namespace
}  // namespace symbiont::carbon
