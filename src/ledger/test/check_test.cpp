#include "story.h"

namespace symbiont::ledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A ledger with a finished recurrence of two epochs and one that runs.
class CheckTest : public Story {
 protected:
  CheckTest() {
    train(must(ledger_.decide(decision())));
    must(ledger_.finish_attempt(result(1)));
    train(must(ledger_.decide(decision())));
  }

  void train(const Attempt& attempt) {
    const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
    must(ledger_.record_epoch(attempt.id, process.id, epoch(1, 100)));
    must(ledger_.record_checkpoint(attempt.id, process.id, {"/checkpoint", 1, 0, Usage{}}));
    must(ledger_.record_epoch(attempt.id, process.id, epoch(2, 100)));
    must(ledger_.end_incarnation(process.id, "stopped", Usage{}));
  }

  /// What `check` says, as "where: what".
  std::vector<std::string> findings() const {
    std::vector<std::string> lines;
    for (const Finding& finding : must(ledger_.check())) {
      lines.push_back(finding.where + ": " + finding.what);
    }
    return lines;
  }
};

TEST_F(CheckTest, FindsNothingInASoundLedger) {
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(CheckTest, FindsAGapInTheEpochs) {
  tamper("UPDATE epochs SET epoch = 4 WHERE attempt = 2 AND epoch = 2");
  EXPECT_THAT(findings(), ElementsAre("epoch 4 of attempt 2: the epochs before it are missing"));
}

TEST_F(CheckTest, FindsEpochsThatDoNotStartAtOne) {
  tamper("UPDATE epochs SET epoch = 0 WHERE attempt = 2 AND epoch = 1");
  tamper("UPDATE epochs SET epoch = 3 WHERE attempt = 2 AND epoch = 0");
  EXPECT_THAT(findings(), ElementsAre("epoch 2 of attempt 2: the epochs before it are missing"));
}

TEST_F(CheckTest, FindsAnAttemptWithoutItsDecision) {
  tamper("DELETE FROM decisions WHERE attempt = 2");
  EXPECT_THAT(findings(), ElementsAre("attempt 2: it has no decision"));
}

TEST_F(CheckTest, FindsAnAttemptThatStoppedWithoutACost) {
  tamper("UPDATE attempts SET cost_j = NULL WHERE id = 1");
  EXPECT_THAT(findings(),
              ElementsAre(HasSubstr("CHECK constraint failed in attempts"),
                          "attempt 1: how it stopped and what it cost are not both known"));
}

TEST_F(CheckTest, FindsAFinishedRecurrenceWhoseLastAttemptRuns) {
  tamper("UPDATE recurrences SET finished = 1 WHERE id = 2");
  EXPECT_THAT(findings(), ElementsAre("recurrence 2: it is finished and its last attempt is not"));
}

TEST_F(CheckTest, FindsAnEndedProcessWithUsagePending) {
  tamper("UPDATE incarnations SET pending_time_ns = 5 WHERE id = 2");
  EXPECT_THAT(findings(), ElementsAre("incarnation 2: it has ended with usage still pending"));
}

TEST_F(CheckTest, FindsASecondUnfinishedRun) {
  tamper(
      "INSERT INTO runs (job, history, recurrences, baseline_runs, started_ns, status) "
      "VALUES (1, 1, 1, 0, 0, 'unfinished')");
  EXPECT_THAT(findings(), ElementsAre("job 1: it has more than one unfinished run"));
}

TEST_F(CheckTest, FindsAnEpochOfAnotherAttemptsProcess) {
  tamper("UPDATE epochs SET incarnation = 1 WHERE attempt = 2 AND epoch = 2");
  EXPECT_THAT(findings(),
              ElementsAre("epoch 2 of attempt 2: it was recorded by a process of another attempt"));
}

TEST_F(CheckTest, FindsAnEpochWrittenAfterItsAttemptWasFinished) {
  tamper(
      "INSERT INTO epochs SELECT attempt, 3, incarnation, metric, train_time_s, "
      "evaluation_time_s, energy_uj, uncertainty_uj, time_ns, provenance, scope, begin_ns, "
      "end_ns, emitted_g FROM epochs WHERE attempt = 1 AND epoch = 2");
  EXPECT_THAT(findings(),
              ElementsAre("attempt 1: it is finished and its epochs are not those it had then"));
}

TEST_F(CheckTest, FindsUsageThatAFinishedAttemptLeftInItsCheckpoint) {
  tamper("UPDATE checkpoints SET carried_energy_uj = 9 WHERE attempt = 1");
  EXPECT_THAT(findings(),
              ElementsAre("attempt 1: it is finished and its checkpoint still carries usage"));
}

TEST_F(CheckTest, FindsNegativeUsage) {
  tamper("UPDATE epochs SET energy_uj = -1 WHERE attempt = 2 AND epoch = 1");
  EXPECT_THAT(findings(), ElementsAre("database file: CHECK constraint failed in epochs"));
}

TEST_F(CheckTest, FindsAWordThatIsNoneOfOurs) {
  tamper("UPDATE runs SET status = 'done'");
  EXPECT_THAT(findings(), ElementsAre("database file: CHECK constraint failed in runs"));
  const auto run = ledger_.last_run(job_.id);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(run.error().message(), HasSubstr("column status holds \"done\""));
}

TEST_F(CheckTest, FindsARowWhoseParentIsGone) {
  tamper("DELETE FROM incarnations WHERE id = 2");
  EXPECT_THAT(findings(),
              ::testing::Each(HasSubstr("refers to a row of incarnations that does not exist")));
  EXPECT_EQ(findings().size(), 3u);  // two epochs and a checkpoint
}

}  // namespace
}  // namespace symbiont::ledger
