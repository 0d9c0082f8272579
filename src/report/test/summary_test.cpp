#include "symbiont/report/summary.h"

#include <filesystem>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace symbiont::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;
using ledger::RecurrenceKind;
using ledger::Stopped;

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};

Usage modelled(double joules, double seconds) {
  Usage usage;
  usage.energy_uj = static_cast<std::int64_t>(joules * 1e6);
  usage.uncertainty_uj = static_cast<std::int64_t>(joules * 0.4e6);
  usage.time = std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  usage.provenance = Provenance::kModelled;
  usage.scope = Scope::kProcess;
  return usage;
}

/// A ledger in a folder of its own, filled as a runner would fill it.
class RunReport : public ::testing::Test {
 protected:
  RunReport() {
    std::string pattern = (std::filesystem::temp_directory_path() / "report-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    auto opened = ledger::Ledger::open((folder_ / "ledger.sqlite").string());
    EXPECT_TRUE(opened) << opened.error().message();
    ledger_.emplace(std::move(*opened));
    ledger::Job job;
    job.name = "nightly";
    job.meters = "modelled ±40 %, this process";
    job.provenance = Provenance::kModelled;
    job.scope = Scope::kProcess;
    job.max_power = Watts(3.5);
    ledger::History history;
    history.identity = R"({"batch_size":32})";
    history.policy = "{}";
    history.draws = "0";
    job_ = *ledger_->create_job(job, history, kNow);
    history_ = *ledger_->current_history(job_.id);
    run_ = *ledger_->begin_run(job_.id, history_.id, 2, 2, kNow);
  }
  ~RunReport() override { std::filesystem::remove_all(folder_); }

  /// One attempt of `epochs` epochs of 10 J and 2 s each.
  ledger::Id attempt(RecurrenceKind kind, std::int64_t batch_size, int epochs, Stopped stopped,
                     std::optional<ledger::Id> recurrence, int try_index) {
    ledger::Decision decision;
    decision.run = run_.id;
    decision.history = history_.id;
    decision.kind = kind;
    decision.recurrence = recurrence;
    decision.attempt.try_index = try_index;
    decision.attempt.batch_size = batch_size;
    decision.attempt.learning_rate = 0.001;
    decision.attempt.max_epochs = 20;
    decision.attempt.why = why_;
    const ledger::Attempt opened = *ledger_->decide(decision);
    const ledger::Incarnation process = *ledger_->begin_incarnation(opened.id, kNow);
    EXPECT_TRUE(ledger_->record_startup(process.id, modelled(1.0, 0.5)));
    for (int epoch = 1; epoch <= epochs; ++epoch) {
      ledger::Epoch row;
      row.index = epoch;
      row.metric = 0.8 + 0.01 * epoch;
      row.usage = modelled(10.0, 2.0);
      row.begin = kNow;
      row.end = kNow + std::chrono::seconds(2);
      row.emitted = GramsCo2(0.5);
      EXPECT_TRUE(ledger_->record_epoch(opened.id, process.id, row));
    }
    EXPECT_TRUE(ledger_->end_incarnation(process.id, "stopped", Usage{}));
    ledger::AttemptResult result;
    result.attempt = opened.id;
    result.history = history_.id;
    result.stopped = stopped;
    result.reason = "as told";
    result.cost = Joules(8.5 * epochs);
    if (stopped == Stopped::kReached) {
      result.weights = "jobs/nightly/weights.safetensors";
    }
    result.recurrence_finished = stopped == Stopped::kReached || stopped == Stopped::kMaxEpochs;
    result.recurrence_reached = stopped == Stopped::kReached;
    EXPECT_TRUE(ledger_->finish_attempt(result));
    return opened.recurrence;
  }

  RunSummary summary() {
    auto made = summarise(*ledger_, run_.id, false);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }

  std::filesystem::path folder_;
  std::string why_ = R"({"stage":"pruning"})";
  std::optional<ledger::Ledger> ledger_;
  ledger::Job job_;
  ledger::History history_;
  ledger::Run run_;
};

TEST_F(RunReport, ChargesARecurrenceWithAllItsAttempts) {
  const auto recurrence = attempt(RecurrenceKind::kTuned, 8, 1, Stopped::kBound, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, recurrence, 2);

  const Json json = Json::parse(to_json(summary()));
  ASSERT_EQ(json["recurrences"].size(), 1U);
  const Json& one = json["recurrences"][0];
  EXPECT_EQ(one["batch_size"], 64);
  EXPECT_EQ(one["epochs"], 3);
  EXPECT_DOUBLE_EQ(one["energy_j"], 30.0);
  EXPECT_DOUBLE_EQ(one["time_s"], 6.0);
  EXPECT_DOUBLE_EQ(one["cost_j"], 25.5);
  EXPECT_DOUBLE_EQ(one["emitted_g"], 1.5);
  EXPECT_DOUBLE_EQ(one["uncertainty_j"], 12.0);
  EXPECT_EQ(one["provenance"], "modelled");
  EXPECT_EQ(one["scope"], "process");
  EXPECT_EQ(one["attempts"][0]["stopped"], "bound");
  EXPECT_TRUE(one["attempts"][1]["stopped"].is_null());
  EXPECT_EQ(one["why"]["stage"], "pruning");
}

TEST_F(RunReport, ComparesWithTheBaselineThatItMeasured) {
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);

  const Json json = Json::parse(to_json(summary()));
  EXPECT_EQ(json["baseline"]["runs"], 2);
  EXPECT_DOUBLE_EQ(json["baseline"]["energy_j"], 40.0);
  EXPECT_DOUBLE_EQ(json["saving"]["energy"], 0.5);
  EXPECT_EQ(json["recurrences"].size(), 1U);  // the baseline is on a line of its own
  EXPECT_DOUBLE_EQ(json["startup_energy_j"], 3.0);
}

TEST_F(RunReport, CountsATunedRunAtTheDefaultAsBaselineToo) {
  attempt(RecurrenceKind::kTuned, 32, 4, Stopped::kReached, std::nullopt, 1);
  const Json json = Json::parse(to_json(summary()));
  EXPECT_EQ(json["baseline"]["runs"], 1);
  EXPECT_TRUE(json["saving"]["ci95"]["energy"].is_null());
}

TEST_F(RunReport, LeavesOutBaselineRunsThatDidNotReachTheTarget) {
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kMaxEpochs, std::nullopt, 1);
  const Json json = Json::parse(to_json(summary()));
  EXPECT_TRUE(json["baseline"].is_null());
  EXPECT_TRUE(json["saving"].is_null());
}

TEST_F(RunReport, SaysWhenTuningCostMore) {
  attempt(RecurrenceKind::kBaseline, 32, 2, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 3, Stopped::kReached, std::nullopt, 1);
  EXPECT_THAT(
      to_text(summary(), false),
      HasSubstr("-50.0 %  (no interval: fewer than two baseline runs)  more than the default"));
}

TEST_F(RunReport, SpeaksOfNoSavingWhenARecurrenceLeftNoModel) {
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 1, Stopped::kMaxEpochs, std::nullopt, 1);
  const Json json = Json::parse(to_json(summary()));
  EXPECT_TRUE(json["saving"]["cost"].is_null());
  EXPECT_TRUE(json["saving_total"]["cost"].is_null());
  EXPECT_THAT(to_text(summary(), false), HasSubstr("did not reach the target"));
}

TEST_F(RunReport, SaysThatASavingWhoseIntervalHoldsZeroMayBeNone) {
  attempt(RecurrenceKind::kBaseline, 32, 2, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 3, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 4, Stopped::kReached, std::nullopt, 1);
  const std::string text = to_text(summary(), false);
  EXPECT_THAT(text, HasSubstr("%)  not distinguishable from none\n"));
  EXPECT_THAT(text, Not(HasSubstr("more than the default")));
}

TEST_F(RunReport, SaysNothingOfTheKindWhenTheIntervalIsOnOneSide) {
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  EXPECT_THAT(to_text(summary(), false), Not(HasSubstr("distinguishable")));
}

TEST_F(RunReport, CallsNoStateSteadyInWhichSizesWereStillExplored) {
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  for (int i = 0; i < 3; ++i) {
    attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  }
  why_ = R"({"stage":"bandit","arms":[{"n":1,"sampled_j":null},{"n":2,"sampled_j":null}]})";
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  why_ = R"({"stage":"bandit","arms":[{"n":2,"sampled_j":7.5},{"n":2,"sampled_j":9.5}]})";
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  EXPECT_THAT(to_text(summary(), false),
              HasSubstr("saving, steady state: the last 5 recurrences against the baseline (not "
                        "steady yet: 3 of them explored)\n"));
}

TEST_F(RunReport, CallsAStateSteadyInWhichThePolicyChoseByWhatItKnew) {
  attempt(RecurrenceKind::kBaseline, 32, 4, Stopped::kReached, std::nullopt, 1);
  why_ = R"({"stage":"bandit","arms":[{"n":2,"sampled_j":7.5}]})";
  attempt(RecurrenceKind::kTuned, 64, 2, Stopped::kReached, std::nullopt, 1);
  why_ = R"({"stage":"fixed"})";
  attempt(RecurrenceKind::kTuned, 32, 2, Stopped::kReached, std::nullopt, 1);
  EXPECT_THAT(to_text(summary(), false),
              HasSubstr("saving, steady state: the last 2 recurrences against the baseline\n"));
}

TEST_F(RunReport, CountsAsLostWhatAKilledProcessHadNotSavedBeforeTheRunGoesOn) {
  ledger::Decision decision;
  decision.run = run_.id;
  decision.history = history_.id;
  decision.attempt.try_index = 1;
  decision.attempt.batch_size = 32;
  decision.attempt.learning_rate = 0.001;
  decision.attempt.max_epochs = 20;
  decision.attempt.why = why_;
  const ledger::Attempt opened = *ledger_->decide(decision);
  const ledger::Incarnation process = *ledger_->begin_incarnation(opened.id, kNow);
  ASSERT_TRUE(ledger_->record_pending(process.id, modelled(7.0, 1.0)));

  const Json json = Json::parse(to_json(summary()));
  EXPECT_DOUBLE_EQ(json["lost_energy_j"], 7.0);
  EXPECT_DOUBLE_EQ(json["recurrences"][0]["lost_energy_j"], 7.0);
}

TEST_F(RunReport, LetsNoWordOfAWorkerSteerTheTerminal) {
  RunSummary made = summary();
  AttemptSummary attempt;
  attempt.stopped = "failed";
  attempt.reason =
      "\x1b]0;title\x07 and \xc2\x9b"
      "31m";
  made.recurrences.emplace_back().attempts.push_back(attempt);
  const std::string text = to_text(made, false, folder_);
  EXPECT_EQ(text.find_first_of("\x1b\x07\x9b"), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("?]0;title? and ?31m"));
}

TEST_F(RunReport, NamesTheWeightsByAPathThatCanBeUsed) {
  attempt(RecurrenceKind::kTuned, 64, 3, Stopped::kReached, std::nullopt, 1);
  EXPECT_THAT(to_text(summary(), false, "~/state"),
              HasSubstr("weights   ~/state/jobs/nightly/weights.safetensors (older"));
  EXPECT_THAT(to_text(summary(), false),
              HasSubstr("weights   jobs/nightly/weights.safetensors (below --home; older"));
  const Json json = Json::parse(to_json(summary()));
  EXPECT_EQ(json["recurrences"][0]["weights"], "jobs/nightly/weights.safetensors");
}

TEST_F(RunReport, PrintsTheIntervalOfModelledEnergy) {
  attempt(RecurrenceKind::kTuned, 64, 3, Stopped::kReached, std::nullopt, 1);
  const std::string text = to_text(summary(), false);
  EXPECT_THAT(text, HasSubstr("30 J ±40 %"));
  EXPECT_THAT(text, HasSubstr("no saving so far"));
}

TEST_F(RunReport, OfARunThatDoesNotExistIsNotFound) {
  const auto missing = summarise(*ledger_, 999, false);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace symbiont::report
