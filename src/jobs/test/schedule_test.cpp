#include "jobs/schedule.h"

#include <string>

#include <gtest/gtest.h>

namespace symbiont::jobs {
namespace {

/// The whole run as a string: t for tuned, B for baseline.
std::string play(std::int64_t recurrences, std::int64_t baseline_runs) {
  ledger::Run run;
  run.recurrences = recurrences;
  run.baseline_runs = baseline_runs;
  std::string order;
  std::int64_t tuned = 0;
  std::int64_t baseline = 0;
  while (const auto next = next_kind(run, tuned, baseline)) {
    const bool is_tuned = *next == ledger::RecurrenceKind::kTuned;
    order += is_tuned ? 't' : 'B';
    ++(is_tuned ? tuned : baseline);
  }
  return order;
}

TEST(Schedule, SpreadsBaselineRunsEvenlyOverTheRun) {
  EXPECT_EQ(play(6, 3), "tBttBttBt");
  EXPECT_EQ(play(24, 3), "ttttBttttttttBttttttttBtttt");
}

TEST(Schedule, MakesEveryRunThatWasAskedForHoweverFewRecurrencesThereAre) {
  EXPECT_EQ(play(1, 3), "BBBt");
  EXPECT_EQ(play(2, 0), "tt");
}

}  // namespace
}  // namespace symbiont::jobs
