// `symbiont energy measure` around commands that do what no command should.

#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "desk.h"

namespace symbiont::energy_command {
namespace {

using ::testing::HasSubstr;

pid_t pid_in(const Desk& desk, std::string_view file) {
  EXPECT_TRUE(eventually([&] { return desk.text(file).ends_with('\n'); })) << file;
  return std::stoi(desk.text(file));
}

TEST(Measure, OutlastsACommandThatIgnoresSigterm) {
  const Desk desk;
  const auto running = desk.start_measuring(
      "trap '' TERM; touch ready; until [ -e go ]; do sleep 0.01; done; exit 8");
  EXPECT_TRUE(eventually([&] { return desk.has("ready"); }));
  running->send(SIGTERM);
  desk.write("go", "");

  const Ended ended = running->wait();

  EXPECT_EQ(ended.exit_code, 8);
  EXPECT_EQ(ended.json()["exit_code"], 8);
}

TEST(Measure, ReportsThoughTheCommandClosedEverything) {
  const Desk desk;
  const Ended ended = desk.measure("exec 0<&- 1>&- 2>&-; exit 2");

  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_EQ(ended.json()["exit_code"], 2);
}

TEST(Measure, KnowsADaemonThatForkedTwice) {
  const Desk desk;
  const Ended ended = desk.measure(
      "(setsid sh -c 'sleep 60 & echo $! > pid' &); "
      "until grep -q sleep /proc/$(cat pid)/comm; do sleep 0.01; done");
  const pid_t daemon = pid_in(desk, "pid");

  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.message, HasSubstr(std::to_string(daemon) + " (sleep)"));
  EXPECT_EQ(::kill(daemon, SIGKILL), 0);
}

TEST(Measure, LeavesTheCommandAliveWhenTheCommandKillsIt) {
  const Desk desk;
  const Ended ended = desk.measure("kill -9 $PPID; sleep 0.05; echo $$ > survived");

  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_TRUE(eventually([&] { return !desk.text("survived").empty(); }));
}

TEST(Measure, DoesNotSendACommandItsOwnSignalBack) {
  const Desk desk;
  const Ended ended = desk.measure("kill -TERM $PPID; sleep 0.05; exit 4");

  EXPECT_EQ(ended.exit_code, 4);
}

TEST(Measure, WaitsForACommandThatIsStopped) {
  const Desk desk;
  const auto running = desk.start_measuring("echo $$ > pid; kill -STOP $$; exit 7");
  const pid_t command = pid_in(desk, "pid");
  EXPECT_TRUE(eventually([&] { return state_of(command) == 'T'; }));
  EXPECT_FALSE(running->has_ended());
  running->send(SIGCONT);

  const Ended ended = running->wait();

  EXPECT_EQ(ended.exit_code, 7);
  EXPECT_LT(ended.cpu_s, 0.5);  // it does not spin meanwhile
}

TEST(Measure, StopsAndGoesOnWithTheCommand) {
  const Desk desk;
  // In a process group that somebody could continue, as below a shell.
  const auto running =
      desk.start_measuring("echo $$ > pid; until [ -e go ]; do sleep 0.01; done; exit 6");
  const pid_t command = pid_in(desk, "pid");
  running->send(SIGTSTP);
  EXPECT_TRUE(eventually([&] { return state_of(command) == 'T'; }));
  EXPECT_TRUE(eventually([&] { return state_of(running->pid()) == 'T'; }));
  desk.write("go", "");
  running->send(SIGCONT);

  EXPECT_EQ(running->wait().exit_code, 6);
}

TEST(Measure, CountsTenThousandShortLives) {
  const Desk desk;
  const Ended ended =
      desk.measure("i=0; while [ $i -lt 10000 ]; do ( : ); i=$((i+1)); done", {"--wait-all"});

  ASSERT_EQ(ended.exit_code, 0);
  const double measured = ended.json()["cpu_time_s"];
  EXPECT_LE(measured, ended.cpu_s);
  EXPECT_GT(measured, ended.cpu_s - 0.1);
}

TEST(Measure, CountsAThousandOrphans) {
  const Desk desk;
  const Ended ended =
      desk.measure("i=0; while [ $i -lt 1000 ]; do ( ( : ) & ) ; i=$((i+1)); done", {"--wait-all"});

  ASSERT_EQ(ended.exit_code, 0);
  EXPECT_GT(ended.json()["cpu_time_s"], ended.cpu_s - 0.3);  // which has ours, of reaping them
}

TEST(Measure, KnowsHowACommandEndedThoughItWasToldToIgnoreChildren) {
  const Desk desk;
  const Ended ended = desk.start({"env", "--ignore-signal=CHLD", SYMBIONT_PROGRAM, "energy",
                                  "measure", "--", "sh", "-c", "exit 3"})
                          ->wait();

  EXPECT_EQ(ended.exit_code, 3);
}

TEST(Measure, GivesTheCommandTheSignalsItWasGiven) {
  const Desk desk;
  const Ended ended =
      desk.start({"env", "--ignore-signal=HUP", "--ignore-signal=CHLD", SYMBIONT_PROGRAM, "energy",
                  "measure", "--", "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"})
          ->wait();
  const Ended alone = desk.start({"env", "--ignore-signal=HUP", "--ignore-signal=CHLD", "grep",
                                  "-E", "Sig(Blk|Ign)", "/proc/self/status"})
                          ->wait();

  EXPECT_EQ(ended.output, alone.output);
}

TEST(Measure, WaitsOnThroughASignalThatItWasToldToIgnore) {
  const Desk desk;
  const auto running = desk.start(
      {"env", "--ignore-signal=HUP", SYMBIONT_PROGRAM, "energy", "measure", "--wait-all", "--json",
       "--", "sh", "-c", "sh -c 'until [ -e go ]; do sleep 0.01; done' & echo $! > pid; exit 5"});
  const std::string orphan = std::to_string(pid_in(desk, "pid"));
  const std::string children = "/proc/" + std::to_string(running->pid()) + "/task/" +
                               std::to_string(running->pid()) + "/children";
  EXPECT_TRUE(eventually([&] { return desk.text(children) == orphan + " "; }));
  running->send(SIGHUP);
  running->send(SIGWINCH);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // in which it would have ended
  desk.write("go", "");

  const Ended ended = running->wait();

  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_TRUE(ended.json()["survivors"].empty());
}

TEST(Measure, KeepsTheExitCodeWhenNobodyReadsTheReport) {
  const Desk desk;
  const Ended ended =
      desk.start({"sh", "-c",
                  "{ \"$0\" energy measure -- sh -c 'sleep 0.1; exit 5'; echo $? > code; "
                  "} 2>&1 | true",
                  SYMBIONT_PROGRAM})
          ->wait();
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(desk.text("code"), "5\n");
}

TEST(Measure, PrintsNoBytesOfAProcessThatNamesItself) {
  const Desk desk;
  desk.write("script",
             "#!/bin/sh\nprintf 'a\\033[2J' > /proc/self/comm 2>/dev/null || "
             "printf 'a\\033[2J' > /proc/$$/comm\necho $$ > pid\nsleep 60 > /dev/null\n");
  const Ended ended =
      desk.measure("sh script & until [ -s pid ]; do sleep 0.01; done", {"--output", "out.json"});

  EXPECT_EQ(ended.message.find('\033'), std::string::npos);
  const auto document = nlohmann::json::parse(desk.text("out.json"));
  EXPECT_FALSE(document["survivors"].empty());
  for (const auto& survivor : document["survivors"]) {
    ::kill(survivor["pid"].get<pid_t>(), SIGKILL);
  }
}

}  // namespace
}  // namespace symbiont::energy_command
