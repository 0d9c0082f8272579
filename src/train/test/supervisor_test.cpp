// Plain commands, good and bad, as `run_attempt` sees them: real shells, real processes.

#include "symbiont/train/supervisor.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/host.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/train/attempt.h"
#include "temporary_directory.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using Kind = AttemptEnd::Kind;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kLines = R"(regex:^epoch (?P<epoch>\d+) accuracy (?P<metric>\S+))";

/// An observer that remembers, and stops or interrupts when it is told to.
class Recorder final : public AttemptObserver {
 public:
  std::int64_t stop_after = 1000;
  std::function<bool()> interrupt = [] { return false; };

  std::vector<EpochResult> epochs;
  std::vector<Saved> checkpoints;
  std::optional<Hello> hello;

  std::vector<std::int64_t> indices() const {
    std::vector<std::int64_t> all;
    for (const EpochResult& epoch : epochs) {
      all.push_back(epoch.index);
    }
    return all;
  }

  Result<void> on_started(const Hello& first, const Usage&) override {
    hello = first;
    return {};
  }
  Result<void> on_progress(const Progress&) override { return {}; }
  Result<Verdict> on_epoch(const EpochResult& epoch) override {
    epochs.push_back(epoch);
    return epoch.index >= stop_after ? Verdict::kStop : Verdict::kContinue;
  }
  Result<void> on_checkpoint(const Saved& saved, const Usage&) override {
    checkpoints.push_back(saved);
    return {};
  }
  bool interrupted() override { return interrupt(); }
};

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

class PlainCommandTest : public ::testing::Test {
 protected:
  PlainCommandTest() {
    fs::create_directories(room_ / "sockets");
    fs::create_directories(room_ / "output");
    ::setenv("XDG_RUNTIME_DIR", (room_ / "sockets").c_str(), 1);
    std::ofstream trace(room_ / "trace.csv");
    trace << "batch_size,epoch,time_s,energy_j\n";
    for (int epoch = 1; epoch <= 30; ++epoch) {
      trace << "64," << epoch << "," << 10 + epoch << "," << 100 + epoch << "\n";
    }
    supervisor_.folder = room_.path();
    supervisor_.metrics = kLines;
    supervisor_.metric = "accuracy";
    supervisor_.stop_grace = seconds(5);
  }

  ~PlainCommandTest() override {
    EXPECT_TRUE(eventually([this] { return followers().empty(); }, seconds(5)))
        << "somebody was left behind";
    for (const pid_t pid : followers()) {
      ::kill(pid, SIGKILL);
    }
    EXPECT_TRUE(fs::is_empty(room_ / "sockets")) << "a socket was left behind";
  }

  /// Every living process that was started in this room, wherever it has gone: its environment
  /// tells. (PATH alone is kept by `env -i`, so that nobody who wants to hide finds it easy.)
  std::vector<pid_t> followers() const {
    std::vector<pid_t> found;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      std::ifstream environment(entry.path() / "environ", std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(environment), {}};
      const bool is_process = name.find_first_not_of("0123456789") == name.npos;
      if (is_process && text.find((room_ / "output").string()) != text.npos &&
          identify_process(std::stoi(name))) {
        found.push_back(std::stoi(name));
      }
    }
    return found;
  }

  AttemptOptions options(const std::string& script) {
    supervisor_.command = {"/bin/sh", "-c", script, "script"};
    return options();
  }
  AttemptOptions options() {
    AttemptOptions options;
    options.argv = to_arguments(supervisor_);
    options.argv.insert(options.argv.begin(),
                        (executable_directory() / "symbiont-supervisor").string());
    options.environment = {{"SYMBIONT_BATCH_SIZE", "64"},    {"SYMBIONT_LEARNING_RATE", "0.125"},
                           {"SYMBIONT_MAX_EPOCHS", "20"},    {"SYMBIONT_SEED", "7"},
                           {"SYMBIONT_INITIAL_WEIGHTS", ""}, {"SYMBIONT_RESUME", resume_.string()}};
    options.output = room_ / "output";
    options.batch_size = 64;
    options.epochs_recorded = supervisor_.recorded;
    options.first_deadline = seconds(60);
    options.command_grace = supervisor_.stop_grace;
    return options;
  }

  AttemptEnd run(const AttemptOptions& options) {
    energy::MonitorOptions meters;
    meters.meters = {"replay:" + (room_ / "trace.csv").string()};
    auto monitor = energy::Monitor::open(meters);
    SYM_CHECK(monitor.has_value());
    auto end = run_attempt(options, *monitor, recorder_);
    EXPECT_TRUE(end) << end.error().message();
    return end ? *end : AttemptEnd();
  }
  AttemptEnd run(const std::string& script) { return run(options(script)); }

  std::string text_of(const std::string& name) const {
    std::ifstream file(room_ / "output" / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  testing::TemporaryDirectory room_;
  SupervisorOptions supervisor_;
  fs::path resume_;
  Recorder recorder_;
};

using PlainCommand = PlainCommandTest;

// --- Commands that behave -----------------------------------------------------------------------

TEST_F(PlainCommand, ReportsItsEpochsByWhatItPrints) {
  const AttemptEnd end = run("for i in 1 2 3; do echo epoch $i accuracy 0.$i; done");
  EXPECT_EQ(end.kind, Kind::kExhausted);
  EXPECT_EQ(end.reason, "the command ended by itself after 3 epochs");
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2, 3));
  EXPECT_DOUBLE_EQ(recorder_.epochs[2].metric, 0.3);
  EXPECT_EQ(recorder_.epochs[1].usage.energy_uj, 102'000'000);
  EXPECT_EQ(recorder_.hello->steps_per_epoch, std::nullopt);
  EXPECT_EQ(recorder_.hello->parameters, std::nullopt);
}

TEST_F(PlainCommand, ReportsItsEpochsInAFile) {
  supervisor_.metrics = "jsonl:log/metrics.jsonl";
  const AttemptEnd end = run(R"(mkdir $SYMBIONT_OUTPUT/log; for i in 1 2; do
      echo "{\"epoch\": $i, \"accuracy\": 0.$i}" >>$SYMBIONT_OUTPUT/log/metrics.jsonl; done
      printf '{"epoch": 3, "accuracy": 0.3}' >>$SYMBIONT_OUTPUT/log/metrics.jsonl)");
  EXPECT_EQ(end.kind, Kind::kExhausted) << end.reason;
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2, 3)) << "a last line needs no line break";
}

TEST_F(PlainCommand, IsEndedOnceAnEpochIsGoodEnough) {
  recorder_.stop_after = 2;
  const AttemptEnd end = run(R"(trap 'echo over >$SYMBIONT_OUTPUT/over; exit 0' TERM
      i=0; while :; do i=$((i+1)); echo epoch $i accuracy 0.5; sleep 0.05; done)");
  EXPECT_EQ(end.kind, Kind::kStopped) << end.reason;
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2));
  EXPECT_EQ(text_of("over"), "over\n") << "it was asked before it was killed";
  EXPECT_EQ(end.lost, Usage());
}

TEST_F(PlainCommand, LeavesWeightsWhereItIsToldTo) {
  recorder_.stop_after = 1;
  const AttemptEnd end =
      run("echo w >$SYMBIONT_OUTPUT/weights.safetensors; echo epoch 1 accuracy 1; sleep 600");
  EXPECT_EQ(end.weights.filename(), "weights.safetensors");
}

TEST_F(PlainCommand, IsGivenItsTrialInItsWordsAndItsEnvironment) {
  supervisor_.command = {
      "/bin/sh",
      "-c",
      R"(printf '%s\n' "$@" "$SYMBIONT_BATCH_SIZE" "${SYMBIONT_CHANNEL-none}"; pwd
                            echo epoch 1 accuracy 1)",
      "sh",
      "--batch={batch_size}",
      "{learning_rate},{seed},{max_epochs},{unknown}",
      "{resume}",
      "a  b",
      "{output}"};
  run(options());
  EXPECT_EQ(text_of("worker.log"), "--batch=64\n0.125,7,20,{unknown}\n\na  b\n" +
                                       (room_ / "output").string() + "\n64\nnone\n" +
                                       room_.path().string() + "\nepoch 1 accuracy 1\n");
}

TEST_F(PlainCommand, MayCountItsEpochsFromZero) {
  supervisor_.first_epoch = 0;
  run("for i in 0 1 2; do echo epoch $i accuracy 0.5; done");
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2, 3));
}

// --- Going on -----------------------------------------------------------------------------------

TEST_F(PlainCommand, SavesCheckpointsByItself) {
  const AttemptEnd end = run(R"(for i in 1 2; do mkdir -p $SYMBIONT_OUTPUT/checkpoint
      echo $i >$SYMBIONT_OUTPUT/checkpoint/epoch; echo epoch $i accuracy 0.5; done)");
  EXPECT_EQ(end.kind, Kind::kExhausted);
  ASSERT_THAT(recorder_.checkpoints, SizeIs(2));
  EXPECT_EQ(recorder_.checkpoints[1].epoch, 2);
  EXPECT_EQ(fs::path(recorder_.checkpoints[1].path).filename(), "checkpoint");
}

TEST_F(PlainCommand, GoesOnAfterItsCheckpoint) {
  resume_ = room_ / "output" / "checkpoint";
  fs::create_directories(resume_);
  supervisor_.recorded = 2;
  supervisor_.resumed = 2;
  run(R"(test -d "$SYMBIONT_RESUME" && echo epoch 3 accuracy 0.5)");
  EXPECT_EQ(recorder_.hello->resumed_epoch, 2);
  EXPECT_THAT(recorder_.indices(), ElementsAre(3));
  EXPECT_EQ(recorder_.epochs[0].usage.energy_uj, 103'000'000);
}

TEST_F(PlainCommand, MayIgnoreItsCheckpointAndStartAgain) {
  resume_ = room_ / "output" / "checkpoint";
  fs::create_directories(resume_);
  supervisor_.recorded = 2;
  supervisor_.resumed = 2;
  const AttemptEnd end = run("for i in 1 2 3; do echo epoch $i accuracy 0.5; done");
  EXPECT_EQ(end.kind, Kind::kExhausted) << end.reason;
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2, 3));
}

TEST_F(PlainCommand, StartsAgainWhenItsCheckpointIsGone) {
  resume_ = room_ / "output" / "checkpoint";
  supervisor_.recorded = 2;
  supervisor_.resumed = 2;
  run(R"(test -z "$SYMBIONT_RESUME" && echo epoch 1 accuracy 0.5)");
  EXPECT_EQ(recorder_.hello->resumed_epoch, 0);
  EXPECT_THAT(recorder_.indices(), ElementsAre(1));
}

TEST_F(PlainCommand, LosesACheckpointOfEpochsThatNobodyHasHeardOf) {
  resume_ = room_ / "output" / "checkpoint";
  fs::create_directories(resume_);
  supervisor_.recorded = 2;
  supervisor_.resumed = 2;
  const AttemptEnd end = run("echo epoch 5 accuracy 0.5; sleep 600");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("found epoch 5, expected 3 at most; its checkpoint is ahead"));
  EXPECT_FALSE(fs::exists(resume_));
}

TEST_F(PlainCommand, LosesACheckpointThatItCannotGoOnFrom) {
  resume_ = room_ / "output" / "checkpoint";
  fs::create_directories(resume_);
  supervisor_.recorded = 2;
  const AttemptEnd end = run("exit 4");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("exit code 4; the checkpoint that it was to go on from"));
  EXPECT_FALSE(fs::exists(resume_));
}

TEST_F(PlainCommand, WithNothingMoreToDoAfterItsCheckpointIsOver) {
  resume_ = room_ / "output" / "checkpoint";
  fs::create_directories(resume_);
  supervisor_.recorded = 2;
  supervisor_.resumed = 2;
  const AttemptEnd end = run("exit 0");
  EXPECT_EQ(end.kind, Kind::kExhausted);
  EXPECT_EQ(end.reason, "the command ended by itself after 2 epochs");
}

TEST_F(PlainCommand, ReadsNothingFromTheMetricsOfAProcessBefore) {
  supervisor_.metrics = "jsonl:m";
  std::ofstream(room_ / "output" / "m") << R"({"epoch": 1, "accuracy": 0.5})"
                                        << "\n";
  const AttemptEnd end = run("exit 0");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("without reporting an epoch in m"));
  EXPECT_TRUE(fs::exists(room_ / "output" / "m.previous"));
}

TEST_F(PlainCommand, InterruptedInsideAnEpochEndsSoon) {
  const fs::path ready = room_ / "output" / "ready";
  recorder_.interrupt = [&] { return fs::exists(ready); };
  const AttemptEnd end = run("echo epoch 1 accuracy 0.5; touch $SYMBIONT_OUTPUT/ready; sleep 600");
  EXPECT_EQ(end.kind, Kind::kInterrupted);
  EXPECT_EQ(end.closing, Usage());
}

// --- Ends ---------------------------------------------------------------------------------------

TEST_F(PlainCommand, ThatFailsShowsWhatItPrintedLast) {
  const AttemptEnd end = run("echo epoch 1 accuracy 0.5; echo no more memory >&2; exit 3");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_EQ(end.reason, "command: the command ended: exit code 3");
  EXPECT_THAT(end.stderr_tail, HasSubstr("no more memory\n"));
  EXPECT_THAT(recorder_.indices(), ElementsAre(1)) << "what it reported before counts";
}

TEST_F(PlainCommand, ThatCannotBeStartedSaysWhy) {
  supervisor_.command = {"no-such-program"};
  const AttemptEnd end = run(options());
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("start no-such-program: no such program in PATH"));
}

TEST_F(PlainCommand, WithAMetricThatIsNotFiniteHasDiverged) {
  const AttemptEnd end = run("echo epoch 1 accuracy nan; sleep 600");
  EXPECT_EQ(end.kind, Kind::kDiverged);
}

TEST_F(PlainCommand, ThatExitsAtOnceHasReportedNothing) {
  const AttemptEnd end = run("exit 0");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("ended without reporting an epoch in what it printed"));
}

TEST_F(PlainCommand, ThatNeverReportsIsHung) {
  AttemptOptions impatient = options("echo hello; sleep 600");
  impatient.first_deadline = seconds(1);
  const AttemptEnd end = run(impatient);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("hung: no answer to a lease to the end of epoch 1 within 1 s"));
}

TEST_F(PlainCommand, ThatLeavesEpochsOutFails) {
  const AttemptEnd end = run("for i in 1 1 2 1 5; do echo epoch $i accuracy 0.5; done; sleep 600");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("found epoch 5, expected 3"));
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2));
  EXPECT_THAT(text_of("worker.log"), HasSubstr("epoch 1 was reported before"));
}

// --- Commands that are hostile ------------------------------------------------------------------

TEST_F(PlainCommand, ThatIgnoresBeingAskedIsKilledAfterItsGrace) {
  supervisor_.stop_grace = seconds(1);
  recorder_.stop_after = 1;
  const AttemptEnd end = run("trap '' TERM; echo epoch 1 accuracy 1; while :; do sleep 600; done");
  EXPECT_EQ(end.kind, Kind::kStopped);
}

constexpr const char* kDetach =
    "(trap '' TERM HUP INT; (setsid sh -c 'trap \"\" TERM; sleep 600; true' &) & ) & "
    "setsid -f sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done'; ";

TEST_F(PlainCommand, CannotLeaveDetachedProcessesBehind) {
  recorder_.stop_after = 1;
  const AttemptEnd end =
      run(std::string(kDetach) + "sleep 0.2; echo epoch 1 accuracy 1; sleep 600");
  EXPECT_EQ(end.kind, Kind::kStopped);
  EXPECT_THAT(followers(), IsEmpty()) << "as soon as the attempt is over";
}

TEST_F(PlainCommand, ThatForksWithoutEndIsCaughtUpWith) {
  recorder_.stop_after = 1;
  const AttemptEnd end = run(R"(f() { sleep 0.01; f & f & }; (trap '' TERM; f) &
      sleep 0.08; echo epoch 1 accuracy 1; sleep 600)");
  EXPECT_EQ(end.kind, Kind::kStopped);
}

TEST_F(PlainCommand, ThatKillsItsSupervisorLeavesNobodyBehind) {
  const AttemptEnd end = run(std::string(kDetach) + "sleep 0.2; kill -KILL $PPID; sleep 600");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("ended unasked: exit code 137"));
}

TEST_F(PlainCommand, ThatStopsItsSupervisorIsFoundByItsDeadline) {
  AttemptOptions impatient =
      options(std::string(kDetach) + "sleep 0.2; kill -STOP $PPID; sleep 600");
  impatient.first_deadline = seconds(2);
  const AttemptEnd end = run(impatient);
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("hung"));
}

TEST_F(PlainCommand, ThatClosesItsOutputStillReportsInAFile) {
  supervisor_.metrics = "jsonl:m";
  const AttemptEnd end = run(R"(exec >&- 2>&-; sleep 0.1
      echo '{"epoch":1,"accuracy":0.5}' >$SYMBIONT_OUTPUT/m; sleep 0.1)");
  EXPECT_EQ(end.kind, Kind::kExhausted) << end.reason;
  EXPECT_THAT(recorder_.indices(), ElementsAre(1));
}

TEST_F(PlainCommand, FloodingItsOutputFillsNeitherDiskNorMemory) {
  supervisor_.most_log_bytes = 1 << 20;
  const AttemptEnd end =
      run("head -c 100000000 /dev/zero; yes | head -c 10000000; echo; echo epoch 1 accuracy 0.5");
  EXPECT_EQ(end.kind, Kind::kExhausted) << end.reason;
  std::uintmax_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(room_ / "output")) {
    bytes += entry.file_size();
  }
  EXPECT_LE(bytes, 1U << 20);
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  EXPECT_LT(usage.ru_maxrss, 500'000) << "KiB";
}

TEST_F(PlainCommand, WritingGarbageIsCountedAndShownOnce) {
  supervisor_.metrics = "jsonl:m";
  const AttemptEnd end = run(R"(cd $SYMBIONT_OUTPUT; printf 'junk\n{"epoch":\n\377\0\n' >m
      head -c 100000 /dev/zero >>m; echo >>m; sleep 0.1
      echo '{"epoch":1,"accuracy":0.5}' >>m)");
  EXPECT_EQ(end.kind, Kind::kExhausted) << end.reason;
  EXPECT_THAT(recorder_.indices(), ElementsAre(1));
  EXPECT_EQ(text_of("worker.log"),
            "symbiont: found \"junk\", expected a JSON object; more such lines are only counted\n");
}

TEST_F(PlainCommand, WritingOnlyGarbageIsToldWhatWasFound) {
  supervisor_.metrics = "jsonl:m";
  const AttemptEnd end = run("printf 'junk\nmore\n' >$SYMBIONT_OUTPUT/m");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("2 lines were not understood, the first: found \"junk\""));
}

TEST_F(PlainCommand, MayTruncateAndReplaceItsFile) {
  supervisor_.metrics = "jsonl:m";
  const AttemptEnd end = run(R"(cd $SYMBIONT_OUTPUT
      line() { echo "{\"epoch\":$1,\"accuracy\":0.5}"; }
      line 1 >m; line 2 >>m; sleep 0.3; line 3 >m; sleep 0.3
      (line 1; line 2; line 3; line 4) >new; mv new m; sleep 0.3; line 5 >>m)");
  EXPECT_EQ(end.kind, Kind::kExhausted) << end.reason;
  EXPECT_THAT(recorder_.indices(), ElementsAre(1, 2, 3, 4, 5));
}

struct Strange {
  const char* script;
  const char* found;
};

class StrangeFile : public PlainCommandTest, public ::testing::WithParamInterface<Strange> {};

TEST_P(StrangeFile, IsNotReadAndSaidToBeWrong) {
  supervisor_.metrics = "jsonl:m";
  const AttemptEnd end =
      run(std::string("cd $SYMBIONT_OUTPUT; ") + GetParam().script + "; sleep 600");
  EXPECT_EQ(end.kind, Kind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr(GetParam().found));
}

INSTANTIATE_TEST_SUITE_P(PlainCommand, StrangeFile,
                         ::testing::Values(Strange{"mkfifo m", "found a FIFO, expected a file"},
                                           Strange{"mkdir m", "found a directory"},
                                           Strange{"ln -s /dev/zero m", "found a device"}));

// --- Runners that die ---------------------------------------------------------------------------

class KilledRunnerOfPlainCommand : public PlainCommandTest,
                                   public ::testing::WithParamInterface<const char*> {};

TEST_P(KilledRunnerOfPlainCommand, LeavesNobodyBehind) {
  const fs::path ready = room_ / "output" / "ready";
  const AttemptOptions lasting = options(std::string(kDetach) + GetParam() +
                                         "sleep 0.2; touch $SYMBIONT_OUTPUT/ready; "
                                         "trap '' TERM; while :; do sleep 600; done");
  const pid_t runner = ::fork();
  if (runner == 0) {
    run(lasting);
    ::_exit(0);
  }
  EXPECT_TRUE(eventually([&] { return fs::exists(ready); }));
  EXPECT_THAT(followers(), Not(IsEmpty()));
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  EXPECT_TRUE(eventually([this] { return followers().empty(); }, seconds(5)));
}

INSTANTIATE_TEST_SUITE_P(PlainCommand, KilledRunnerOfPlainCommand,
                         ::testing::Values("", "kill -STOP $PPID;"));

TEST(SupervisorArguments, AreReadAsTheyAreWritten) {
  SupervisorOptions options;
  options.command = {"train", "--", "--metric", ""};
  options.folder = "/some where";
  options.metrics = "jsonl:-";
  options.metric = "f1";
  options.first_epoch = 0;
  options.recorded = 4;
  options.resumed = 3;
  options.stop_grace = seconds(2);
  const auto read = parse_arguments(to_arguments(options));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->command, options.command);
  EXPECT_EQ(read->folder, options.folder);
  EXPECT_EQ(to_arguments(*read), to_arguments(options));
}

TEST(SupervisorArguments, AreRefusedByName) {
  const auto message = [](const std::vector<std::string>& arguments) {
    const auto read = parse_arguments(arguments);
    return read ? "accepted" : read.error().message();
  };
  EXPECT_THAT(message({}), HasSubstr("expected a command after --"));
  EXPECT_THAT(message({"--metric"}), HasSubstr("--metric: found nothing"));
  EXPECT_THAT(message({"--recorded", "-1", "--", "x"}), HasSubstr("--recorded: found \"-1\""));
  EXPECT_THAT(message({"--colour", "red", "--", "x"}), HasSubstr("unknown argument \"--colour\""));
}

}  // namespace
}  // namespace symbiont::train
