#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "job.h"
#include "reference.h"
#include "resumed.h"
#include "trace.h"

namespace symbiont::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

/// Runners of one job that die one after the other, the first perhaps after a worker of its own
/// did, and what that costs; unknown where it depends on how busy the machine is.
struct Story {
  std::vector<Death> deaths;
  std::optional<std::int64_t> lost_uj;
  std::optional<Death> worker = {};
};

std::string name_of(const Death& death) {
  std::string name = death.failpoint + "_" + std::to_string(death.count);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

std::string name_of(const Story& story) {
  std::string name = story.worker ? name_of(*story.worker) : "";
  for (const Death& death : story.deaths) {
    name += (name.empty() ? "" : "_then_") + name_of(death);
  }
  return name;
}

std::ostream& operator<<(std::ostream& stream, const Story& story) {
  return stream << name_of(story);
}

std::string name_of_parameter(const ::testing::TestParamInfo<Story>& info) {
  return name_of(info.param);
}

/// Part of an epoch of the first attempt, whose epochs have 16 steps. Its first lease is one step,
/// the others are two, but for the last of the first epoch.
std::int64_t steps(std::int64_t count, std::int64_t epoch = 1) {
  return part_uj(128, epoch, count, 16);
}

std::int64_t whole(std::int64_t epoch) {
  return epoch_uj(128, epoch);
}

class Kill : public ::testing::TestWithParam<Story> {};

// --- Runners that die in the middle of a run ----------------------------------------------------

class KillOfRunner : public Kill {};

TEST_P(KillOfRunner, ChangesNothingButTheEnergyLost) {
  const Story& story = GetParam();
  Job job;
  if (story.worker) {
    job.kill_worker(*story.worker);
  }
  for (const Death& death : story.deaths) {
    const Ended dead = job.run(death);
    ASSERT_TRUE(job.has_died()) << name_of(death) << ": " << dead.complaint;
    ASSERT_EQ(dead.status.signal, SIGKILL);
    expect_sound_ruins(job);
  }
  EXPECT_TRUE(!story.worker || job.worker_has_died());
  const Books ruins = job.books();
  const std::int64_t lost_uj =
      ruins.lost_uj() + ruins.pending_uj() +
      ruins.to_repeat_uj(reference().books, job.has_weights(ruins.open_attempt()));
  EXPECT_EQ(story.lost_uj.value_or(lost_uj), lost_uj);
  job.age_litter();

  const Ended healed = job.run();
  expect_undisturbed(job, healed, lost_uj);
  EXPECT_THAT(job.checkpoints(), IsEmpty());
  EXPECT_EQ(nlohmann::json::parse(healed.output)["resumed"], ruins.has_unfinished_run());
}

INSTANTIATE_TEST_SUITE_P(BeforeTheFirstAttempt, KillOfRunner,
                         ::testing::Values(Story{{{"ledger.acquire_lease.before"}}, 0},
                                           Story{{{"ledger.acquire_lease.after"}}, 0},
                                           Story{{{"ledger.create_job.before"}}, 0},
                                           Story{{{"ledger.create_job.after"}}, 0},
                                           Story{{{"ledger.begin_run.before"}}, 0},
                                           Story{{{"ledger.begin_run.after"}}, 0},
                                           Story{{{"ledger.decide.before"}}, 0},
                                           Story{{{"ledger.decide.after"}}, 0}),
                         name_of_parameter);

INSTANTIATE_TEST_SUITE_P(InTheFirstEpoch, KillOfRunner,
                         ::testing::Values(Story{{{"ledger.begin_incarnation.before"}}, 0},
                                           Story{{{"ledger.begin_incarnation.after"}}, 0},
                                           Story{{{"train.worker.spawned"}}, 0},
                                           Story{{{"ledger.record_startup.before"}}, 0},
                                           Story{{{"ledger.record_startup.after"}}, 0},
                                           Story{{{"train.lease.granted", 1}}, 0},
                                           Story{{{"train.lease.granted", 2}}, steps(1)},
                                           Story{{{"train.lease.granted", 5}}, steps(7)},
                                           Story{{{"train.lease.granted", 9}}, steps(15)},
                                           Story{{{"ledger.record_pending.before", 3}}, {}},
                                           Story{{{"ledger.record_pending.after", 3}}, {}},
                                           Story{{{"train.epoch.received"}}, whole(1)}),
                         name_of_parameter);

INSTANTIATE_TEST_SUITE_P(BetweenEpochs, KillOfRunner,
                         ::testing::Values(Story{{{"ledger.record_epoch.before"}}, whole(1)},
                                           Story{{{"ledger.record_epoch.after"}}, whole(1)},
                                           Story{{{"train.checkpoint.requested"}}, whole(1)},
                                           Story{{{"train.checkpoint.saved"}}, whole(1)},
                                           Story{{{"ledger.record_checkpoint.before"}}, whole(1)},
                                           Story{{{"ledger.record_checkpoint.after"}}, 0},
                                           Story{{{"train.lease.granted", 10}}, 0},
                                           Story{{{"train.lease.granted", 13}}, steps(6, 2)},
                                           Story{{{"train.epoch.received", 2}}, whole(2)},
                                           Story{{{"ledger.record_epoch.after", 2}}, whole(2)},
                                           Story{{{"train.checkpoint.saved", 2}}, whole(2)}),
                         name_of_parameter);

INSTANTIATE_TEST_SUITE_P(
    AroundTheEndOfAnAttempt, KillOfRunner,
    ::testing::Values(
        Story{{{"train.stop.sent"}}, {}}, Story{{{"ledger.end_incarnation.before"}}, 0},
        Story{{{"ledger.end_incarnation.after"}}, 0}, Story{{{"ledger.finish_attempt.before"}}, 0},
        Story{{{"ledger.finish_attempt.after"}}, 0}, Story{{{"jobs.attempt.finished"}}, 0},
        Story{{{"ledger.decide.before", 2}}, 0},  // of the baseline run
        Story{{{"ledger.decide.after", 2}}, 0}, Story{{{"ledger.finish_attempt.before", 2}}, 0},
        Story{{{"ledger.finish_attempt.after", 2}}, 0}, Story{{{"ledger.decide.after", 3}}, 0},
        Story{{{"train.worker.spawned", 3}}, 0},
        Story{{{"train.stop.sent", 3}}, 0},  // by the cost bound
        Story{{{"ledger.finish_attempt.before", 3}}, 0},
        Story{{{"ledger.finish_attempt.after", 3}}, 0}, Story{{{"jobs.attempt.finished", 3}}, 0},
        Story{{{"ledger.decide.before", 4}}, 0},  // of the second try
        Story{{{"ledger.decide.after", 4}}, 0}, Story{{{"ledger.finish_run.before"}}, 0}),
    name_of_parameter);

INSTANTIATE_TEST_SUITE_P(
    Twice, KillOfRunner,
    ::testing::Values(
        Story{{{"train.lease.granted", 5}, {"train.lease.granted", 3}}, steps(7) + steps(3)},
        Story{{{"train.lease.granted", 13}, {"train.lease.granted", 3}}, steps(6, 2) + steps(3, 2)},
        Story{{{"train.lease.granted", 5}, {"ledger.bury_dead_incarnations.before"}}, steps(7)},
        Story{{{"train.lease.granted", 5}, {"ledger.bury_dead_incarnations.after"}}, steps(7)},
        Story{{{"ledger.record_epoch.after"}, {"ledger.record_epoch.before"}}, 2 * whole(1)},
        Story{{{"ledger.record_epoch.after"}, {"ledger.record_epoch.after"}}, 2 * whole(1)},
        Story{{{"ledger.finish_attempt.after", 3}, {"train.worker.spawned"}}, 0}),
    name_of_parameter);

INSTANTIATE_TEST_SUITE_P(
    AfterAWorker, KillOfRunner,
    ::testing::Values(
        Story{{{"ledger.count_failure.before"}}, steps(3), Death{"worker.lease.middle", 3}},
        Story{{{"ledger.count_failure.after"}}, steps(3), Death{"worker.lease.middle", 3}},
        Story{{{"ledger.begin_incarnation.before", 2}}, whole(1), Death{"worker.save.renamed"}},
        Story{{{"ledger.record_epoch.after", 2}}, 2 * whole(1), Death{"worker.save.begin"}}),
    name_of_parameter);

// --- Runners that die when all is done ----------------------------------------------------------

class KillOfRunnerAtTheEnd : public Kill {};

TEST_P(KillOfRunnerAtTheEnd, LeavesAFinishedRunThatTheNextOneGoesOnFrom) {
  Job job;
  job.run(GetParam().deaths.front());
  ASSERT_TRUE(job.has_died());
  expect_sound_ruins(job);
  const std::vector<std::string> finished = job.books().lasting();
  EXPECT_EQ(finished, reference().books.lasting());

  const Ended next = job.run({}, {"--recurrences", "1"});
  ASSERT_EQ(next.status.describe(), "exit code 0") << next.complaint;
  const nlohmann::json summary = nlohmann::json::parse(next.output);
  EXPECT_EQ(summary["resumed"], false);
  EXPECT_EQ(summary["run"], 2);
  EXPECT_EQ(summary["recurrences"][0]["index"], 4);
  std::vector<std::string> first_run = finished;
  std::erase_if(first_run, [](const std::string& row) {
    return row.find(R"("table":"histories")") != row.npos;  // goes on learning
  });
  EXPECT_THAT(job.books().lasting(), IsSupersetOf(first_run));
}

INSTANTIATE_TEST_SUITE_P(InItsLastWrites, KillOfRunnerAtTheEnd,
                         ::testing::Values(Story{{{"ledger.finish_run.after"}}, 0},
                                           Story{{{"ledger.release_lease.before"}}, 0},
                                           Story{{{"ledger.release_lease.after"}}, 0}),
                         name_of_parameter);

// --- Runners that die while learning starts anew -------------------------------------------------

class KillOfRestart : public Kill {};

TEST_P(KillOfRestart, LeavesALedgerInWhichLearningCanBeRestartedAgain) {
  const std::vector<std::string> restart = {"--restart-learning", "--recurrences", "1"};
  const Story& story = GetParam();
  Job job;
  job.run(story.deaths.front());
  ASSERT_TRUE(job.has_died());
  job.run(story.deaths.back(), restart);
  ASSERT_TRUE(job.has_died());
  expect_sound_ruins(job);

  const Ended next = job.run({}, restart);
  ASSERT_EQ(next.status.describe(), "exit code 0") << next.complaint;
  expect_sound_ruins(job);
  const Books books = job.books();
  ASSERT_THAT(books.rows("runs"), SizeIs(2));
  EXPECT_EQ(books.rows("runs").front()["status"], "failed");
  EXPECT_EQ(books.rows("runs").back()["status"], "finished");
  EXPECT_EQ(books.lost_uj(), story.lost_uj);
  EXPECT_EQ(books.pending_uj(), 0);
  EXPECT_THAT(job.checkpoints(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    InTheMiddleOfARun, KillOfRestart,
    ::testing::Values(Story{{{"train.lease.granted", 5}, {"ledger.start_history.before"}},
                            steps(7)},
                      Story{{{"train.lease.granted", 5}, {"ledger.start_history.after"}}, steps(7)},
                      Story{{{"train.lease.granted", 5}, {"ledger.finish_run.before"}}, steps(7)},
                      Story{{{"train.lease.granted", 10}, {"ledger.finish_run.after"}}, 0}),
    name_of_parameter);

// --- Homes that are somewhere else when the run goes on ------------------------------------------

/// Every file below a folder and its bytes.
std::map<std::string, std::string> content(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      std::ifstream stream(entry.path(), std::ios::binary);
      files[entry.path()] = {std::istreambuf_iterator<char>(stream), {}};
    }
  }
  return files;
}

TEST(HomeOfAKilledRun, MayBeMoved) {
  Job job;
  job.run(Death{"train.lease.granted", 13});
  ASSERT_TRUE(job.has_died());
  ASSERT_THAT(job.checkpoints(), SizeIs(1));
  expect_sound_ruins(job);
  job.age_litter();
  job.move_home();
  expect_undisturbed(job, job.run(), steps(6, 2));
}

TEST(HomeOfAKilledRun, MayBeCopiedAndStaysAsItIs) {
  Job job;
  job.run(Death{"train.lease.granted", 13});
  ASSERT_TRUE(job.has_died());
  expect_sound_ruins(job);
  job.age_litter();
  const std::filesystem::path original = job.copy_home();
  const auto before = content(original);
  expect_undisturbed(job, job.run(), steps(6, 2));
  EXPECT_EQ(content(original), before);
}

// --- Workers ------------------------------------------------------------------------------------

class KillOfWorker : public Kill {};

TEST_P(KillOfWorker, IsSurvivedByTheRunner) {
  const Story& story = GetParam();
  Job job;
  job.kill_worker(*story.worker);
  const Ended run = job.run();
  ASSERT_TRUE(job.worker_has_died());
  expect_undisturbed(job, run, story.lost_uj.value());
  EXPECT_EQ(nlohmann::json::parse(run.output)["resumed"], false);
  EXPECT_EQ(job.books().rows("attempts").front()["failures"], 1);
}

INSTANTIATE_TEST_SUITE_P(InEveryStateOfIts, KillOfWorker,
                         ::testing::Values(Story{{}, 0, Death{"worker.lease.middle", 1}},
                                           Story{{}, steps(3), Death{"worker.lease.middle", 3}},
                                           Story{{}, steps(15), Death{"worker.lease.middle", 9}},
                                           Story{{}, steps(2, 2), Death{"worker.lease.middle", 11}},
                                           Story{{}, whole(1), Death{"worker.epoch.sent"}},
                                           Story{{}, whole(2), Death{"worker.epoch.sent", 2}},
                                           Story{{}, whole(1), Death{"worker.save.begin"}},
                                           Story{{}, whole(2), Death{"worker.save.begin", 2}},
                                           Story{{}, whole(1), Death{"worker.save.middle"}},
                                           Story{{}, whole(2), Death{"worker.save.middle", 2}},
                                           Story{{}, whole(1), Death{"worker.save.renamed"}},
                                           Story{{}, whole(2), Death{"worker.save.renamed", 2}},
                                           Story{
                                               {}, whole(3), Death{"worker.stop.before_weights"}}),
                         name_of_parameter);

}  // namespace
}  // namespace symbiont::testing
