#include "symbiont/jobs/runner.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbiont/base/host.h"
#include "temporary_directory.h"

namespace symbiont::jobs {
namespace {

using ledger::RecurrenceKind;
using ledger::Stopped;
using ::testing::HasSubstr;
using ::testing::Not;

/// The epochs of 16 cost 8 J, those of 32 4 J, those of 64 2 J, each 1 s.
constexpr std::string_view kTrace =
    "batch_size,epoch,time_s,energy_j\n16,1,1,8\n32,1,1,4\n64,1,1,2\n";

/// A job on a table of 128 rows with real worker processes that train nothing (scripted_worker) and
/// a replayed meter, so that every decision is exact.
class JobRun : public ::testing::Test {
 protected:
  JobRun() {
    write("trace.csv", std::string(kTrace));
    std::string rows = "x,label\n";
    for (int i = 0; i < 160; ++i) {
      rows += std::to_string(i) + "," + std::to_string(i % 2) + "\n";
    }
    write("rows.csv", rows);
    worker("--epochs-needed=16=3,32=3,64=3");
    options_.home = folder_ / "home";
    options_.trainer = folder_ / "trainer";
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }

  /// The trainer ignores what a real one is told and behaves as `script` says.
  void worker(const std::string& script) {
    write("trainer", "#!/bin/sh\nexec " + (executable_directory() / "scripted_worker").string() +
                         " --samples=128 --target=0.9 " + script + "\n");
    std::filesystem::permissions(folder_ / "trainer", std::filesystem::perms::owner_all);
  }

  JobSpec spec(const std::string& extra_job = "") {
    const std::string text =
        "[job]\nname = \"scripted\"\nrecurrences = 4\nmax_epochs = 6\n"
        "target = {value = 0.9}\n" +
        extra_job + "[data]\nset = \"csv:rows.csv\"\n" +
        "[train]\nmodel = \"mlp\"\noptimizer = \"adam\"\n"
        "learning_rate = 0.1\nbatch_size = 32\nbatch_sizes = [16, 32, 64]\n" +
        "[energy]\nmeters = [\"replay:trace.csv\"]\n";
    auto parsed = parse_job_file(text, folder_ / "job.toml");
    EXPECT_TRUE(parsed) << parsed.error().message();
    return *parsed;
  }

  Result<RunOutcome> run(const JobSpec& job) { return run_job(job, options_, listener_); }

  std::vector<ledger::RecurrenceRecord> recorded(ledger::Id run) {
    auto ledger = ledger::Ledger::open_read_only(ledger_path(options_.home).string());
    EXPECT_TRUE(ledger) << ledger.error().message();
    const auto findings = ledger->check();
    EXPECT_TRUE(findings && findings->empty());
    return *ledger->recurrences_of_run(run);
  }

  /// Batch sizes of the attempts of the recurrences of a kind, in order.
  static std::vector<std::int64_t> sizes(const std::vector<ledger::RecurrenceRecord>& records,
                                         RecurrenceKind kind) {
    std::vector<std::int64_t> sizes;
    for (const auto& record : records) {
      for (const auto& attempt : record.attempts) {
        if (record.recurrence.kind == kind) {
          sizes.push_back(attempt.attempt.batch_size);
        }
      }
    }
    return sizes;
  }

  /// What the workers of a run started their generators from, in order.
  std::vector<std::uint64_t> seeds(ledger::Id run) {
    std::vector<std::uint64_t> seeds;
    for (const auto& record : recorded(run)) {
      for (const auto& attempt : record.attempts) {
        seeds.push_back(attempt.attempt.seed);
      }
    }
    return seeds;
  }

  testing::TemporaryDirectory folder_;
  RunOptions options_;
  RunListener listener_;
};

// Costs are 0.5 E + 0.5 MAXPOWER T with MAXPOWER = 8 W: 16: 8 J an epoch, 32: 6 J, 64: 5 J.
TEST_F(JobRun, WalksTheBatchSizesFromTheDefaultAndChargesEachTruthfully) {
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->kind, RunOutcome::Kind::kFinished);
  const auto records = recorded(outcome->run);
  EXPECT_EQ(sizes(records, RecurrenceKind::kTuned), (std::vector<std::int64_t>{32, 16, 64, 64}));
  const ledger::AttemptRecord& first = records.front().attempts.front();
  EXPECT_EQ(first.epochs.size(), 3U);
  EXPECT_EQ(first.epochs.front().usage.energy_uj, 4'000'000);
  EXPECT_DOUBLE_EQ(first.attempt.cost->value(), 18.0);
}

TEST_F(JobRun, SpreadsBaselineRunsThatThePolicyNeverHearsOf) {
  const auto outcome = run(spec("baseline_runs = 2\n"));
  ASSERT_TRUE(outcome) << outcome.error().message();
  const auto records = recorded(outcome->run);
  EXPECT_EQ(sizes(records, RecurrenceKind::kBaseline), (std::vector<std::int64_t>{32, 32}));
  EXPECT_EQ(sizes(records, RecurrenceKind::kTuned), (std::vector<std::int64_t>{32, 16, 64, 64}));
}

TEST_F(JobRun, GoesOnLearningInTheNextRun) {
  const auto first = run(spec());
  const auto second = run(spec());
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(second->resumed);
  const auto records = recorded(second->run);
  EXPECT_EQ(records.front().recurrence.index, 5);
  // The second round of pruning goes on where the first run left it, and the bandit follows.
  EXPECT_EQ(sizes(records, RecurrenceKind::kTuned).at(0), 32);
}

TEST_F(JobRun, PrunesASizeThatNeverReachesTheTarget) {
  worker("--epochs-needed=16=3,32=3,64=0");
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  const auto records = recorded(outcome->run);
  // 64 is tried in the third recurrence, fails, and another size finishes that recurrence.
  const auto& third = records.at(2).attempts;
  EXPECT_EQ(third.front().attempt.batch_size, 64);
  EXPECT_EQ(*third.front().attempt.stopped, Stopped::kMaxEpochs);
  EXPECT_EQ(*third.back().attempt.stopped, Stopped::kReached);
}

TEST_F(JobRun, StopsAnAttemptBeforeTheEpochThatWouldReachItsBound) {
  write("trace.csv", "batch_size,epoch,time_s,energy_j\n16,1,3,100\n32,1,1,4\n64,1,1,2\n");
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  const auto records = recorded(outcome->run);
  const ledger::AttemptRecord& second = records.at(1).attempts.front();
  EXPECT_EQ(second.attempt.batch_size, 16);
  EXPECT_EQ(*second.attempt.stopped, Stopped::kBound);
  EXPECT_LT(second.epochs.size(), 3U);
}

TEST_F(JobRun, RemovesASizeThatRunsOutOfMemoryAndGoesOn) {
  worker("--epochs-needed=16=3,32=3,64=3 --misbehave=out-of-memory --once=" +
         (folder_ / "once").string());
  const auto first = run(spec());
  ASSERT_TRUE(first) << first.error().message();
  write("once", "");
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  const auto records = recorded(outcome->run);
  const ledger::AttemptRecord& failed = records.front().attempts.front();
  EXPECT_EQ(*failed.attempt.stopped, Stopped::kInfeasible);
  for (std::size_t i = 1; i < records.size(); ++i) {
    EXPECT_NE(records[i].attempts.front().attempt.batch_size, failed.attempt.batch_size);
  }
}

TEST_F(JobRun, EndsUnreachedWhenTheDefaultItselfCannotReachTheTarget) {
  worker("--epochs-needed=16=3,32=0,64=3");
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->kind, RunOutcome::Kind::kUnreached);
  EXPECT_THAT(outcome->message, HasSubstr("default"));
  EXPECT_EQ(recorded(outcome->run).size(), 1U);
}

// 32 is the cheapest of the first round, where the second one starts. By then an epoch of it is so
// dear that the bound stops it, and 64, which is tried next, runs out of epochs.
TEST_F(JobRun, AdvisesToRaiseTheBoundWhenTheBoundKeptTheTargetFromBeingReached) {
  JobSpec job = spec();
  job.beta = 3.0;
  options_.recurrences = 3;
  write("trace.csv", "batch_size,epoch,time_s,energy_j\n16,1,1,8\n32,1,1,4\n64,1,1,8\n");
  ASSERT_TRUE(run(job));
  write("trace.csv", "batch_size,epoch,time_s,energy_j\n16,1,1,8\n32,1,8,64\n64,1,1,8\n");
  worker("--epochs-needed=16=3,32=3,64=0");

  const auto stuck = run(job);
  ASSERT_TRUE(stuck) << stuck.error().message();
  EXPECT_EQ(stuck->kind, RunOutcome::Kind::kUnreached);
  const auto records = recorded(stuck->run);
  ASSERT_EQ(records.size(), 1U);
  ASSERT_EQ(records.front().attempts.size(), 2U);
  EXPECT_EQ(*records.front().attempts.front().attempt.stopped, Stopped::kBound);
  EXPECT_EQ(*records.front().attempts.back().attempt.stopped, Stopped::kMaxEpochs);
  EXPECT_THAT(stuck->message, HasSubstr("the target: batch size 32: after 1 epochs the next "));
  EXPECT_THAT(stuck->message, HasSubstr("raise [tune] beta"));
  EXPECT_THAT(stuck->message, HasSubstr("round 2 of pruning"));
  EXPECT_THAT(stuck->message, Not(HasSubstr("lower the target")));

  const auto again = run(job);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->message, stuck->message);
}

TEST_F(JobRun, AdvisesMoreEpochsWhenTheDefaultItselfRanOutOfThem) {
  worker("--epochs-needed=16=3,32=0,64=3");
  const auto stuck = run(spec());
  ASSERT_TRUE(stuck) << stuck.error().message();
  EXPECT_THAT(stuck->message, HasSubstr("raise [job] max_epochs or lower the target"));
}

TEST_F(JobRun, AdvisesALowerLearningRateWhenTheDefaultItselfDiverged) {
  worker("--epochs-needed=16=3,32=3,64=3 --misbehave=nan-loss");
  const auto stuck = run(spec());
  ASSERT_TRUE(stuck) << stuck.error().message();
  EXPECT_THAT(stuck->message, HasSubstr("lower [train] learning_rate"));
  EXPECT_THAT(stuck->message, Not(HasSubstr("lower the target")));
}

TEST_F(JobRun, LearnsADivergedAttemptAsNotReached) {
  worker("--epochs-needed=16=3,32=3,64=3 --misbehave=nan-loss --after=2 --once=" +
         (folder_ / "once").string());
  ASSERT_TRUE(run(spec()));
  write("once", "");
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  const auto records = recorded(outcome->run);
  const ledger::AttemptRecord& diverged = records.front().attempts.front();
  EXPECT_EQ(*diverged.attempt.stopped, Stopped::kDiverged);
  EXPECT_GT(diverged.attempt.cost->value(), 0.0);
}

TEST_F(JobRun, TriesAFailedWorkerAgainAndBooksWhatItLost) {
  write("once", "");
  worker("--epochs-needed=16=3,32=3,64=3 --misbehave=kill --after=4 --once=" +
         (folder_ / "once").string());
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->kind, RunOutcome::Kind::kFinished);
  const auto records = recorded(outcome->run);
  const ledger::AttemptRecord& first = records.front().attempts.front();
  EXPECT_EQ(*first.attempt.stopped, Stopped::kReached);
  EXPECT_EQ(first.incarnations.size(), 2U);
  EXPECT_EQ(first.attempt.failures, 1);
  EXPECT_GT(first.incarnations.front().lost.energy_uj, 0);
  EXPECT_DOUBLE_EQ(first.attempt.cost->value(), 18.0);  // what was lost is not what it costs
}

// From its fifth lease on, which its second process does not come to.
TEST_F(JobRun, DeletesNothingWhenAWorkerTakesItsWholeFolderForACheckpoint) {
  options_.recurrences = 1;
  worker("--flood --misbehave=output-checkpoint --after=5");
  const auto outcome = run(spec());
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->kind, RunOutcome::Kind::kFinished);
  const ledger::AttemptRecord attempt = recorded(outcome->run).front().attempts.front();
  EXPECT_EQ(attempt.attempt.failures, 1);
  EXPECT_THAT(attempt.incarnations.front().how, HasSubstr("below SYMBIONT_OUTPUT"));
  const std::filesystem::path folder = options_.home / "jobs" / "scripted" / "attempt-1";
  EXPECT_TRUE(std::filesystem::exists(folder / "weights.safetensors"));
  EXPECT_TRUE(std::filesystem::exists(folder / train::kWorkerLog));
}

TEST_F(JobRun, GivesUpOnAWorkerThatFailsFourTimesAndCanBeResumed) {
  worker("--misbehave=exit-early");
  const auto failed = run(spec());
  ASSERT_TRUE(failed) << failed.error().message();
  EXPECT_EQ(failed->kind, RunOutcome::Kind::kFailed);
  EXPECT_THAT(failed->message, HasSubstr("4 times"));
  worker("--epochs-needed=16=3,32=3,64=3");
  const auto resumed = run(spec());
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_EQ(resumed->kind, RunOutcome::Kind::kFinished);
  EXPECT_TRUE(resumed->resumed);
  EXPECT_EQ(resumed->run, failed->run);
}

/// Asks for an interrupt after so many epochs.
class InterruptAfter final : public RunListener {
 public:
  explicit InterruptAfter(int epochs) : left_(epochs) {}
  void on_epoch(const ledger::Epoch& /*epoch*/) override { --left_; }
  bool due() const { return left_ <= 0; }

 private:
  int left_;
};

TEST_F(JobRun, ResumesAnInterruptedRunWithTheDecisionsOfAnUndisturbedOne) {
  const auto undisturbed = run(spec());
  ASSERT_TRUE(undisturbed);
  const auto expected = recorded(undisturbed->run);
  std::filesystem::remove_all(options_.home);

  InterruptAfter listener(4);
  RunOptions options = options_;
  options.interrupted = [&] { return listener.due(); };
  const auto interrupted = run_job(spec(), options, listener);
  ASSERT_TRUE(interrupted) << interrupted.error().message();
  EXPECT_EQ(interrupted->kind, RunOutcome::Kind::kInterrupted);

  const auto resumed = run(spec());
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_TRUE(resumed->resumed);
  const auto records = recorded(resumed->run);
  EXPECT_EQ(sizes(records, RecurrenceKind::kTuned), sizes(expected, RecurrenceKind::kTuned));
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(*records[i].attempts.back().attempt.cost, *expected[i].attempts.back().attempt.cost);
  }
}

/// Adds up what it is told that processes lost.
class LostEnergy final : public RunListener {
 public:
  explicit LostEnergy(int epochs) : epochs_(epochs) {}
  void on_epoch(const ledger::Epoch& /*epoch*/) override { --epochs_; }
  void on_worker_ended(const std::string& /*how*/, const Usage& lost) override {
    told_uj += lost.energy_uj;
  }
  bool due() const { return epochs_ <= 0; }

  std::int64_t told_uj = 0;

 private:
  int epochs_;
};

TEST_F(JobRun, TellsAlsoOfWhatAProcessLostOnEpochsThatWereRecordedBefore) {
  options_.recurrences = 1;
  LostEnergy first(2);
  RunOptions options = options_;
  options.interrupted = [&] { return first.due(); };
  ASSERT_TRUE(run_job(spec(), options, first));

  worker("--epochs-needed=16=3,32=3,64=3 --misbehave=forget-checkpoint");
  LostEnergy second(100);
  const auto resumed = run_job(spec(), options_, second);
  ASSERT_TRUE(resumed) << resumed.error().message();
  std::int64_t lost_uj = 0;
  const auto records = recorded(resumed->run);
  for (const auto& process : records.front().attempts.front().incarnations) {
    lost_uj += process.lost.energy_uj;
  }
  EXPECT_GE(lost_uj, 2 * 4'000'000);
  EXPECT_EQ(first.told_uj + second.told_uj, lost_uj);
}

TEST_F(JobRun, ThatBreaksOffSaysWhyInTheLedgerAndGivesItsLeaseBack) {
  write("trace.csv", "batch_size,epoch,time_s,energy_j\n16,1,1,8\n");
  const auto broken = run(spec());
  ASSERT_FALSE(broken) << "the trace knows nothing of batch size 32";
  auto ledger = ledger::Ledger::open_read_only(ledger_path(options_.home).string());
  ASSERT_TRUE(ledger) << ledger.error().message();
  EXPECT_TRUE(ledger->leases()->empty());
  const auto run = ledger->last_run(ledger->find_job("scripted")->value().id);
  const auto records = recorded((*run)->id);
  const auto& process = records.front().attempts.front().incarnations.front();
  EXPECT_TRUE(process.ended);
  EXPECT_THAT(process.how, HasSubstr(broken.error().message()));
}

/// Asks for an interrupt once so many steps of the first epoch are done.
class InterruptAtStep final : public RunListener {
 public:
  explicit InterruptAtStep(std::int64_t step) : step_(step) {}
  void on_progress(const train::Progress& progress) override { due_ = progress.steps >= step_; }
  bool due() const { return due_; }

 private:
  std::int64_t step_;
  bool due_ = false;
};

/// Jobs whose first attempt, of 4 J in 4 steps an epoch, is interrupted inside its first epoch.
class InterruptedJobRun : public JobRun {
 protected:
  void interrupt_at_step(std::int64_t step, double intensity_g_per_kwh) {
    InterruptAtStep listener(step);
    RunOptions options = options_;
    options.interrupted = [&] { return listener.due(); };
    const auto interrupted = run_job(at(intensity_g_per_kwh), options, listener);
    ASSERT_TRUE(interrupted) << interrupted.error().message();
    ASSERT_EQ(interrupted->kind, RunOutcome::Kind::kInterrupted);
    run_ = interrupted->run;
    ASSERT_EQ(first_attempt().checkpoint->position, step);
  }

  void finish(double intensity_g_per_kwh) {
    const auto finished = run(at(intensity_g_per_kwh));
    ASSERT_TRUE(finished) << finished.error().message();
  }

  JobSpec at(double intensity_g_per_kwh) {
    JobSpec job = spec();
    job.carbon.intensity_g_per_kwh = intensity_g_per_kwh;
    return job;
  }

  ledger::Id resumed_run() const { return run_; }
  ledger::AttemptRecord first_attempt() { return recorded(run_).front().attempts.front(); }

  /// Grams of the first epoch in joules times grams per kilowatt-hour.
  double emitted() { return first_attempt().epochs.front().emitted->value() * 3.6e6; }

 private:
  ledger::Id run_ = 0;
};

TEST_F(InterruptedJobRun, GoesOnInAHomeThatWasMoved) {
  interrupt_at_step(2, 100);
  const std::filesystem::path moved = folder_ / "moved";
  std::filesystem::rename(options_.home, moved);
  options_.home = moved;
  finish(100);
  const ledger::AttemptRecord resumed = first_attempt();
  EXPECT_EQ(resumed.attempt.failures, 0);
  EXPECT_DOUBLE_EQ(resumed.attempt.cost->value(), 18.0);
  for (const ledger::Incarnation& process : resumed.incarnations) {
    EXPECT_EQ(process.lost.energy_uj, 0) << "the checkpoint was not found";
  }
  EXPECT_EQ(sizes(recorded(resumed_run()), RecurrenceKind::kTuned),
            (std::vector<std::int64_t>{32, 16, 64, 64}));  // as if nobody had interrupted it
}

TEST_F(InterruptedJobRun, ChargesEveryPartOfAnEpochAtTheIntensityOfItsTime) {
  interrupt_at_step(1, 100);
  interrupt_at_step(2, 300);
  finish(800);
  EXPECT_NEAR(emitted(), 1 * 100 + 1 * 300 + 2 * 800, 1e-6);
}

TEST_F(InterruptedJobRun, ChargesAnEpochThatStartsOverOnlyForWhatItUsed) {
  interrupt_at_step(2, 100);
  worker("--misbehave=forget-checkpoint");
  finish(800);
  EXPECT_EQ(first_attempt().incarnations.back().lost.energy_uj +
                first_attempt().incarnations.front().lost.energy_uj,
            2'000'000);
  EXPECT_NEAR(emitted(), 4 * 800, 1e-6);
}

TEST_F(InterruptedJobRun, ChargesAnEpochThatDivergesForAllItUsed) {
  interrupt_at_step(2, 100);
  worker("--misbehave=nan-loss");
  finish(800);
  EXPECT_EQ(*first_attempt().attempt.stopped, Stopped::kDiverged);
  EXPECT_NEAR(emitted(), 2 * 100 + 1 * 800, 1e-6);
}

// The replayed epoch of 32 is slow while the trace says so. A size whose one slow attempt kept it
// from ever being tried again would end the job's learning.
TEST_F(JobRun, TriesASizeAgainAfterOneSlowAttempt) {
  worker("--epochs-needed=16=0,32=3,64=0");
  ASSERT_TRUE(run(spec()));
  write("trace.csv", "batch_size,epoch,time_s,energy_j\n16,1,1,8\n32,1,16,64\n64,1,1,2\n");
  const auto slow = run(spec());
  ASSERT_TRUE(slow) << slow.error().message();
  write("trace.csv", std::string(kTrace));
  const auto again = run(spec());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(recorded(again->run).back().attempts.back().attempt.batch_size, 32);
  EXPECT_EQ(*recorded(again->run).back().attempts.back().attempt.stopped, Stopped::kReached);
}

TEST_F(JobRun, NeverTakesTheWeightsOfAnInterruptedProcessForTheFinalOnes) {
  InterruptAfter listener(1);
  RunOptions options = options_;
  options.interrupted = [&] { return listener.due(); };
  ASSERT_TRUE(run_job(spec(), options, listener));
  const auto weights = options_.home / "jobs" / "scripted" / "attempt-1" / "weights.safetensors";
  ASSERT_TRUE(std::filesystem::exists(weights));  // those of an epoch that did not reach the target

  worker("--misbehave=exit-early");
  const auto failed = run(spec());
  ASSERT_TRUE(failed) << failed.error().message();
  EXPECT_FALSE(std::filesystem::exists(weights));
}

TEST_F(JobRun, RefusesAHomeInWhichAnotherLedgerKeepsItsModels) {
  options_.ledger_url = (folder_ / "one.sqlite").string();
  ASSERT_TRUE(run(spec()));
  options_.ledger_url = (folder_ / "other.sqlite").string();
  const auto refused = run(spec());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("another ledger"));
}

TEST_F(JobRun, BooksCarriedWorkOnceWhenTheResumedWorkerHasNoMemory) {
  RunOptions options = options_;
  worker("--epochs-needed=16=3,32=3,64=3 --step-ms=20");
  options.interrupted = [calls = 0]() mutable { return ++calls > 6; };
  ASSERT_TRUE(run_job(spec(), options, listener_));
  worker("--misbehave=hello-out-of-memory");
  ASSERT_TRUE(run(spec()));
  auto ledger = ledger::Ledger::open_read_only(ledger_path(options_.home).string());
  const auto run = ledger->last_run(ledger->find_job("scripted")->value().id);
  const auto records = *ledger->recurrences_of_run((*run)->id);
  std::int64_t lost = 0;
  for (const auto& process : records.front().attempts.front().incarnations) {
    lost += process.lost.energy_uj;
  }
  EXPECT_LT(lost, 4'000'000) << "less than the one epoch that was begun";
}

TEST_F(JobRun, RefusesAJobFileThatChangedSinceItLearned) {
  ASSERT_TRUE(run(spec()));
  JobSpec changed = spec();
  changed.learning_rate = 0.2;
  const auto refused = run(changed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message(), HasSubstr("learning_rate"));

  options_.restart_learning = true;
  const auto restarted = run(changed);
  ASSERT_TRUE(restarted) << restarted.error().message();
  EXPECT_EQ(sizes(recorded(restarted->run), RecurrenceKind::kTuned).front(), 32);
}

TEST_F(JobRun, TrainsARestartedHistoryFromTheSeedThatItWasGiven) {
  const auto seeds_after_restart = [&](std::uint64_t first, std::uint64_t second) {
    options_.home = folder_ / ("home-of-" + std::to_string(first));
    options_.seed = first;
    EXPECT_TRUE(run(spec()));
    options_.restart_learning = true;
    options_.seed = second;
    const auto restarted = run(spec());
    options_.restart_learning = false;
    options_.seed.reset();
    const auto next = run(spec());  // knows the seed from the history it goes on with
    EXPECT_TRUE(restarted && next);
    return std::pair(seeds(restarted->run), seeds(next->run));
  };
  EXPECT_EQ(seeds_after_restart(1, 7), seeds_after_restart(2, 7));
}

TEST_F(JobRun, RefusesABatchSizeLargerThanTheSetBeforeAnythingIsWritten) {
  JobSpec job = spec();
  job.batch_sizes.push_back(4096);
  const auto refused = run(job);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("4096"));
  EXPECT_FALSE(std::filesystem::exists(options_.home));
}

TEST_F(JobRun, PlansToFinishAnUnfinishedRunWithItsOwnNumbers) {
  InterruptAfter listener(4);
  RunOptions options = options_;
  options.interrupted = [&] { return listener.due(); };
  const auto interrupted = run_job(spec("baseline_runs = 1\n"), options, listener);
  ASSERT_TRUE(interrupted) << interrupted.error().message();

  options_.recurrences = 9;
  const auto plan = plan_job(spec(), options_);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_TRUE(plan->resumes);
  EXPECT_EQ(plan->recurrences, 4);
  EXPECT_EQ(plan->baseline_runs, 1);

  options_.restart_learning = true;
  const auto restarted = plan_job(spec(), options_);
  ASSERT_TRUE(restarted) << restarted.error().message();
  EXPECT_FALSE(restarted->resumes);
  EXPECT_EQ(restarted->recurrences, 9);
}

TEST_F(JobRun, PlansWithoutChangingAnything) {
  const auto plan = plan_job(spec(), options_);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->training_rows, 128);
  EXPECT_EQ(plan->exploring_recurrences_at_most, 4);  // of the 4 that it performs
  EXPECT_EQ(plan->meters, "replayed");
  EXPECT_FALSE(std::filesystem::exists(options_.home));
}

}  // namespace
}  // namespace symbiont::jobs
