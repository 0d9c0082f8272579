#include "symbiont/tune/tape.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "symbiont/base/csv.h"
#include "symbiont/tune/replay.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// A job with four batch sizes: an epoch of 8 alone costs more than any bound, 16 and 32 need 4 or
/// 5 epochs, 64 never converges.
json small_tape() {
  return {{"gpu", "toy"},
          {"dataset", "digits"},
          {"network", "mlp"},
          {"optimizer", "sgd"},
          {"target_metric", 0.9},
          {"max_epochs", 10},
          {"b0", 16},
          {"eta_knob", 0.5},
          {"beta", 2.0},
          {"window", 0},
          {"max_power", 250},
          {"recurrences", 4},
          {"path_draws", {1, 1, 1, 1, 1, 2}},
          {"standard_normals", json::array()}};
}

TraceSet small_traces() {
  const Result<CsvTable> runs = CsvTable::parse(
      "dataset,network,batch_size,optimizer,run,target_metric,target_epoch\n"
      "digits,mlp,8,sgd,1,0.9,nan\n"
      "digits,mlp,16,sgd,1,0.9,4\n"
      "digits,mlp,16,sgd,2,0.9,5\n"
      "digits,mlp,32,sgd,1,0.9,4\n"
      "digits,mlp,32,sgd,2,0.9,5\n"
      "digits,mlp,64,sgd,1,0.9,nan\n",
      "runs.csv");
  const Result<CsvTable> power = CsvTable::parse(
      "dataset,network,batch_size,optimizer,power_limit,time_per_epoch,average_power\n"
      "digits,mlp,8,sgd,250,100,200\n"
      "digits,mlp,16,sgd,250,10,200\n"
      "digits,mlp,32,sgd,250,9,200\n"
      "digits,mlp,64,sgd,250,8,200\n",
      "power.csv");
  TraceSet traces;
  EXPECT_TRUE(traces.add_runs(*runs));
  EXPECT_TRUE(traces.add_power("toy", *power));
  return traces;
}

Result<ReplayReport> replay_json(const json& document) {
  const Result<Tape> tape = parse_tape(document.dump(), "small.json");
  EXPECT_TRUE(tape) << tape.error().message();
  return replay(small_traces(), *tape);
}

TEST(Tape, KeepsTheJobAndItsDraws) {
  const Result<Tape> tape = parse_tape(small_tape().dump(), "small.json");
  ASSERT_TRUE(tape) << tape.error().message();
  EXPECT_EQ(tape->gpu, "toy");
  EXPECT_EQ(tape->job, (TraceJob{"digits", "mlp", "sgd"}));
  EXPECT_EQ(tape->default_batch_size, 16);
  EXPECT_EQ(tape->path_draws.size(), 6u);
  EXPECT_EQ(tape->max_power, Watts(250));
}

TEST(Tape, TakesANullBetaAsNoBound) {
  json document = small_tape();
  document["beta"] = nullptr;
  const Result<Tape> tape = parse_tape(document.dump(), "small.json");
  ASSERT_TRUE(tape);
  EXPECT_TRUE(std::isinf(tape->beta));
}

TEST(Tape, DoesNotReadWhatWasExpected) {
  json document = small_tape();
  document["expect"] = "anything at all";
  document["pruning_survivors"] = 7;
  EXPECT_TRUE(parse_tape(document.dump(), "small.json"));
}

TEST(Tape, IsRefusedByTheNameOfTheFieldThatIsWrong) {
  const std::pair<const char*, json> changes[] = {
      {"gpu", 7},
      {"dataset", nullptr},
      {"network", std::string(1000, 'x')},
      {"target_metric", "high"},
      {"max_epochs", 0},
      {"max_epochs", 1e300},
      {"b0", -16},
      {"b0", 18446744073709551615u},
      {"eta_knob", 1.5},
      {"beta", "two"},
      {"window", 2.5},
      {"max_power", 0},
      {"recurrences", 2000000},
      {"path_draws", {{"a", 1}}},
      {"path_draws", {1, 0}},
      {"path_draws", {1, "2"}},
      {"standard_normals", {0.5, nullptr}},
  };
  for (const auto& [field, value] : changes) {
    json document = small_tape();
    document[field] = value;
    const Result<Tape> tape = parse_tape(document.dump(), "small.json");
    ASSERT_FALSE(tape) << field << " = " << value;
    EXPECT_EQ(tape.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(tape.error().message(), HasSubstr("small.json"));
    EXPECT_THAT(tape.error().message(), HasSubstr(field));
  }
}

TEST(Tape, IsRefusedWhenAFieldIsMissing) {
  const json complete = small_tape();
  for (const auto& [field, value] : complete.items()) {
    json document = complete;
    document.erase(field);
    const Result<Tape> tape = parse_tape(document.dump(), "small.json");
    ASSERT_FALSE(tape) << field;
    EXPECT_THAT(tape.error().message(), HasSubstr("\"" + field + "\" is missing"));
  }
}

TEST(Tape, IsRefusedWhenItIsNoJsonObjectOrTooLarge) {
  for (const std::string& text : {std::string(), std::string("[1]"), std::string("{\"gpu\":"),
                                  std::string("1e999"), std::string(100000, '[')}) {
    EXPECT_FALSE(parse_tape(text, "bad.json")) << text.substr(0, 20);
  }
  const Result<Tape> large = parse_tape(std::string(3 << 20, ' '), "bad.json");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), ErrorCode::kInvalidArgument);
}

TEST(Replay, WalksTheSmallJob) {
  const Result<ReplayReport> report = replay_json(small_tape());
  ASSERT_TRUE(report) << report.error().message();
  std::vector<std::int64_t> asked;
  for (const ReplayedAttempt& attempt : report->attempts) {
    asked.push_back(attempt.batch_size);
    EXPECT_EQ(attempt.reached, attempt.batch_size != 64);
  }
  EXPECT_THAT(asked, testing::ElementsAre(16, 32, 64, 32, 16));
  EXPECT_THAT(report->pruning_survivors, testing::ElementsAre(16, 32));
}

TEST(Replay, LeavesOutARunThatCouldNotAffordItsFirstEpoch) {
  const Result<ReplayReport> report = replay_json(small_tape());
  ASSERT_TRUE(report) << report.error().message();
  const ReplayedAttempt& second = report->attempts[1];
  EXPECT_EQ(second.recurrence, 2);
  EXPECT_EQ(second.try_index, 2);  // the first try, of batch size 8, never ran
  EXPECT_EQ(second.batch_size, 32);
}

TEST(Replay, StopsARunAtItsBound) {
  const Result<ReplayReport> report = replay_json(small_tape());
  ASSERT_TRUE(report) << report.error().message();
  const ReplayedAttempt& stopped = report->attempts[2];
  // The cheapest recurrence cost 4 epochs * 9 s * 225 W = 8100 J; an epoch of 64 costs 1800 J.
  EXPECT_EQ(stopped.bound, Joules(16200));
  EXPECT_EQ(stopped.cost, Joules(9 * 1800));
  EXPECT_EQ(stopped.time, Seconds(9 * 8));
}

TEST(Replay, NamesTheDrawsThatRanOut) {
  json few_paths = small_tape();
  few_paths["path_draws"] = {1, 1};
  const Result<ReplayReport> without_path = replay_json(few_paths);
  ASSERT_FALSE(without_path);
  EXPECT_EQ(without_path.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(without_path.error().message(), HasSubstr("\"path_draws\" is exhausted after 2"));

  json few_normals = small_tape();
  few_normals["recurrences"] = 5;
  few_normals["standard_normals"] = {0.1};
  const Result<ReplayReport> without_normal = replay_json(few_normals);
  ASSERT_FALSE(without_normal);
  EXPECT_THAT(without_normal.error().message(),
              HasSubstr("\"standard_normals\" is exhausted after 1"));
}

TEST(Replay, NamesADrawThatTheTraceDoesNotHave) {
  json document = small_tape();
  document["path_draws"] = {3};
  const Result<ReplayReport> report = replay_json(document);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("batch size 16 has no run 3"));
}

TEST(Replay, RefusesADefaultThatTheTraceDoesNotHave) {
  json document = small_tape();
  document["b0"] = 17;
  const Result<ReplayReport> report = replay_json(document);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message(), HasSubstr("17"));
}

}  // namespace
}  // namespace symbiont::tune
