#include "symbiont/report/plots.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_run.h"

namespace symbiont::report {
namespace {

using ledger::RecurrenceKind;
using ledger::Stopped;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunSummary summary_of(const RunRecords& run) {
  auto summary = summarise(run, false);
  EXPECT_TRUE(summary);
  return std::move(*summary);
}

Trained at(std::int64_t batch_size, double joules, double seconds) {
  Trained trained;
  trained.batch_size = batch_size;
  trained.joules = joules;
  trained.seconds = seconds;
  return trained;
}

Trained because(std::int64_t batch_size, const std::string& why) {
  Trained trained;
  trained.batch_size = batch_size;
  trained.why = why;
  return trained;
}

Trained stopped(std::int64_t batch_size, Stopped how) {
  Trained trained;
  trained.batch_size = batch_size;
  trained.stopped = how;
  return trained;
}

Trained baseline() {
  Trained trained;
  trained.kind = RecurrenceKind::kBaseline;
  return trained;
}

TEST(CostPlot, SumsTheAttemptsOfARecurrenceAndMarksTheLastBatchSize) {
  RunRecords run = empty_run();
  add_recurrence(run, {baseline()});
  add_recurrence(run, {stopped(16, Stopped::kBound), at(64, 5.0, 1.0)});
  const CostPlot plot = cost_plot(run, summary_of(run));
  ASSERT_EQ(plot.points.size(), 1U);
  EXPECT_DOUBLE_EQ(plot.points[0].cost_j, 45.0);
  EXPECT_EQ(plot.points[0].batch_size, 64);
  EXPECT_EQ(plot.points[0].attempts, 2);
  ASSERT_TRUE(plot.baseline);
  EXPECT_DOUBLE_EQ(plot.baseline->mean_j, 30.0);
  EXPECT_EQ(plot.text.caption,
            "From 45 J in recurrence 1 to 45 J in recurrence 1, at batch size 64: 50.0 % above the "
            "default's 30 J.");
}

TEST(CostPlot, GroupsRecurrencesThatWouldNotFit) {
  RunRecords run = empty_run();
  for (int i = 0; i < 1201; ++i) {
    add_recurrence(run, {at(i % 3 == 0 ? 16 : 64, 1.0 + i % 3, 1.0)});
  }
  const CostPlot plot = cost_plot(run, summary_of(run));
  ASSERT_EQ(plot.points.size(), 401U);
  EXPECT_EQ(plot.points[0].first, 1);
  EXPECT_EQ(plot.points[0].last, 3);
  EXPECT_EQ(plot.points[0].batch_size, 64);
  EXPECT_DOUBLE_EQ(plot.points[0].cost_j, 6.0);
  EXPECT_DOUBLE_EQ(plot.points[0].least_j, 3.0);
  EXPECT_DOUBLE_EQ(plot.points[0].most_j, 9.0);
  EXPECT_THAT(plot.text.notes, Contains(HasSubstr("mean of 3 recurrences in a row")));
}

TEST(CostPlot, SaysHowToGetABaseline) {
  RunRecords run = empty_run();
  add_recurrence(run, {at(64, 5.0, 1.0)});
  const CostPlot plot = cost_plot(run, summary_of(run));
  EXPECT_FALSE(plot.baseline);
  EXPECT_THAT(plot.text.notes, Contains(HasSubstr("baseline_runs = 3")));
}

TEST(TimeEnergyPlot, FindsTheFrontOfTheMeans) {
  RunRecords run = empty_run();
  add_recurrence(run, {at(16, 10.0, 1.0)});  // fast
  add_recurrence(run, {at(32, 20.0, 2.0)});  // worse than both
  add_recurrence(run, {at(64, 4.0, 3.0)});   // thrifty
  add_recurrence(run, {at(64, 6.0, 3.0)});
  const TimeEnergyPlot plot = time_energy_plot(run);
  ASSERT_EQ(plot.means.size(), 3U);
  EXPECT_DOUBLE_EQ(plot.means[2].energy_j, 15.0);
  ASSERT_EQ(plot.front.size(), 2U);
  EXPECT_EQ(plot.front[0].batch_size, 16);
  EXPECT_EQ(plot.front[1].batch_size, 64);
  EXPECT_FALSE(plot.on_a_line);
  EXPECT_THAT(plot.text.caption, HasSubstr("2 of 3 batch sizes are on the Pareto front"));
}

TEST(TimeEnergyPlot, SaysWhenTheEstimatorMakesItALine) {
  RunRecords run = empty_run();
  add_recurrence(run, {at(16, 6.4, 2.0)});
  add_recurrence(run, {at(32, 9.6, 3.0)});
  const TimeEnergyPlot plot = time_energy_plot(run);
  EXPECT_TRUE(plot.on_a_line);
  EXPECT_THAT(plot.text.notes, Contains(HasSubstr("every attempt drew 3.2 W")));
}

TEST(TimeEnergyPlot, LeavesOutAttemptsThatDidNotReach) {
  RunRecords run = empty_run();
  add_recurrence(run, {stopped(16, Stopped::kMaxEpochs)});
  EXPECT_THAT(time_energy_plot(run).text.missing, HasSubstr("No attempt has reached the target"));
}

TEST(MetricPlot, FollowsEachEpochAndMarksTheMedianAttempt) {
  RunRecords run = empty_run();
  add_recurrence(run, {at(16, 1.0, 1.0)});
  add_recurrence(run, {at(16, 1.0, 2.0)});
  add_recurrence(run, {at(16, 1.0, 5.0)});
  const MetricPlot plot = metric_plot(run);
  ASSERT_EQ(plot.curves.size(), 3U);
  const MetricCurve& typical = plot.curves.back();
  EXPECT_TRUE(typical.typical);
  ASSERT_EQ(typical.points.size(), 3U);
  EXPECT_DOUBLE_EQ(typical.points[1].seconds, 4.0);
  EXPECT_DOUBLE_EQ(typical.points[1].metric, 0.85);
  EXPECT_DOUBLE_EQ(*plot.target, 0.88);
  EXPECT_EQ(plot.metric, "accuracy");
}

TEST(MetricPlot, LeavesOutMetricsThatAreNoNumbers) {
  RunRecords run = empty_run();
  Trained diverged = stopped(16, Stopped::kDiverged);
  diverged.metrics = {std::numeric_limits<double>::quiet_NaN()};
  add_recurrence(run, {diverged});
  EXPECT_THAT(metric_plot(run).text.missing, HasSubstr("No epoch has been recorded"));
}

TEST(SpendingPlot, GivesEveryJouleOnePlace) {
  RunRecords run = empty_run();
  add_recurrence(run, {baseline()});
  add_recurrence(run, {stopped(16, Stopped::kBound), at(64, 5.0, 1.0)});
  add_recurrence(run, {because(64, R"({"stage":"bandit","arms":[{"batch_size":64,"n":2,)"
                                   R"("mean_j":15.0,"sd_j":1.0,"sampled_j":14.0}]})")});
  ledger::Incarnation process;
  process.startup = modelled(2.0, 1.0);
  process.lost = modelled(3.0, 1.0);
  run.recurrences[1].attempts[0].incarnations.push_back(process);
  const SpendingPlot plot = spending_plot(run);
  const auto joules = [&](Spending spending) {
    return plot.parts.at(static_cast<std::size_t>(spending)).energy_j;
  };
  EXPECT_DOUBLE_EQ(joules(Spending::kBaseline), 30.0);
  EXPECT_DOUBLE_EQ(joules(Spending::kExploringStopped), 30.0);
  EXPECT_DOUBLE_EQ(joules(Spending::kExploringReached), 15.0);
  EXPECT_DOUBLE_EQ(joules(Spending::kUseful), 30.0);
  EXPECT_DOUBLE_EQ(joules(Spending::kLost), 3.0);
  EXPECT_DOUBLE_EQ(joules(Spending::kStartup), 2.0);
  EXPECT_DOUBLE_EQ(plot.energy_j, 110.0);
  EXPECT_NEAR(plot.uncertainty_j, 44.0, 1e-9);
  EXPECT_NEAR(*plot.emitted_g, 110.0 * 360.0 / 3.6e6, 1e-9);
  EXPECT_TRUE(plot.parts[static_cast<std::size_t>(Spending::kLost)].grams_estimated);
  EXPECT_FALSE(plot.parts[static_cast<std::size_t>(Spending::kUseful)].grams_estimated);
}

TEST(BeliefPlot, ShowsWhatTheLastDecisionKnewAndWhatWasPrunedBefore) {
  RunRecords run = empty_run();
  add_recurrence(run, {because(16, R"({"stage":"pruning","arms":[
      {"batch_size":16,"n":1,"mean_j":50.0,"sd_j":0.0,"sampled_j":null},
      {"batch_size":32,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null}]})")});
  add_recurrence(run, {because(32, R"({"stage":"bandit","arms":[
      {"batch_size":32,"n":4,"mean_j":20.0,"sd_j":1.0,"sampled_j":19.0}]})")});
  const BeliefPlot plot = belief_plot(run);
  ASSERT_EQ(plot.rows.size(), 3U);
  EXPECT_EQ(plot.rows[0].state, BeliefRow::State::kPruned);
  EXPECT_FALSE(plot.rows[0].half_width_j);
  EXPECT_EQ(plot.rows[1].state, BeliefRow::State::kCandidate);
  EXPECT_DOUBLE_EQ(*plot.rows[1].half_width_j, 1.96);
  EXPECT_THAT(plot.rows[1].reached_j, ElementsAre(30.0));
  EXPECT_EQ(plot.rows[2].state, BeliefRow::State::kUntried);
  EXPECT_EQ(plot.text.caption,
            "Batch size 32 is believed to cost least, 20 J ± 1.96 J; the last decision chose 32.");
}

TEST(BeliefPlot, SurvivesReasonsThatAreNotWhatTheyShouldBe) {
  for (const char* why : {"", "null", "[1]", R"({"arms":7,"stage":3})", R"({"arms":[1,{}]})"}) {
    RunRecords run = empty_run();
    add_recurrence(run, {because(16, why)});
    const BeliefPlot plot = belief_plot(run);
    EXPECT_TRUE(plot.text.missing.empty() != plot.text.caption.empty()) << why;
  }
}

TEST(IntensityPlot, IsGramsOverKilowattHours) {
  RunRecords run = empty_run();
  add_recurrence(run, {at(16, 1.0, 60.0)});
  Trained dirty = at(16, 3.0, 60.0);
  dirty.g_per_kwh = 400.0;
  add_recurrence(run, {dirty});
  const IntensityPlot plot = intensity_plot(run);
  ASSERT_EQ(plot.steps.size(), 6U);
  EXPECT_NEAR(plot.steps[0].g_per_kwh, 360.0, 1e-6);
  EXPECT_NEAR(plot.steps[5].g_per_kwh, 400.0, 1e-6);
  EXPECT_NEAR(plot.mean_g_per_kwh, 390.0, 1e-6);
  EXPECT_FALSE(plot.constant);
}

TEST(IntensityPlot, SaysThatAConstantShowsNoCleanHour) {
  RunRecords run = empty_run();
  add_recurrence(run, {Trained{}});
  const IntensityPlot plot = intensity_plot(run);
  EXPECT_TRUE(plot.constant);
  EXPECT_THAT(plot.text.caption, HasSubstr("Constant at 360 g/kWh"));
}

TEST(Plots, OfARunWithoutAnEpochSayWhatIsMissing) {
  const RunRecords run = empty_run();
  for (const PlotText& text :
       {cost_plot(run, summary_of(run)).text, time_energy_plot(run).text, metric_plot(run).text,
        spending_plot(run).text, belief_plot(run).text, intensity_plot(run).text}) {
    EXPECT_THAT(text.missing, ::testing::Not(IsEmpty()));
    EXPECT_THAT(text.caption, IsEmpty());
  }
  EXPECT_THAT(decision_texts(run), IsEmpty());
}

TEST(DecisionTexts, NameTheDrawTheRunnerUpAndTheBound) {
  RunRecords run = empty_run();
  add_recurrence(run, {because(32, R"({"stage":"bandit","reason":"lowest cost drawn among 2 sizes",
      "arms":[{"batch_size":32,"n":4,"mean_j":20.0,"sd_j":1.0,"sampled_j":19.0},
              {"batch_size":64,"n":4,"mean_j":21.0,"sd_j":1.0,"sampled_j":22.5}]})")});
  run.recurrences[0].attempts[0].attempt.cost_bound = Joules(40.0);
  const auto texts = decision_texts(run);
  ASSERT_EQ(texts.size(), 1U);
  EXPECT_EQ(texts[0].reason,
            "Lowest cost drawn among 2 sizes: 19 J drawn, next 64 with 22.5 J; to be stopped at 40 "
            "J.");
  EXPECT_EQ(texts[0].outcome, "reached: as told; cost 30 J");
}

TEST(DecisionTexts, BecomeOneWhereManyAreAlike) {
  RunRecords run = empty_run();
  for (int i = 0; i < 150; ++i) {
    add_recurrence(run, {at(i == 99 ? 16 : 32, 1.0 + i, 1.0)});
  }
  const auto texts = decision_texts(run);
  ASSERT_EQ(texts.size(), 3U);
  EXPECT_EQ(texts[0].first, 1);
  EXPECT_EQ(texts[0].last, 99);
  EXPECT_EQ(texts[0].outcome, "reached each time; cost 3 J to 297 J");
}

}  // namespace
}  // namespace symbiont::report
