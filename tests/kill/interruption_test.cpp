#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "job.h"
#include "reference.h"
#include "resumed.h"
#include "symbiont/base/host.h"
#include "symbiont/ledger/ledger.h"
#include "trace.h"

namespace symbiont::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

/// The process that works for the job, as the ledger has it; nothing while there is none.
std::optional<ledger::Incarnation> working(const Job& job) {
  const auto ledger = ledger::Ledger::open_read_only(job.ledger_path().string());
  const auto jobs = ledger ? ledger->jobs() : std::vector<ledger::Job>();
  if (!jobs || jobs->empty()) {
    return std::nullopt;
  }
  const auto run = ledger->unfinished_run(jobs->front().id);
  if (!run || !*run) {
    return std::nullopt;
  }
  const auto recurrences = ledger->recurrences_of_run((*run)->id);
  if (!recurrences || recurrences->empty()) {
    return std::nullopt;
  }
  const auto& incarnations = recurrences->back().attempts.back().incarnations;
  return incarnations.empty() || incarnations.back().ended ? std::nullopt
                                                           : std::optional(incarnations.back());
}

/// Whether the job's worker comes to work inside an epoch, with most of it still to do.
bool comes_to_work_in_epoch(const Job& job) {
  return wait_until([&] {
    const auto incarnation = working(job);
    return incarnation && incarnation->pending.energy_uj > 0;
  });
}

/// Whether a process has a handler for this signal.
bool catches(pid_t pid, int signal_number) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kCaught = "SigCgt:\t";
    if (line.starts_with(kCaught)) {
      const std::uint64_t mask = std::stoull(line.substr(kCaught.size()), nullptr, 16);
      return ((mask >> (signal_number - 1)) & 1U) != 0;
    }
  }
  return false;
}

nlohmann::json checkpoint_of(const Job& job) {
  const Books books = job.books();
  EXPECT_THAT(books.rows("checkpoints"), SizeIs(1));
  return books.rows("checkpoints").empty() ? nlohmann::json() : books.rows("checkpoints").front();
}

/// Runs the job until its worker is inside the epoch, sends the runner a signal and waits for it.
Ended interrupt(const Job& job, int signal_number) {
  Running runner = job.start();
  EXPECT_TRUE(comes_to_work_in_epoch(job));
  kill(runner.process.pid(), signal_number);
  return runner.end();
}

/// The checkpoint of an interrupted job is inside its first epoch and carries what was spent.
void expect_carried(const Job& job) {
  constexpr std::int64_t kSteps = 2560;
  const nlohmann::json checkpoint = checkpoint_of(job);
  EXPECT_EQ(checkpoint["epoch"], 0);
  EXPECT_GT(checkpoint["position"], 0);
  EXPECT_LT(checkpoint["position"], kSteps);
  EXPECT_EQ(checkpoint["carried_energy_uj"], part_uj(16, 1, checkpoint["position"], kSteps));
  EXPECT_EQ(job.books().lost_uj() + job.books().pending_uj(), 0);
}

class InterruptionOfRunnerBySignal : public ::testing::TestWithParam<int> {};

TEST_P(InterruptionOfRunnerBySignal, SavesACheckpointInsideTheEpochAndLosesNothing) {
  const Job job(Shape::kLongEpoch);
  const Ended interrupted = interrupt(job, GetParam());
  ASSERT_EQ(interrupted.status.describe(), "exit code 5") << interrupted.complaint;
  EXPECT_THAT(interrupted.complaint, HasSubstr("interrupted"));
  expect_sound_ruins(job);
  expect_carried(job);

  const Ended resumed = job.run();
  expect_undisturbed(job, resumed, 0, Shape::kLongEpoch);
  EXPECT_EQ(nlohmann::json::parse(resumed.output)["resumed"], true);
}

std::string name_of_signal(const ::testing::TestParamInfo<int>& signal) {
  return signal.param == SIGINT ? "SIGINT" : "SIGTERM";
}

INSTANTIATE_TEST_SUITE_P(By, InterruptionOfRunnerBySignal, ::testing::Values(SIGINT, SIGTERM),
                         name_of_signal);

TEST(InterruptionOfRunner, TwiceInTheSameEpochLosesNothing) {
  const Job job(Shape::kLongEpoch);
  ASSERT_EQ(interrupt(job, SIGINT).status.describe(), "exit code 5");
  const std::int64_t first = checkpoint_of(job)["position"];
  ASSERT_EQ(interrupt(job, SIGINT).status.describe(), "exit code 5");
  EXPECT_GT(checkpoint_of(job)["position"], first);
  expect_carried(job);
  expect_undisturbed(job, job.run(), 0, Shape::kLongEpoch);
}

TEST(InterruptionOfRunner, ThenAKillLosesOnlyWhatCameAfterTheCheckpoint) {
  const Job job(Shape::kLongEpoch);
  ASSERT_EQ(interrupt(job, SIGINT).status.describe(), "exit code 5");
  const std::int64_t position = checkpoint_of(job)["position"];
  job.run(Death{"train.lease.granted", 2});
  ASSERT_TRUE(job.has_died());
  expect_sound_ruins(job);

  constexpr std::int64_t kSteps = 2560;
  const std::int64_t lost = part_uj(16, 1, position + 1, kSteps) - part_uj(16, 1, position, kSteps);
  EXPECT_EQ(job.books().pending_uj(), lost);
  expect_undisturbed(job, job.run(), lost, Shape::kLongEpoch);
}

TEST(InterruptionOfRunner, TwiceAtOnceKills) {
  const Job job(Shape::kLongEpoch);
  Running runner = job.start();
  ASSERT_TRUE(comes_to_work_in_epoch(job));
  for (const pid_t worker : job.workers()) {
    kill(worker, SIGSTOP);  // so that it saves no checkpoint
  }
  kill(runner.process.pid(), SIGINT);
  ASSERT_TRUE(wait_until([&] { return !catches(runner.process.pid(), SIGINT); }));
  kill(runner.process.pid(), SIGINT);
  EXPECT_EQ(runner.end().status.signal, SIGINT);
  expect_sound_ruins(job);
  EXPECT_TRUE(job.books().rows("checkpoints").empty());

  const std::int64_t lost = job.books().pending_uj();
  EXPECT_GT(lost, 0);
  expect_undisturbed(job, job.run(), lost, Shape::kLongEpoch);
}

TEST(StoppedRunner, KeepsItsJob) {
  const Job job;
  Running runner = job.start();
  ASSERT_TRUE(wait_until([&] { return working(job).has_value(); }));
  kill(runner.process.pid(), SIGSTOP);
  const Ended second = job.run();
  EXPECT_EQ(second.status.describe(), "exit code 1");
  EXPECT_THAT(second.complaint, HasSubstr("pid " + std::to_string(runner.process.pid())));
  EXPECT_THAT(second.complaint, HasSubstr("on host " + host_name()));
  EXPECT_EQ(second.output, "");
  kill(runner.process.pid(), SIGCONT);
  expect_undisturbed(job, runner.end(), 0);
}

}  // namespace
}  // namespace symbiont::testing
