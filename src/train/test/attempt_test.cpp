#include "symbiont/train/attempt.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "symbiont/base/host.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/energy/monitor.h"
#include "temporary_directory.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using Kind = AttemptEnd::Kind;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::int64_t kBatchSize = 64;
constexpr std::int64_t kStepsPerEpoch = 20;  // of 1280 samples

// What the trace says of an epoch at kBatchSize: every epoch differs, so that one booked for
// another shows.
std::int64_t recorded_energy_uj(std::int64_t epoch) {
  return (100 + epoch) * 1'000'000;
}
std::chrono::nanoseconds recorded_time(std::int64_t epoch) {
  return seconds(10 + epoch);
}

/// An observer that remembers, stops after an epoch, interrupts after a lease, or fails on demand.
class Recorder final : public AttemptObserver {
 public:
  std::int64_t stop_after = 1000;
  std::optional<std::int64_t> interrupt_after_reports;  // of progress
  std::string fail_in;                                  // the name of a callback

  std::vector<std::string> calls;
  std::vector<EpochResult> epochs;
  std::vector<Progress> reports;
  std::optional<Hello> hello;
  std::optional<Saved> checkpoint;
  Usage carried;
  Usage startup;

  Result<void> on_started(const Hello& first, const Usage& usage) override {
    hello = first;
    startup = usage;
    return note("started");
  }
  Result<void> on_progress(const Progress& progress) override {
    reports.push_back(progress);
    return fail_in == "progress" ? refusal() : Result<void>();
  }
  Result<Verdict> on_epoch(const EpochResult& epoch) override {
    epochs.push_back(epoch);
    SYM_RETURN_IF_ERROR(note("epoch " + std::to_string(epoch.index)));
    return epoch.index >= stop_after ? Verdict::kStop : Verdict::kContinue;
  }
  Result<void> on_checkpoint(const Saved& saved, const Usage& usage) override {
    checkpoint = saved;
    carried = usage;
    return note("checkpoint " + std::to_string(saved.epoch) + "+" + std::to_string(saved.position));
  }
  bool interrupted() override {
    return interrupt_after_reports &&
           static_cast<std::int64_t>(reports.size()) >= *interrupt_after_reports;
  }

 private:
  Result<void> note(const std::string& call) {
    calls.push_back(call);
    return !fail_in.empty() && call.starts_with(fail_in) ? refusal() : Result<void>();
  }
  static Result<void> refusal() { return fail(ErrorCode::kResourceExhausted, "disk is full"); }
};

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

bool is_gone(const std::string& pid) {
  return !identify_process(std::stoi(pid)).has_value();
}

// Waits until it holds, or for so long that it never will.
bool eventually(const std::function<bool()>& holds, seconds limit = seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

class AttemptTest : public ::testing::Test {
 protected:
  AttemptTest() {
    fs::create_directories(room_ / "sockets");
    ::setenv("XDG_RUNTIME_DIR", (room_ / "sockets").c_str(), 1);
    std::ofstream trace(room_ / "trace.csv");
    trace << "batch_size,epoch,time_s,energy_j\n";
    for (std::int64_t epoch = 1; epoch <= 9; ++epoch) {
      trace << kBatchSize << "," << epoch << "," << 10 + epoch << "," << 100 + epoch << "\n";
    }
  }

  // After every test, whatever happened in it.
  ~AttemptTest() override {
    EXPECT_TRUE(fs::is_empty(room_ / "sockets")) << "a socket was left behind";
    for (const std::string& pid : lines_of(room_ / "pids")) {
      EXPECT_TRUE(eventually([&] { return is_gone(pid); }, seconds(5))) << "left behind: " << pid;
    }
  }

  AttemptOptions options(const std::vector<std::string>& arguments = {}) const {
    AttemptOptions options;
    options.argv = {(executable_directory() / "scripted_worker").string(), "--samples=1280",
                    "--pids=" + (room_ / "pids").string(), "--trace=" + (room_ / "steps").string()};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = {{"SYMBIONT_BATCH_SIZE", std::to_string(kBatchSize)},
                           {"SYMBIONT_LEARNING_RATE", "0.01"},
                           {"SYMBIONT_MAX_EPOCHS", "9"},
                           {"SYMBIONT_SEED", "1"}};
    options.output = room_ / "output";
    options.batch_size = kBatchSize;
    return options;
  }

  // As the job runner does it after an interruption or a failure.
  AttemptOptions resume(AttemptOptions options, const Recorder& before) const {
    options.epochs_recorded = before.epochs.empty() ? 0 : before.epochs.back().index;
    options.carried = before.carried;
    options.environment.emplace_back("SYMBIONT_RESUME",
                                     before.checkpoint ? before.checkpoint->path : "");
    return options;
  }

  energy::Monitor replay() const {
    energy::MonitorOptions options;
    options.meters = {"replay:" + (room_ / "trace.csv").string()};
    Result<energy::Monitor> monitor = energy::Monitor::open(options);
    EXPECT_TRUE(monitor) << monitor.error().message();
    return std::move(*monitor);
  }

  static energy::Monitor estimator() {
    energy::MonitorOptions options;
    options.meters = {"estimator"};
    Result<energy::Monitor> monitor = energy::Monitor::open(options);
    EXPECT_TRUE(monitor) << monitor.error().message();
    return std::move(*monitor);
  }

  Result<AttemptEnd> run(const AttemptOptions& options, Recorder& recorder) const {
    energy::Monitor monitor = replay();
    return run_attempt(options, monitor, recorder);
  }

  // For ends that are no errors.
  AttemptEnd end_of(const AttemptOptions& options, Recorder& recorder) const {
    Result<AttemptEnd> end = run(options, recorder);
    EXPECT_TRUE(end) << end.error().message();
    return end ? *end : AttemptEnd();
  }

  std::string weights_of_an_undisturbed_run(std::int64_t epochs) const {
    Recorder recorder;
    recorder.stop_after = epochs;
    AttemptOptions undisturbed = options();
    undisturbed.output = room_ / "undisturbed";
    const AttemptEnd end = end_of(undisturbed, recorder);
    return read_file(end.weights).value_or("none");
  }

  symbiont::testing::TemporaryDirectory directory_;
  fs::path room_ = directory_.path();  // where all files of the test are
};

using Attempt = AttemptTest;

TEST_F(Attempt, IsStoppedAfterTheEpochThatSatisfiesTheObserver) {
  Recorder recorder;
  recorder.stop_after = 3;
  const AttemptEnd end = end_of(options({"--metrics=0.5,0.7,0.9"}), recorder);

  EXPECT_EQ(end.kind, Kind::kStopped) << end.reason;
  EXPECT_THAT(recorder.calls, ElementsAre("started", "epoch 1", "checkpoint 1+0", "epoch 2",
                                          "checkpoint 2+0", "epoch 3"));
  EXPECT_EQ(recorder.hello->steps_per_epoch, kStepsPerEpoch);
  EXPECT_EQ(recorder.epochs[1].metric, 0.7);
  EXPECT_EQ(fs::file_size(end.weights), 8 + 59 + 8) << end.weights;
  EXPECT_TRUE(recorder.checkpoint->path.starts_with("/"));
  EXPECT_THAT(lines_of(room_ / "steps").back(), "stop stopped after epoch 3");
}

TEST_F(Attempt, BooksForEveryEpochExactlyWhatItUsed) {
  Recorder recorder;
  recorder.stop_after = 4;
  const AttemptEnd end = end_of(options(), recorder);

  ASSERT_THAT(recorder.epochs, SizeIs(4));
  for (const EpochResult& epoch : recorder.epochs) {
    EXPECT_EQ(epoch.usage.energy_uj, recorded_energy_uj(epoch.index));
    EXPECT_EQ(epoch.usage.time, recorded_time(epoch.index));
    EXPECT_EQ(epoch.usage.provenance, Provenance::kReplayed);
    EXPECT_EQ(epoch.end - epoch.begin, recorded_time(epoch.index));
  }
  for (std::size_t i = 1; i < recorder.epochs.size(); ++i) {
    EXPECT_EQ(recorder.epochs[i].begin, recorder.epochs[i - 1].end) << "a gap between epochs";
  }
  EXPECT_EQ(end.lost.energy_uj, 0);
  EXPECT_EQ(end.unfinished.energy_uj, 0);
}

TEST_F(Attempt, IsBookedAsExactlyWhenAnotherWentBefore) {
  energy::Monitor monitor = replay();
  for (int process = 0; process < 3; ++process) {
    Recorder recorder;
    recorder.stop_after = 1;
    ASSERT_TRUE(run_attempt(options(), monitor, recorder));
    EXPECT_EQ(recorder.startup.energy_uj, 0);
    EXPECT_EQ(recorder.epochs[0].usage.energy_uj, recorded_energy_uj(1));
  }
}

TEST_F(Attempt, GrantsLeasesOfAnEighthThatNeverCrossAnEpoch) {
  Recorder recorder;
  recorder.stop_after = 2;
  end_of(options(), recorder);

  // "run EPOCH POSITION STEPS": 20 steps in leases of ceil(20/8) = 3, after one step to measure.
  std::vector<std::string> leases = lines_of(room_ / "steps");
  std::erase_if(leases, [](const std::string& line) { return !line.starts_with("run"); });
  EXPECT_THAT(leases,
              ElementsAre("run 0 0 1", "run 0 1 3", "run 0 4 3", "run 0 7 3", "run 0 10 3",
                          "run 0 13 3", "run 0 16 3", "run 0 19 1", "run 1 0 3", "run 1 3 3",
                          "run 1 6 3", "run 1 9 3", "run 1 12 3", "run 1 15 3", "run 1 18 2"));
}

TEST_F(Attempt, ReportsProgressWithWhatAKillWouldLose) {
  Recorder recorder;
  recorder.stop_after = 1;
  end_of(options(), recorder);

  ASSERT_THAT(recorder.reports, SizeIs(::testing::Ge(8u)));
  for (const Progress& progress : recorder.reports) {
    if (progress.epoch != 1) {
      continue;  // the final weights are being written
    }
    EXPECT_EQ(progress.steps_per_epoch, kStepsPerEpoch);
    const double share = static_cast<double>(progress.steps) / kStepsPerEpoch;
    const double expected = share * static_cast<double>(recorded_energy_uj(1));
    EXPECT_NEAR(static_cast<double>(progress.pending.energy_uj), expected, 1);
  }
}

TEST_F(Attempt, InterruptedAnywhereAndResumedIsAsIfItNeverWas) {
  const std::string undisturbed = weights_of_an_undisturbed_run(2);
  for (std::int64_t reports = 1; reports <= 14; ++reports) {
    fs::remove_all(room_ / "output");
    Recorder first;
    first.interrupt_after_reports = reports;
    const AttemptEnd interrupted = end_of(options(), first);
    ASSERT_EQ(interrupted.kind, Kind::kInterrupted) << interrupted.reason;
    EXPECT_EQ(interrupted.lost.energy_uj, 0);
    ASSERT_TRUE(first.checkpoint);

    Recorder second;
    second.stop_after = 2;
    const AttemptEnd end = end_of(resume(options(), first), second);
    ASSERT_EQ(end.kind, Kind::kStopped) << end.reason;
    EXPECT_EQ(second.hello->resumed_position, first.checkpoint->position);
    EXPECT_EQ(read_file(end.weights).value_or(""), undisturbed);
    std::vector<EpochResult> epochs = first.epochs;
    epochs.insert(epochs.end(), second.epochs.begin(), second.epochs.end());
    ASSERT_THAT(epochs, SizeIs(2));
    for (const EpochResult& epoch : epochs) {
      // To the rounding of a fraction of the trace to whole microjoules.
      EXPECT_NEAR(static_cast<double>(epoch.usage.energy_uj),
                  static_cast<double>(recorded_energy_uj(epoch.index)), 1);
    }
  }
}

TEST_F(Attempt, InterruptedRightAfterItsStartHasNothingToSave) {
  Recorder recorder;
  recorder.interrupt_after_reports = 0;
  const AttemptEnd end = end_of(options(), recorder);
  EXPECT_EQ(end.kind, Kind::kInterrupted);
  EXPECT_THAT(recorder.calls, ElementsAre("started"));
}

TEST_F(Attempt, IsBilledForWhatItsWorkerUsesAfterItsLastWord) {
  energy::Monitor monitor = estimator();
  Recorder recorder;
  recorder.interrupt_after_reports = 1;
  const auto end = run_attempt(options({"--burn-ms=500"}), monitor, recorder);
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(end->kind, Kind::kInterrupted);
  EXPECT_GE(end->closing.energy().value(), 0.4 * monitor.max_power().value());
}

TEST_F(Attempt, ThatFailedIsBilledForWhatItsWorkerUsesWhileItIsAskedToEnd) {
  energy::Monitor monitor = estimator();
  Recorder recorder;
  AttemptOptions supervised = options({"--misbehave=garbage", "--ignore-sigterm", "--burn-ms=500"});
  supervised.command_grace = seconds(0);
  const auto end = run_attempt(supervised, monitor, recorder);
  ASSERT_TRUE(end) << end.error().message();
  EXPECT_EQ(end->kind, Kind::kFailed);
  EXPECT_THAT(end->reason, HasSubstr("garbage"));
  EXPECT_GE(end->lost.energy().value(), 0.4 * monitor.max_power().value());
}

TEST_F(Attempt, InterruptedDuringStartUpEndsAtOnce) {
  Recorder recorder;
  recorder.interrupt_after_reports = 0;
  const AttemptEnd end = end_of(options({"--misbehave=mute"}), recorder);
  EXPECT_EQ(end.kind, Kind::kInterrupted);
  EXPECT_THAT(recorder.calls, IsEmpty());
}

TEST_F(Attempt, InterruptedWithoutACheckpointLosesWhatWasNotSaved) {
  Recorder recorder;
  recorder.interrupt_after_reports = 2;
  const AttemptEnd end = end_of(options({"--misbehave=exit-checkpoint"}), recorder);
  EXPECT_EQ(end.kind, Kind::kInterrupted);
  EXPECT_THAT(end.reason, HasSubstr("exit code 3"));
  EXPECT_EQ(end.lost.energy_uj, recorded_energy_uj(1) / kStepsPerEpoch * 4);
}

TEST_F(Attempt, FailedInsideAnEpochLosesWhatItsCheckpointDoesNotCarry) {
  Recorder interrupted;
  interrupted.interrupt_after_reports = 2;  // after 1 + 3 steps
  end_of(options(), interrupted);

  Recorder failed;
  const AttemptOptions again = resume(options({"--misbehave=kill", "--after=3"}), interrupted);
  const AttemptEnd end = end_of(again, failed);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("signal 9"));
  const std::int64_t step_uj = recorded_energy_uj(1) / kStepsPerEpoch;
  EXPECT_EQ(interrupted.carried.energy_uj, 4 * step_uj);
  EXPECT_EQ(failed.startup.energy_uj, 0);
  EXPECT_EQ(end.lost.energy_uj, 4 * step_uj);  // leases of 1 and 3 steps since the checkpoint
  EXPECT_EQ(end.unfinished.energy_uj, 0);
}

TEST_F(Attempt, ReportsEpochsThatAWorkerHadToRunAgain) {
  Recorder first;
  first.interrupt_after_reports = 10;  // inside the second epoch
  end_of(options(), first);
  ASSERT_THAT(first.epochs, SizeIs(1));
  ASSERT_GT(first.checkpoint->position, 0);

  Recorder second;
  second.stop_after = 2;
  const AttemptEnd end = end_of(resume(options({"--misbehave=forget-checkpoint"}), first), second);
  EXPECT_EQ(end.kind, Kind::kStopped) << end.reason;
  EXPECT_THAT(second.calls, ElementsAre("started", "epoch 1", "checkpoint 1+0", "epoch 2"));
  EXPECT_EQ(second.epochs[1].usage.energy_uj, recorded_energy_uj(2));
  EXPECT_EQ(end.lost.energy_uj, 0) << "its checkpoint carries it until the observer gives it up";
}

TEST_F(Attempt, DivergedInsideAnEpochUsedWhatItSpentThere) {
  Recorder recorder;
  const AttemptEnd end = end_of(options({"--misbehave=nan-loss", "--after=10"}), recorder);
  EXPECT_EQ(end.kind, Kind::kDiverged);
  EXPECT_THAT(end.reason, HasSubstr("after 6 steps of epoch 2"));
  EXPECT_EQ(end.lost.energy_uj, 0);
  EXPECT_EQ(end.unfinished.energy_uj, recorded_energy_uj(2) * 6 / kStepsPerEpoch);
}

TEST_F(Attempt, ThatDivergedInItsMetricHasReportedTheEpoch) {
  Recorder recorder;
  const AttemptEnd end = end_of(options({"--misbehave=nan-metric"}), recorder);
  EXPECT_EQ(end.kind, Kind::kDiverged);
  ASSERT_THAT(recorder.epochs, SizeIs(1));
  EXPECT_TRUE(std::isnan(recorder.epochs[0].metric));
  EXPECT_EQ(recorder.epochs[0].usage.energy_uj, recorded_energy_uj(1));
}

TEST_F(Attempt, OutOfMemoryByTheWorkersWordIsInfeasible) {
  Recorder recorder;
  const AttemptEnd end = end_of(options({"--misbehave=out-of-memory", "--after=2"}), recorder);
  EXPECT_EQ(end.kind, Kind::kInfeasible);
  EXPECT_EQ(end.reason, "out_of_memory: cannot allocate 1.5 GB");
  EXPECT_EQ(end.lost.energy_uj, recorded_energy_uj(1) / kStepsPerEpoch);
}

TEST_F(Attempt, OutOfMemoryDuringStartUpIsInfeasible) {
  Recorder recorder;
  const AttemptEnd end = end_of(options({"--misbehave=hello-out-of-memory"}), recorder);
  EXPECT_EQ(end.kind, Kind::kInfeasible);
  EXPECT_THAT(recorder.calls, IsEmpty());
  EXPECT_EQ(end.unfinished, Usage());
}

TEST_F(Attempt, InfeasibleAtItsResumptionLeavesWhatItsCheckpointCarries) {
  Recorder interrupted;
  interrupted.interrupt_after_reports = 2;
  end_of(options(), interrupted);
  Recorder recorder;
  const AttemptEnd end =
      end_of(resume(options({"--misbehave=hello-out-of-memory"}), interrupted), recorder);
  EXPECT_EQ(end.kind, Kind::kInfeasible);
  EXPECT_GT(interrupted.carried.energy_uj, 0);
  EXPECT_EQ(end.unfinished, Usage());
  EXPECT_EQ(end.lost.energy_uj, 0);
}

TEST_F(Attempt, KilledByTheKernelForMemoryIsInfeasible) {
  const fs::path group = room_ / "sys/fs/cgroup/memory/jobs";
  fs::create_directories(room_ / "proc/self");
  fs::create_directories(group);
  std::ofstream(room_ / "proc/self/cgroup") << "3:cpu:/\n2:memory:/jobs\n";
  std::ofstream(group / "memory.oom_control") << "oom_kill_disable 0\noom_kill 0\n";
  const std::string counter = "--counter=" + (group / "memory.oom_control").string();

  AttemptOptions killed = options({counter, "--misbehave=killed-for-memory"});
  killed.sysroot = room_;
  Recorder recorder;
  AttemptEnd end = end_of(killed, recorder);
  EXPECT_EQ(end.kind, Kind::kInfeasible);
  EXPECT_EQ(end.reason, "killed by the kernel for lack of memory");

  killed.argv.back() = "--misbehave=kill";  // by somebody else: the counter stands still
  Recorder again;
  EXPECT_EQ(end_of(killed, again).kind, Kind::kFailed);
}

struct Misbehaviour {
  const char* kind;
  const char* reason;
};

void PrintTo(const Misbehaviour& misbehaviour, std::ostream* out) {
  *out << misbehaviour.kind;
}

class Failure : public AttemptTest, public ::testing::WithParamInterface<Misbehaviour> {};

TEST_P(Failure, IsFoundAndExplained) {
  AttemptOptions scripted =
      options({std::string("--misbehave=") + GetParam().kind, "--after=2", "--ignore-sigterm"});
  scripted.first_deadline = seconds(3);
  scripted.least_deadline = seconds(3);
  Recorder recorder;
  recorder.stop_after = 2;
  const AttemptEnd end = end_of(scripted, recorder);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr(GetParam().reason));
  EXPECT_EQ(end.unfinished, Usage());
  EXPECT_TRUE(end.weights.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Attempt, Failure,
    ::testing::Values(
        Misbehaviour{"hang", "hung: no answer to a lease of 3 steps within 3 s"},
        Misbehaviour{"stop-itself", "hung: no answer to a lease"},
        Misbehaviour{"hang-evaluation", "hung: no answer to the evaluation of epoch 1"},
        Misbehaviour{"hang-checkpoint", "hung: no answer to a checkpoint"},
        Misbehaviour{"hang-stop", "hung: no answer to the final weights"},
        Misbehaviour{"mute", "hung: no answer to start-up"},
        Misbehaviour{"garbage", "garbage: not JSON at byte 1"},
        Misbehaviour{"garbage-hello", "garbage: not JSON"},
        Misbehaviour{"too-long", "garbage: found a message longer than 65536 bytes"},
        Misbehaviour{"half-line", "exit code 3"}, Misbehaviour{"exit", "exit code 3"},
        Misbehaviour{"exit-zero", "ended unasked: exit code 0"},
        Misbehaviour{"exit-early", "exit code 3"}, Misbehaviour{"kill", "signal 9"},
        Misbehaviour{"exit-checkpoint", "exit code 3"},
        Misbehaviour{"failed", "data: the data set is damaged"},
        Misbehaviour{"close", "exit code 5"},
        Misbehaviour{"unexpected", "garbage: found a message of type saved in answer to a lease"},
        Misbehaviour{"wrong-steps", "garbage: ran.steps: found 4"},
        Misbehaviour{"early-epoch", "garbage: ran.steps: found 3 ending the epoch"},
        Misbehaviour{"wrong-epoch", "garbage: epoch.index: found 2, expected 1"},
        Misbehaviour{"wrong-position", "garbage: saved: found epoch 1, position 1"},
        Misbehaviour{"outside-checkpoint", "garbage: saved.path: found \"/tmp\""},
        Misbehaviour{"output-checkpoint", "expected a directory below SYMBIONT_OUTPUT"},
        Misbehaviour{"outside-weights", "garbage: done.weights: found \"/etc/passwd\""},
        Misbehaviour{"hello-zero-steps", "garbage: hello.steps_per_epoch"},
        Misbehaviour{"hello-ahead", "garbage: hello.resumed_from.epoch: found 1000"}),
    [](const auto& parameter) {
      std::string name = parameter.param.kind;
      std::erase(name, '-');
      return name;
    });

TEST_F(Attempt, ThatFailedShowsTheLastFiftyLinesOfItsLog) {
  Recorder recorder;
  const AttemptEnd end = end_of(options({"--flood", "--misbehave=exit", "--after=4"}), recorder);
  EXPECT_THAT(end.stderr_tail, StartsWith("line 952 of lease 4\n"));
  EXPECT_THAT(end.stderr_tail, EndsWith("Traceback: something broke"));
  EXPECT_EQ(std::count(end.stderr_tail.begin(), end.stderr_tail.end(), '\n'), 49);
}

TEST_F(Attempt, LeavesNothingBehindWhenItsWorkerHasChildren) {
  Recorder stopped;
  stopped.stop_after = 1;
  EXPECT_EQ(end_of(options({"--linger", "--ignore-sigterm"}), stopped).kind, Kind::kStopped);
  Recorder crashed;
  EXPECT_EQ(end_of(options({"--linger", "--misbehave=exit"}), crashed).kind, Kind::kFailed);
  EXPECT_THAT(lines_of(room_ / "pids"), SizeIs(4));
}

TEST_F(Attempt, TellsTheObserverEverySecondThatALeaseRuns) {
  AttemptOptions hanging = options({"--misbehave=hang"});
  hanging.first_deadline = seconds(4);
  Recorder recorder;
  EXPECT_EQ(end_of(hanging, recorder).kind, Kind::kFailed);
  EXPECT_THAT(recorder.reports, SizeIs(::testing::Ge(3u)));
}

TEST_F(Attempt, GivesBackTheObserversErrorUnchanged) {
  for (const char* callback : {"started", "progress", "epoch", "checkpoint"}) {
    Recorder recorder;
    recorder.fail_in = callback;
    const Result<AttemptEnd> end = run(options(), recorder);
    ASSERT_FALSE(end) << callback;
    EXPECT_EQ(end.error().code(), ErrorCode::kResourceExhausted);
    EXPECT_EQ(end.error().message(), "disk is full");
  }
}

TEST_F(Attempt, WithoutAProgramIsAnErrorNotAFailure) {
  Recorder recorder;
  AttemptOptions missing = options();
  missing.argv = {"no-such-trainer"};
  const Result<AttemptEnd> end = run(missing, recorder);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(end.error().message(), HasSubstr("no-such-trainer"));
}

TEST_F(Attempt, ThatCannotBeMeasuredIsAnError) {
  Recorder recorder;
  AttemptOptions unknown = options();
  unknown.batch_size = 65;  // not in the trace
  const Result<AttemptEnd> end = run(unknown, recorder);
  ASSERT_FALSE(end);
  EXPECT_THAT(end.error().message(), HasSubstr("65"));
}

TEST_F(Attempt, NeedsARoomForItsSocketThatIsNotTooDeep) {
  const fs::path deep = room_ / std::string(100, 'd');
  fs::create_directories(deep);
  ::unsetenv("XDG_RUNTIME_DIR");
  const char* before = std::getenv("TMPDIR");
  const std::string restored = before == nullptr ? "/tmp" : before;
  ::setenv("TMPDIR", deep.c_str(), 1);
  Recorder recorder;
  const Result<AttemptEnd> end = run(options(), recorder);
  ::setenv("TMPDIR", restored.c_str(), 1);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(end.error().message(), HasSubstr("at most 107"));
  EXPECT_THAT(end.error().message(), HasSubstr("TMPDIR"));
}

// A state of the worker in which its runner is killed.
struct Moment {
  const char* misbehave;
  const char* file;       // what shows that the state is reached: the last line of this file ...
  const char* last_line;  // ... begins so
};

void PrintTo(const Moment& moment, std::ostream* out) {
  *out << moment.misbehave;
}

class KilledRunner : public AttemptTest, public ::testing::WithParamInterface<Moment> {};

TEST_P(KilledRunner, LeavesNoWorker) {
  const pid_t runner = ::fork();
  if (runner == 0) {
    Recorder recorder;
    recorder.stop_after = 1;
    const std::string misbehave = std::string("--misbehave=") + GetParam().misbehave;
    static_cast<void>(run(options({misbehave}), recorder));
    ::_exit(0);
  }
  EXPECT_TRUE(eventually([&] {
    const std::vector<std::string> lines = lines_of(room_ / GetParam().file);
    return !lines.empty() && lines.back().starts_with(GetParam().last_line);
  }));
  ::kill(runner, SIGKILL);
  ASSERT_EQ(::waitpid(runner, nullptr, 0), runner);
  // A runner killed before its worker connected cannot remove its socket.
  fs::remove_all(room_ / "sockets");
  fs::create_directories(room_ / "sockets");
  // The fixture checks that within 5 s no process of `pids` is left.
}

INSTANTIATE_TEST_SUITE_P(Attempt, KilledRunner,
                         ::testing::Values(Moment{"mute", "pids", ""},
                                           Moment{"hang", "steps", "run"},
                                           Moment{"hang-stop", "steps", "stop"}),
                         [](const auto& parameter) {
                           std::string name = parameter.param.misbehave;
                           std::erase(name, '-');
                           return name;
                         });

class FailpointTest : public AttemptTest, public ::testing::WithParamInterface<const char*> {
 protected:
  // The process that dies runs the whole test program again up to the point of its death; what it
  // does has to happen in the room of the test that waits for it.
  void share_room_with_the_dying() {
    ::testing::FLAGS_gtest_death_test_style = "threadsafe";
    if (const char* shared = std::getenv("SYMBIONT_TEST_ROOM")) {
      room_ = shared;
      return;
    }
    token_ = room_ / "token";
    std::ofstream(token_) << "";
    ::setenv("SYMBIONT_TEST_ROOM", room_.c_str(), 1);
    ::setenv("SYMBIONT_FAILPOINT", (std::string(GetParam()) + ":1:" + token_.string()).c_str(), 1);
    ::setenv("TMPDIR", room_.c_str(), 1);
  }
  ~FailpointTest() override {
    ::unsetenv("SYMBIONT_TEST_ROOM");
    ::unsetenv("SYMBIONT_FAILPOINT");
    ::unsetenv("TMPDIR");
  }

  fs::path token_;
};

// The runner dies in each state that is worth it; the next one goes on from what is on disk.
TEST_P(FailpointTest, LeavesAnAttemptThatCanGoOn) {
  share_room_with_the_dying();
  EXPECT_EXIT(
      {
        Recorder recorder;
        recorder.stop_after = 2;
        static_cast<void>(run(options(), recorder));
      },
      ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_FALSE(fs::exists(token_));
  for (const std::string& pid : lines_of(room_ / "pids")) {
    EXPECT_TRUE(eventually([&] { return is_gone(pid); }, seconds(5)));
  }

  AttemptOptions again = options();
  again.epochs_recorded = 2;  // at most; the checkpoint may be older
  if (fs::exists(room_ / "output/checkpoint/state.txt")) {
    again.environment.emplace_back("SYMBIONT_RESUME", (room_ / "output/checkpoint").string());
  }
  Recorder recorder;
  recorder.stop_after = 2;
  const AttemptEnd end = end_of(again, recorder);
  EXPECT_EQ(end.kind, Kind::kStopped) << end.reason;
  EXPECT_EQ(read_file(end.weights).value_or(""), weights_of_an_undisturbed_run(2));
}

INSTANTIATE_TEST_SUITE_P(Train, FailpointTest,
                         ::testing::Values("train.worker.spawned", "train.lease.granted",
                                           "train.epoch.received", "train.checkpoint.requested",
                                           "train.checkpoint.saved", "train.stop.sent"),
                         [](const auto& parameter) {
                           std::string name = parameter.param;
                           std::erase(name, '.');
                           return name;
                         });

}  // namespace
}  // namespace symbiont::train
