#include "symbiont/ledger/ledger.h"

#include <cmath>
#include <limits>

#include "story.h"

namespace symbiont::ledger {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using LedgerTest = Story;

constexpr const char* kCheckpoint = "jobs/digits/attempt-1/checkpoint-0-17";

TEST_F(LedgerTest, GivesBackAJobAsItWasCreated) {
  const Job found = must(ledger_.find_job("digits")).value();
  EXPECT_EQ(found.id, job_.id);
  EXPECT_EQ(found.created, at(0));
  EXPECT_EQ(found.meters, "modelled ±40 %, this process");
  EXPECT_EQ(found.provenance, Provenance::kModelled);
  EXPECT_EQ(found.scope, Scope::kProcess);
  EXPECT_EQ(found.max_power, Watts(35.5));
  EXPECT_EQ(found.seed, 0xfedc'ba98'7654'3210);
  EXPECT_THAT(must(ledger_.jobs()), SizeIs(1));
  EXPECT_FALSE(must(ledger_.find_job("glyphs")));
}

TEST_F(LedgerTest, RefusesASecondJobOfTheSameName) {
  const auto second = ledger_.create_job(some_job("digits"), some_history(), at(1));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(second.error().message(), "create job: there is a job \"digits\"");
}

TEST_F(LedgerTest, StartsLearningAgainAndKeepsTheOldHistory) {
  History next = some_history();
  next.policy = "fresh";
  const History started = must(ledger_.start_history(job_.id, next));
  EXPECT_EQ(started.number, 2);
  EXPECT_EQ(must(ledger_.current_history(job_.id)).id, started.id);
  EXPECT_EQ(must(ledger_.current_history(job_.id)).policy, "fresh");

  // The run of the old history goes on with it.
  EXPECT_EQ(must(ledger_.unfinished_run(job_.id))->history, history_.id);
}

TEST_F(LedgerTest, FindsAnUnfinishedRunAgainAfterItWasOpenedAnew) {
  ledger_ = must(Ledger::open(path()));
  const ledger::Run found = must(ledger_.unfinished_run(job_.id)).value();
  EXPECT_EQ(found.id, run_.id);
  EXPECT_EQ(found.recurrences, 5);
  EXPECT_EQ(found.baseline_runs, 2);
  EXPECT_EQ(found.started, at(1));
  EXPECT_FALSE(found.finished);

  const auto second = ledger_.begin_run(job_.id, history_.id, 1, 0, at(2));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kFailedPrecondition);
}

TEST_F(LedgerTest, BeginsANewRunOnceTheLastIsFinished) {
  must(ledger_.finish_run(run_.id, RunStatus::kUnreached, at(9)));
  EXPECT_FALSE(must(ledger_.unfinished_run(job_.id)));
  EXPECT_EQ(must(ledger_.last_run(job_.id))->status, RunStatus::kUnreached);
  EXPECT_EQ(must(ledger_.find_run(run_.id))->finished, at(9));

  const ledger::Run next = must(ledger_.begin_run(job_.id, history_.id, 1, 0, at(10)));
  EXPECT_EQ(must(ledger_.last_run(job_.id))->id, next.id);
  EXPECT_THAT(must(ledger_.runs(job_.id)), SizeIs(2));
  EXPECT_EQ(ledger_.finish_run(run_.id, RunStatus::kFinished, at(11)).error().code(),
            ErrorCode::kFailedPrecondition);
}

TEST_F(LedgerTest, RefusesToFinishARunAsUnfinished) {
  const auto refused = ledger_.finish_run(run_.id, RunStatus::kUnfinished, at(9));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(must(ledger_.unfinished_run(job_.id)));
}

TEST_F(LedgerTest, GivesBackADecisionAsItWasTaken) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Attempt found = only_attempt().attempt;
  EXPECT_EQ(found.id, attempt.id);
  EXPECT_EQ(found.try_index, 1);
  EXPECT_EQ(found.batch_size, 64);
  EXPECT_EQ(found.learning_rate, 0.05);
  EXPECT_EQ(found.max_epochs, 20);
  EXPECT_EQ(found.seed, ~std::uint64_t{0});
  EXPECT_EQ(found.cost_bound, Joules(123.5));
  EXPECT_EQ(found.why, R"({"stage":"sampling"})");
  EXPECT_FALSE(found.stopped);
  EXPECT_FALSE(found.cost);
}

TEST_F(LedgerTest, CountsRecurrencesOverTheJobsLifeAndBaselineApart) {
  const auto finish = [&](const Attempt& attempt) {
    must(ledger_.finish_attempt(result(attempt.id)));
  };
  finish(must(ledger_.decide(decision())));
  finish(must(ledger_.decide(decision(RecurrenceKind::kBaseline))));
  finish(must(ledger_.decide(decision())));
  must(ledger_.finish_run(run_.id, RunStatus::kFinished, at(5)));
  run_ = must(ledger_.begin_run(job_.id, history_.id, 1, 1, at(6)));
  finish(must(ledger_.decide(decision())));
  finish(must(ledger_.decide(decision(RecurrenceKind::kBaseline))));

  const auto records = must(ledger_.recurrences_of_run(run_.id));
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].recurrence.index, 3);
  EXPECT_EQ(records[0].recurrence.kind, RecurrenceKind::kTuned);
  EXPECT_EQ(records[1].recurrence.index, 2);
  EXPECT_EQ(records[1].recurrence.kind, RecurrenceKind::kBaseline);
  EXPECT_EQ(must(ledger_.count_recurrences(job_.id, RecurrenceKind::kTuned)), 3);
  EXPECT_EQ(must(ledger_.count_recurrences(job_.id, RecurrenceKind::kBaseline)), 2);
}

TEST_F(LedgerTest, GivesARecurrenceItsNextTryOnlyWhenTheLastHasStopped) {
  const Attempt first = must(ledger_.decide(decision()));
  const auto early = ledger_.decide(decision(RecurrenceKind::kTuned, first.recurrence));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code(), ErrorCode::kFailedPrecondition);

  must(ledger_.finish_attempt(result(first.id, false)));
  const Attempt second = must(ledger_.decide(decision(RecurrenceKind::kTuned, first.recurrence)));
  EXPECT_EQ(second.recurrence, first.recurrence);
  EXPECT_EQ(second.try_index, 2);

  must(ledger_.finish_attempt(result(second.id)));
  EXPECT_EQ(ledger_.decide(decision(RecurrenceKind::kTuned, first.recurrence)).error().code(),
            ErrorCode::kFailedPrecondition);
  const auto records = must(ledger_.recurrences_of_run(run_.id));
  EXPECT_TRUE(records.at(0).recurrence.finished);
  EXPECT_TRUE(records.at(0).recurrence.reached);
  EXPECT_EQ(records.at(0).attempts.at(0).attempt.stopped, Stopped::kBound);
  EXPECT_EQ(records.at(0).attempts.at(1).attempt.cost, Joules(17.25));
}

TEST_F(LedgerTest, KeepsAPolicysStateTogetherWithWhatItDecidedAndObserved) {
  Decision first = decision();
  first.policy = "policy 1";
  first.draws = "draws 1";
  const Attempt attempt = must(ledger_.decide(first));
  EXPECT_EQ(must(ledger_.current_history(job_.id)).policy, "policy 1");
  EXPECT_EQ(must(ledger_.current_history(job_.id)).draws, "draws 1");

  // Refused as a whole: the attempt still runs, so neither a try nor a state is stored.
  Decision early = decision(RecurrenceKind::kTuned, attempt.recurrence);
  early.policy = "policy 2";
  EXPECT_FALSE(ledger_.decide(early));
  AttemptResult impossible = result(attempt.id);
  impossible.cost = Joules(-1);
  impossible.policy = "policy 3";
  EXPECT_EQ(ledger_.finish_attempt(impossible).error().code(), ErrorCode::kInvalidArgument);
  impossible.cost = Joules(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(ledger_.finish_attempt(impossible).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(must(ledger_.current_history(job_.id)).policy, "policy 1");
  EXPECT_FALSE(only_attempt().attempt.stopped);

  AttemptResult observed = result(attempt.id);
  observed.policy = "policy 4";
  observed.draws = "draws 4";
  must(ledger_.finish_attempt(observed));
  EXPECT_EQ(must(ledger_.current_history(job_.id)).policy, "policy 4");
  EXPECT_EQ(must(ledger_.current_history(job_.id)).draws, "draws 4");
  EXPECT_EQ(ledger_.finish_attempt(observed).error().code(), ErrorCode::kFailedPrecondition);
}

TEST_F(LedgerTest, LeavesThePolicyAloneForABaseline) {
  const Attempt attempt = must(ledger_.decide(decision(RecurrenceKind::kBaseline)));
  must(ledger_.finish_attempt(result(attempt.id)));
  EXPECT_EQ(must(ledger_.current_history(job_.id)).policy, "policy 0");
  EXPECT_EQ(must(ledger_.current_history(job_.id)).draws, "draws 0");
}

TEST_F(LedgerTest, WritesAnEpochOnceAndBooksItsRerunAsLost) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation first = must(ledger_.begin_incarnation(attempt.id, at(2)));
  EXPECT_TRUE(must(ledger_.record_epoch(attempt.id, first.id, epoch(1, 1000))));
  EXPECT_TRUE(must(ledger_.record_epoch(attempt.id, first.id, epoch(2, 2000))));
  must(ledger_.end_incarnation(first.id, "failed: gone", spent(70)));

  const Incarnation second = must(ledger_.begin_incarnation(attempt.id, at(3)));
  EXPECT_FALSE(must(ledger_.record_epoch(attempt.id, second.id, epoch(2, 2500))));
  EXPECT_TRUE(must(ledger_.record_epoch(attempt.id, second.id, epoch(3, 3000))));

  const AttemptRecord record = only_attempt();
  ASSERT_THAT(record.epochs, SizeIs(3));
  EXPECT_EQ(record.epochs[1].usage, spent(2000));
  EXPECT_EQ(record.incarnations[0].lost, spent(70));
  EXPECT_EQ(record.incarnations[1].lost, spent(2500));
  EXPECT_EQ(record.incarnations[1].number, 2);
}

TEST_F(LedgerTest, GivesBackAnEpochToTheLastDigit) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
  Epoch written = epoch(1, 123'456'789'012'345);
  written.metric = 0.1 + 0.2;
  written.begin += std::chrono::nanoseconds(1);
  must(ledger_.record_epoch(attempt.id, process.id, written));
  Epoch bare = epoch(2, 1);
  bare.metric = std::numeric_limits<double>::quiet_NaN();
  bare.emitted.reset();
  must(ledger_.record_epoch(attempt.id, process.id, bare));

  const AttemptRecord record = only_attempt();
  const Epoch& read = record.epochs.at(0);
  EXPECT_EQ(read.metric, 0.1 + 0.2);
  EXPECT_EQ(read.usage, written.usage);
  EXPECT_EQ(read.begin, written.begin);
  EXPECT_EQ(read.end, written.end);
  EXPECT_EQ(read.train_seconds, 1.25);
  EXPECT_EQ(read.evaluation_seconds, 0.25);
  EXPECT_EQ(read.emitted, GramsCo2(0.125));
  EXPECT_TRUE(std::isnan(record.epochs.at(1).metric));
  EXPECT_FALSE(record.epochs.at(1).emitted);
}

TEST_F(LedgerTest, RefusesAnEpochThatLeavesAGapOrComesTooLate) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
  const auto gap = ledger_.record_epoch(attempt.id, process.id, epoch(2, 10));
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(gap.error().message(), "record epoch: epoch 2 cannot follow epoch 0");

  must(ledger_.finish_attempt(result(attempt.id)));
  EXPECT_EQ(ledger_.record_epoch(attempt.id, process.id, epoch(1, 10)).error().code(),
            ErrorCode::kFailedPrecondition);
  must(ledger_.end_incarnation(process.id, "stopped", Usage{}));
  EXPECT_EQ(ledger_.record_pending(process.id, spent(1)).error().code(),
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(ledger_.begin_incarnation(attempt.id, at(3)).error().code(),
            ErrorCode::kFailedPrecondition);
}

TEST_F(LedgerTest, SaysWhatDoesNotExist) {
  EXPECT_EQ(ledger_.begin_incarnation(99, at(2)).error().message(),
            "begin incarnation: there is no attempt 99");
  EXPECT_EQ(ledger_.record_startup(99, spent(1)).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(ledger_.finish_run(99, RunStatus::kFinished, at(2)).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(ledger_.current_history(99).error().code(), ErrorCode::kNotFound);
  Decision orphan = decision();
  orphan.history = 99;
  EXPECT_EQ(ledger_.decide(orphan).error().code(), ErrorCode::kNotFound);
}

TEST_F(LedgerTest, MovesWhatACheckpointCarriesIntoTheEpochItBelongsTo) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
  must(ledger_.record_pending(process.id, spent(30)));
  must(ledger_.record_checkpoint(attempt.id, process.id,
                                 {kCheckpoint, 0, 17, spent(30), GramsCo2(0.25)}));
  EXPECT_EQ(only_attempt().incarnations.at(0).pending, Usage{});
  EXPECT_EQ(only_attempt().checkpoint->carried, spent(30));
  EXPECT_EQ(only_attempt().checkpoint->carried_emitted, GramsCo2(0.25));
  EXPECT_EQ(only_attempt().checkpoint->position, 17);

  must(ledger_.record_epoch(attempt.id, process.id, epoch(1, 100)));
  EXPECT_EQ(only_attempt().checkpoint->carried, Usage{});
  EXPECT_EQ(only_attempt().checkpoint->carried_emitted, GramsCo2(0));
  EXPECT_EQ(only_attempt().checkpoint->path, kCheckpoint);
}

TEST_F(LedgerTest, BooksWhatACheckpointStillCarriesAsLostWhenTheAttemptEnds) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
  must(ledger_.record_checkpoint(attempt.id, process.id, {kCheckpoint, 0, 17, spent(30)}));
  must(ledger_.end_incarnation(process.id, "failed: gone", spent(12)));
  must(ledger_.finish_attempt(result(attempt.id)));
  EXPECT_EQ(only_attempt().incarnations.at(0).lost, spent(30) + spent(12));
  EXPECT_THAT(must(ledger_.check()), IsEmpty());
}

TEST_F(LedgerTest, BuriesTheDeadOnce) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation dead = must(ledger_.begin_incarnation(attempt.id, at(2)));
  must(ledger_.record_startup(dead.id, spent(5)));
  must(ledger_.record_epoch(attempt.id, dead.id, epoch(1, 100)));
  must(ledger_.record_pending(dead.id, spent(40)));

  ledger_ = must(Ledger::open(path()));
  EXPECT_EQ(must(ledger_.bury_dead_incarnations(run_.id)), 1);
  EXPECT_EQ(must(ledger_.bury_dead_incarnations(run_.id)), 0);

  const Incarnation buried = only_attempt().incarnations.at(0);
  EXPECT_TRUE(buried.ended);
  EXPECT_EQ(buried.how, "killed");
  EXPECT_EQ(buried.startup, spent(5));
  EXPECT_EQ(buried.pending, Usage{});
  EXPECT_EQ(buried.lost, spent(40));
  EXPECT_THAT(must(ledger_.check()), IsEmpty());
}

TEST_F(LedgerTest, NeverAddsUsageOfDifferentScopes) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
  must(ledger_.record_epoch(attempt.id, process.id, epoch(1, 100)));
  must(ledger_.record_epoch(attempt.id, process.id, epoch(1, 100)));
  Usage other = spent(7);
  other.scope = Scope::kMachine;
  EXPECT_EQ(ledger_.end_incarnation(process.id, "stopped", other).error().code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(LedgerTest, CountsInfrastructureFailuresOfAnAttempt) {
  const Attempt attempt = must(ledger_.decide(decision()));
  EXPECT_EQ(must(ledger_.count_failure(attempt.id, "killed by signal 9 (Killed)")), 1);
  EXPECT_EQ(must(ledger_.count_failure(attempt.id, "no answer for 60 s")), 2);
  EXPECT_EQ(only_attempt().attempt.failures, 2);
  EXPECT_EQ(only_attempt().attempt.reason, "no answer for 60 s");
  EXPECT_FALSE(only_attempt().attempt.stopped);
}

TEST_F(LedgerTest, TellsWhatEpochsUsedInEachAttemptAtABatchSize) {
  EXPECT_TRUE(must(ledger_.epoch_usages(history_.id, 64)).empty());
  const auto train = [&](std::vector<std::int64_t> energies) {
    const Attempt attempt = must(ledger_.decide(decision()));
    const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
    std::int64_t index = 0;
    for (const std::int64_t energy : energies) {
      must(ledger_.record_epoch(attempt.id, process.id, epoch(++index, energy)));
    }
    must(ledger_.end_incarnation(process.id, "stopped", Usage{}));
    must(ledger_.finish_attempt(result(attempt.id)));
  };
  train({9000, 9000});
  train({1000, 2000, 3000});
  train({});
  EXPECT_EQ(must(ledger_.epoch_usages(history_.id, 64)),
            (std::vector<Usage>{spent(9000), spent(2000)}));
  EXPECT_TRUE(must(ledger_.epoch_usages(history_.id, 128)).empty());
  const History next = must(ledger_.start_history(job_.id, some_history()));
  EXPECT_TRUE(must(ledger_.epoch_usages(next.id, 64)).empty());
}

TEST_F(LedgerTest, ExportsEveryRowAsALineOfJson) {
  const Attempt attempt = must(ledger_.decide(decision()));
  const Incarnation process = must(ledger_.begin_incarnation(attempt.id, at(2)));
  Epoch unmeasured = epoch(1, 100);
  unmeasured.metric = std::numeric_limits<double>::quiet_NaN();
  must(ledger_.record_epoch(attempt.id, process.id, unmeasured));
  std::vector<std::string> lines;
  must(ledger_.export_lines([&](std::string_view line) -> Result<void> {
    lines.emplace_back(line);
    return {};
  }));
  EXPECT_THAT(lines, ElementsAre(HasSubstr(R"("table":"jobs","id":1,"name":"digits")"),
                                 HasSubstr(R"("policy":"policy 0")"), HasSubstr(R"("runs")"),
                                 HasSubstr(R"("recurrences")"),
                                 HasSubstr(R"("seed":"18446744073709551615")"),
                                 HasSubstr(R"("why":"{\"stage\":\"sampling\"}")"),
                                 HasSubstr(R"("incarnations")"), HasSubstr(R"("metric":null)")));
}

TEST_F(LedgerTest, StopsExportingWhenTheLinesHaveNowhereToGo) {
  const auto exported = ledger_.export_lines(
      [](std::string_view) { return Result<void>(fail(ErrorCode::kResourceExhausted, "full")); });
  ASSERT_FALSE(exported);
  EXPECT_EQ(exported.error().message(), "export ledger: full");
}

}  // namespace
}  // namespace symbiont::ledger
