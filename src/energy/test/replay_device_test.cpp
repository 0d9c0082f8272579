#include "symbiont/energy/replay_device.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::string_view kTrace =
    "batch_size,epoch,time_s,energy_j\n"
    "32,1,10,1000\n"
    "32,2,8,900.5\n"
    "64,1,4.000000001,400.000001\n";

Result<ReplayTrace> parse(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::parse(text, "trace.csv"));
  return ReplayTrace::parse(table);
}

std::string refusal(std::string_view rows) {
  const auto trace = parse("batch_size,epoch,time_s,energy_j\n" + std::string(rows));
  if (trace) return "accepted";
  EXPECT_EQ(trace.error().code(), ErrorCode::kInvalidArgument);
  return trace.error().message();
}

ReplayDevice device() {
  return {parse(kTrace).value(), WallTime(seconds(1'000'000))};
}

TEST(ReplayTrace, KeepsEveryDigitOfTheRecording) {
  const auto trace = parse(
      "epoch,energy_j,batch_size,time_s\n"
      "1,949817.008234,192,6850.445714286\n"
      "2,0.1234567,192,.5\n");

  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->find(192, 1), (RecordedEpoch{nanoseconds(6'850'445'714'286), 949'817'008'234}));
  EXPECT_EQ(trace->find(192, 2), (RecordedEpoch{nanoseconds(500'000'000), 123'457}));
}

TEST(ReplayTrace, RepeatsTheLastEpochForLaterOnes) {
  const auto trace = parse(kTrace);

  EXPECT_EQ(trace->find(32, 57), trace->find(32, 2).value());
}

TEST(ReplayTrace, TakesTheLargestMeanPowerAsTheDevicesMaximum) {
  EXPECT_DOUBLE_EQ(parse(kTrace)->max_power().value(), 900.5 / 8);
}

TEST(ReplayTrace, NamesTheFileAndTheBatchSizeItDoesNotHave) {
  const auto missing = parse(kTrace)->find(48, 1);

  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message(), "trace.csv: no batch size 48 in this trace, it has 32, 64");
}

TEST(ReplayTrace, RefusesBadRowsByLineAndColumn) {
  EXPECT_THAT(refusal("32,1,10,-1\n"), HasSubstr("trace.csv:2: column \"energy_j\": found \"-1\""));
  EXPECT_THAT(refusal("32,1,10,1e3\n"), HasSubstr("column \"energy_j\""));
  EXPECT_THAT(refusal("32,1,0,1\n"), HasSubstr("trace.csv:2: column \"time_s\": found \"0\""));
  EXPECT_THAT(refusal("32,1,-3,1\n"), HasSubstr("column \"time_s\""));
  EXPECT_THAT(refusal("32,1,nan,1\n"), HasSubstr("column \"time_s\""));
  EXPECT_THAT(refusal("32,1,10000001,1\n"), HasSubstr("at most 10000000"));
  EXPECT_THAT(refusal("32,1,99999999999999999999,1\n"), HasSubstr("column \"time_s\""));
  EXPECT_THAT(refusal("32,0,1,1\n"), HasSubstr("column \"epoch\": found \"0\""));
  EXPECT_THAT(refusal("0,1,1,1\n"), HasSubstr("column \"batch_size\": found \"0\""));
  EXPECT_THAT(refusal("32,1,1,1\n32,1,1,1\n"), HasSubstr("trace.csv:3: column \"epoch\""));
  EXPECT_THAT(refusal("32,1,1,1\n32,1,1,1\n"), HasSubstr("lists epoch 1 twice"));
  EXPECT_THAT(refusal("32,1,1,1\n32,3,1,1\n"), HasSubstr("has epoch 3 but no epoch 2"));
  EXPECT_THAT(refusal("32,2,1,1\n"), HasSubstr("has epoch 2 but no epoch 1"));
  EXPECT_THAT(refusal(""), HasSubstr("no rows"));
}

TEST(ReplayTrace, SaysWhichColumnIsMissing) {
  const auto trace = parse("batch_size,epoch,time_s\n32,1,2\n");

  ASSERT_FALSE(trace);
  EXPECT_THAT(trace.error().message(), HasSubstr("energy_j"));
}

TEST(ReplayDevice, StandsStillUntilTheJobMoves) {
  ReplayDevice trace = device();

  EXPECT_EQ(trace.read_uj(0), 0);
  EXPECT_EQ(trace.now(), nanoseconds(0));
  EXPECT_EQ(trace.wall_now(), WallTime(seconds(1'000'000)));
}

TEST(ReplayDevice, PlaysFractionsAndEndsExactlyOnTheRecording) {
  ReplayDevice trace = device();

  ASSERT_TRUE(trace.advance(64, 1, 1.0 / 3.0));
  EXPECT_EQ(trace.read_uj(0), 133'333'334);  // 400'000'001 / 3, rounded
  EXPECT_EQ(trace.now(), nanoseconds(1'333'333'334));

  ASSERT_TRUE(trace.advance(64, 1, 1.0));
  EXPECT_EQ(trace.read_uj(0), 400'000'001);
  EXPECT_EQ(trace.now(), nanoseconds(4'000'000'001));
  EXPECT_EQ(trace.wall_now(), WallTime(seconds(1'000'004)) + nanoseconds(1));
}

TEST(ReplayDevice, AddsOneEpochAfterTheOther) {
  ReplayDevice trace = device();

  ASSERT_TRUE(trace.advance(32, 1, 1.0));
  ASSERT_TRUE(trace.advance(32, 2, 0.0));
  EXPECT_EQ(trace.read_uj(0), 1'000'000'000);
  ASSERT_TRUE(trace.advance(32, 2, 0.5));
  EXPECT_EQ(trace.read_uj(0), 1'450'250'000);
  ASSERT_TRUE(trace.advance(32, 3, 1.0));
  EXPECT_EQ(trace.read_uj(0), 2'350'750'000);
}

TEST(ReplayDevice, ChargesAgainForAnEpochThatIsRunAgain) {
  ReplayDevice trace = device();

  ASSERT_TRUE(trace.advance(32, 1, 0.6));
  ASSERT_TRUE(trace.advance(32, 1, 0.0));
  EXPECT_EQ(trace.read_uj(0), 600'000'000);
  ASSERT_TRUE(trace.advance(32, 1, 1.0));
  EXPECT_EQ(trace.read_uj(0), 1'600'000'000);
}

TEST(ReplayDevice, ChargesAgainForANewAttemptAtTheSamePosition) {
  ReplayDevice trace = device();

  ASSERT_TRUE(trace.advance(32, 1, 1.0));
  ASSERT_TRUE(trace.advance(32, 1, 1.0));
  EXPECT_EQ(trace.read_uj(0), 1'000'000'000) << "the same position twice adds nothing";

  trace.begin_attempt();
  ASSERT_TRUE(trace.advance(32, 1, 1.0));
  EXPECT_EQ(trace.read_uj(0), 2'000'000'000);
}

TEST(ReplayDevice, FailsEveryReadingWhileTheJobIsOffTheTrace) {
  ReplayDevice trace = device();
  ASSERT_TRUE(trace.advance(32, 1, 1.0));

  EXPECT_FALSE(trace.advance(48, 1, 0.0));

  const auto reading = trace.read_uj(0);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(reading.error().message(), HasSubstr("trace.csv: no batch size 48"));
  ASSERT_TRUE(trace.advance(32, 2, 0.0));
  EXPECT_EQ(trace.read_uj(0), 1'000'000'000);
}

TEST(ReplayDevice, TakesAnyFractionForOneWithinTheEpoch) {
  ReplayDevice trace = device();

  ASSERT_TRUE(trace.advance(32, 1, std::numeric_limits<double>::quiet_NaN()));
  ASSERT_TRUE(trace.advance(32, 1, -1.0));
  EXPECT_EQ(trace.read_uj(0), 0);
  ASSERT_TRUE(trace.advance(32, 1, 7.0));
  EXPECT_EQ(trace.read_uj(0), 1'000'000'000);
}

RC_GTEST_PROP(ReplayDevice, NeverRunsBackwardsAndEndsOnWholeEpochs, ()) {
  ReplayDevice trace = device();
  std::int64_t last_uj = 0;
  nanoseconds last_time{0};
  std::int64_t whole_uj = 0;
  for (std::int64_t epoch = 1; epoch <= 4; ++epoch) {
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    for (const int percent : steps) RC_ASSERT(trace.advance(32, epoch, percent / 100.0));
    const std::int64_t before_end = trace.read_uj(0).value();
    RC_ASSERT(before_end >= last_uj);
    RC_ASSERT(trace.now() >= last_time);
    RC_ASSERT(trace.advance(32, epoch, 1.0));
    last_uj = trace.read_uj(0).value();
    last_time = trace.now();
    whole_uj += epoch == 1 ? 1'000'000'000 : 900'500'000;
    RC_ASSERT(last_uj >= whole_uj);
  }
}

}  // namespace
}  // namespace symbiont::energy
