// `symbiont run` with `worker = "plain"`: scripts that know nothing of it, tuned, killed and
// resumed.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>

#include "symbiont/base/subprocess.h"
#include "temporary_directory.h"

namespace symbiont::plain {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A script as a person has it. 16 reaches 0.9 after five epochs, 32 after three, 64 after four.
constexpr const char* kScript = R"sh(#!/bin/sh
# train.sh BATCH_SIZE RATE FOLDER CHECKPOINT
case $1 in 16) needed=5 ;; 32) needed=3 ;; *) needed=4 ;; esac
echo "$1 $2" >>"$3/arguments"
epoch=0
[ -z "$4" ] || epoch=$(cat "$4/epoch")
while [ $epoch -lt 8 ]; do
  sleep 0.05
  epoch=$((epoch + 1))
  echo "epoch $epoch of 8: accuracy 0.$((9 * epoch / needed))"
  [ -n "$NO_CHECKPOINTS" ] && continue
  rm -rf "$3/new"; mkdir "$3/new"
  echo $epoch >"$3/new/epoch"
  rm -rf "$3/checkpoint"; mv "$3/new" "$3/checkpoint"
done
)sh";

constexpr const char* kJob = R"([job]
name = "script"
recurrences = 8
target = {value = 0.9}
max_epochs = 7
[train]
worker = "plain"
command = "./train.sh {batch_size} {learning_rate} {output} '{resume}'"
metrics = 'regex:^epoch (?P<epoch>\d+) .*accuracy (?P<metric>\S+)'
optimizer = "sgd-plain"
learning_rate = 0.5
batch_size = 32
batch_sizes = [16, 32, 64]
stop_grace_s = 2
[energy]
meters = ["replay:trace.csv"]
[carbon]
intensity_g_per_kwh = 400
)";

struct Ended {
  ExitStatus status;
  std::string output;
  std::string complaint;
};

bool eventually(const std::function<bool()>& holds, seconds limit = seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A folder with a script, its job and a home.
class PlainTest : public ::testing::Test {
 protected:
  PlainTest() {
    fs::create_directory(room_ / "tmp");
    write_script(kScript);
    write_job({});
    std::ofstream trace(room_ / "trace.csv");
    trace << "batch_size,epoch,time_s,energy_j\n";
    for (const auto& [size, joules] : {std::pair(16, 8), std::pair(32, 6), std::pair(64, 3)}) {
      for (int epoch = 1; epoch <= 8; ++epoch) {
        trace << size << "," << epoch << ",1," << joules << "\n";
      }
    }
  }

  ~PlainTest() override {
    EXPECT_TRUE(eventually([this] { return processes().empty(); }, seconds(5)))
        << "somebody was left behind";
    for (const pid_t pid : processes()) {
      ::kill(pid, SIGKILL);
    }
    EXPECT_THAT((std::vector<fs::path>{fs::directory_iterator(room_ / "tmp"), {}}), IsEmpty());
  }

  void write_script(const std::string& text) const {
    std::ofstream(room_ / "train.sh") << text;
    fs::permissions(room_ / "train.sh", fs::perms::owner_all);
  }

  /// The job with the first occurrence of each first text replaced by the second.
  void write_job(const std::vector<std::pair<std::string, std::string>>& edits) const {
    std::string text = kJob;
    for (const auto& [from, to] : edits) {
      ASSERT_NE(text.find(from), text.npos) << from;
      text.replace(text.find(from), from.size(), to);
    }
    std::ofstream(room_ / "job.toml") << text;
  }

  /// Every living process that was told of this room.
  std::vector<pid_t> processes() const {
    std::vector<pid_t> found;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      const bool is_process = name.find_first_not_of("0123456789") == name.npos;
      if (is_process && read(entry.path() / "environ").find(room_.path().string()) != name.npos &&
          identify_process(std::stoi(name))) {
        found.push_back(std::stoi(name));
      }
    }
    return found;
  }

  Subprocess start(const Words& words) {
    SpawnOptions options;
    options.argv = words;
    options.argv.insert(options.argv.begin(), SYMBIONT_PROGRAM);
    options.argv.insert(options.argv.end(), {"--home", (room_ / "home").string()});
    options.environment = {{"TMPDIR", (room_ / "tmp").string()}, {"XDG_RUNTIME_DIR", ""}};
    options.environment.insert(options.environment.end(), environment_.begin(), environment_.end());
    options.stdout_file = room_ / "out";
    options.stderr_file = room_ / "err";
    fs::remove(options.stdout_file);
    fs::remove(options.stderr_file);
    auto process = Subprocess::spawn(options);
    SYM_CHECK(process.has_value());
    return std::move(*process);
  }

  Ended end(Subprocess process) {
    const auto status = process.wait(seconds(200));
    EXPECT_TRUE(status) << "it does not end";
    return {status.value_or(ExitStatus{-1, 0}), read(room_ / "out"), read(room_ / "err")};
  }

  Ended command(const Words& words) { return end(start(words)); }
  Ended run(Words more = {}) {
    Words words = {"run", (room_ / "job.toml").string(), "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return command(words);
  }

  /// The document of a run that ends with this code.
  Json summary(int exit_code, const Words& more = {}) {
    const Ended ended = run(more);
    EXPECT_EQ(ended.status.exit_code, exit_code) << ended.complaint;
    return Json::parse(ended.output, nullptr, false);
  }

  testing::TemporaryDirectory room_;
  std::vector<std::pair<std::string, std::string>> environment_;
};

using Plain = PlainTest;

std::vector<int> sizes_of(const Json& summary) {
  std::vector<int> sizes;
  for (const Json& recurrence : summary.at("recurrences")) {
    sizes.push_back(recurrence.at("batch_size"));
  }
  return sizes;
}

// --- Tuning -------------------------------------------------------------------------------------

TEST_F(Plain, ScriptIsRunAtItsDefaultByTheFixedPolicy) {
  write_job({{"[energy]", "[tune]\npolicy = \"fixed\"\n[energy]"}});
  const Json done = summary(0, {"--recurrences", "3"});
  EXPECT_THAT(sizes_of(done), Each(32));
  for (const Json& recurrence : done["recurrences"]) {
    EXPECT_EQ(recurrence["epochs"], 3);
    EXPECT_EQ(recurrence["energy_j"], 18.0);
    EXPECT_EQ(recurrence["metric"], 0.9);
    EXPECT_EQ(recurrence["weights"], nullptr);
  }
  EXPECT_EQ(read(room_ / "home/jobs/script/attempt-1/arguments"), "32 0.5\n");
}

TEST_F(Plain, ScriptIsTunedToTheBatchSizeThatCostsLeast) {
  write_job({{"[energy]", "[tune]\neta = 1.0\n[energy]"}});
  const Json done = summary(0);
  EXPECT_EQ(sizes_of(done).back(), 64);
  EXPECT_EQ(done["recurrences"].back()["energy_j"], 12.0);
  std::set<std::string> given;
  for (const fs::directory_entry& attempt : fs::directory_iterator(room_ / "home/jobs/script")) {
    given.insert(read(attempt.path() / "arguments"));
    EXPECT_FALSE(fs::exists(attempt.path() / "checkpoint")) << "it has served its purpose";
  }
  EXPECT_THAT(given, ElementsAre("16 0.25\n", "32 0.5\n", "64 1\n"))
      << "the learning rate follows the batch size";
}

TEST_F(Plain, ScriptIsCheckedBeforeAnythingIsChanged) {
  const Ended plan = run({"--check"});
  EXPECT_EQ(plan.status.exit_code, 0) << plan.complaint;
  EXPECT_EQ(Json::parse(plan.output)["training_rows"], nullptr);
  write_job({{"./train.sh", "./trian.sh"}});
  const Ended missing = run();
  EXPECT_EQ(missing.status.exit_code, 2);
  EXPECT_THAT(missing.complaint, HasSubstr("[train] command: "));
  EXPECT_THAT(missing.complaint, HasSubstr("trian.sh: No such file"));
  EXPECT_FALSE(fs::exists(room_ / "home"));
}

TEST_F(Plain, ScriptOfOtherWordsHasLearnedNothingYet) {
  EXPECT_EQ(summary(0, {"--recurrences", "1"})["recurrences"].size(), 1U);
  write_job({{"'{resume}'", "'{resume}' --faster"}});
  const Ended ended = run();
  EXPECT_EQ(ended.status.exit_code, 2);
  EXPECT_THAT(ended.complaint, HasSubstr("the job has changed since it learned: command: was"));
}

// --- Ends ---------------------------------------------------------------------------------------

TEST_F(Plain, ScriptThatEndsBeforeTheTargetEndsItsAttempt) {
  write_script("#!/bin/sh\nfor i in 1 2; do echo epoch $i of 2: accuracy 0.5; done\n");
  write_job({{"batch_sizes = [16, 32, 64]\n", ""}});
  const Json done = summary(3, {"--recurrences", "1"});
  const Json attempt = done["recurrences"][0]["attempts"][0];
  EXPECT_EQ(attempt["stopped"], "max_epochs");
  EXPECT_EQ(attempt["epochs"], 2);
  EXPECT_EQ(attempt["reason"], "the command ended by itself after 2 epochs");
}

TEST_F(Plain, ScriptThatFailsIsTriedFourTimesAndQuoted) {
  write_script("#!/bin/sh\necho x >>$3/tries\necho the disk is on fire >&2\nexit 9\n");
  const Ended ended = run();
  EXPECT_EQ(ended.status.exit_code, 1);
  EXPECT_THAT(ended.complaint, HasSubstr("the command ended: exit code 9\n"));
  EXPECT_THAT(ended.complaint, HasSubstr("the disk is on fire"));
  EXPECT_EQ(read(room_ / "home/jobs/script/attempt-1/tries"), "x\nx\nx\nx\n");
}

TEST_F(Plain, ScriptThatDivergesIsNotTriedAgainAtThatSize) {
  write_script("#!/bin/sh\necho epoch 1 of 8: accuracy nan\nsleep 600\n");
  write_job({{"batch_sizes = [16, 32, 64]\n", ""}});
  const Json done = summary(3, {"--recurrences", "1"});
  EXPECT_EQ(done["recurrences"][0]["attempts"][0]["stopped"], "diverged");
}

// --- Interruptions and kills --------------------------------------------------------------------

/// What a kill may not change.
Json lasting(Json summary) {
  for (const char* key : {"resumed", "lost_energy_j", "startup_time_s", "startup_energy_j"}) {
    summary.erase(key);
  }
  for (Json& recurrence : summary["recurrences"]) {
    recurrence.erase("lost_energy_j");
  }
  return summary;
}

TEST_F(Plain, ScriptIsInterruptedAtOnceAndGoesOnLater) {
  const Json undisturbed = summary(0, {"--recurrences", "2"});
  fs::remove_all(room_ / "home");
  Subprocess runner = start({"run", (room_ / "job.toml").string(), "--json", "--recurrences", "2"});
  EXPECT_TRUE(eventually(
      [this] { return fs::exists(room_ / "home/jobs/script/attempt-1/checkpoint/epoch"); }));
  runner.signal_group(SIGINT);
  const Ended interrupted = end(std::move(runner));
  EXPECT_EQ(interrupted.status.exit_code, 5) << interrupted.complaint;
  EXPECT_THAT(processes(), IsEmpty());
  const Json resumed = summary(0);
  EXPECT_EQ(resumed["resumed"], true);
  EXPECT_EQ(lasting(resumed), lasting(undisturbed));
}

/// A state in which the runner dies, see docs/reference/failpoints.md.
struct Death {
  const char* failpoint;
  int count = 1;
};

std::ostream& operator<<(std::ostream& stream, const Death& death) {
  return stream << death.failpoint << " " << death.count;
}

class KilledPlain : public PlainTest, public ::testing::WithParamInterface<Death> {
 protected:
  void expect_same_decisions_after_a_kill() {
    const Json undisturbed = summary(0, {"--recurrences", "3"});
    fs::remove_all(room_ / "home");

    std::ofstream(room_ / "token") << "x";
    const auto before = environment_;
    environment_.emplace_back("SYMBIONT_FAILPOINT", std::string(GetParam().failpoint) + ":" +
                                                        std::to_string(GetParam().count) + ":" +
                                                        (room_ / "token").string());
    EXPECT_EQ(run({"--recurrences", "3"}).status.signal, SIGKILL);
    environment_ = before;
    EXPECT_FALSE(fs::exists(room_ / "token"));
    EXPECT_TRUE(eventually([this] { return processes().empty(); }, seconds(5)));
    remove_sockets();
    EXPECT_EQ(command({"ledger", "check"}).status.exit_code, 0);

    const Json resumed = summary(0);
    EXPECT_EQ(lasting(resumed).dump(1), lasting(undisturbed).dump(1));
    EXPECT_EQ(command({"ledger", "check"}).status.exit_code, 0);
  }

  /// One whose worker had not connected yet stays for a minute.
  void remove_sockets() const {
    for (const fs::directory_entry& entry : fs::directory_iterator(room_ / "tmp")) {
      fs::remove_all(entry);
    }
  }
};

TEST_P(KilledPlain, RunnerComesToTheSameDecisionsFromItsCheckpoints) {
  expect_same_decisions_after_a_kill();
}

TEST_P(KilledPlain, RunnerComesToTheSameDecisionsWithoutCheckpoints) {
  environment_ = {{"NO_CHECKPOINTS", "1"}};
  expect_same_decisions_after_a_kill();
}

INSTANTIATE_TEST_SUITE_P(
    Plain, KilledPlain,
    ::testing::Values(Death{"train.worker.spawned"}, Death{"train.lease.granted"},
                      Death{"train.lease.granted", 3}, Death{"train.epoch.received", 2},
                      Death{"ledger.record_epoch.after", 2}, Death{"train.stop.sent"},
                      Death{"ledger.finish_attempt.before"}, Death{"jobs.attempt.finished"},
                      Death{"train.lease.granted", 5}));

TEST_F(Plain, ScriptThatDetachesItselfDiesWithAKilledRunner) {
  write_script(R"sh(#!/bin/sh
trap '' TERM HUP INT
(setsid sh -c 'trap "" TERM; while :; do sleep 1; done' &) &
setsid -f sh -c 'trap "" TERM HUP; while :; do sleep 1; done'
sleep 0.2; touch $3/ready
while :; do sleep 1; done
)sh");
  Subprocess runner = start({"run", (room_ / "job.toml").string(), "--json"});
  EXPECT_TRUE(
      eventually([this] { return fs::exists(room_ / "home/jobs/script/attempt-1/ready"); }));
  EXPECT_GE(processes().size(), 5U);
  ::kill(runner.pid(), SIGKILL);
  runner.wait(seconds(5));
  EXPECT_TRUE(eventually([this] { return processes().empty(); }, seconds(5)));
}

// --- Examples -----------------------------------------------------------------------------------

class Example : public PlainTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(Example, ReachesItsTarget) {
  const fs::path job = fs::path(EXAMPLES_FOLDER) / GetParam() / "job.toml";
  const Ended plan = command({"run", job.string(), "--check", "--json"});
  if (plan.status.exit_code != 0) {
    GTEST_SKIP() << plan.complaint;
  }
  const Ended ended = command({"run", job.string(), "--recurrences", "1", "--json"});
  ASSERT_EQ(ended.status.exit_code, 0) << ended.complaint;
  EXPECT_EQ(Json::parse(ended.output)["recurrences"][0]["reached"], true);
}

INSTANTIATE_TEST_SUITE_P(Plain, Example, ::testing::Values("plain", "plain-shell"));

}  // namespace
}  // namespace symbiont::plain
