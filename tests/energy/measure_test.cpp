// What `symbiont energy measure` says of commands that behave.

#include <chrono>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "desk.h"

namespace symbiont::energy_command {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Processor time until this many rounds of a loop of the shell.
std::string busy_loop(int rounds) {
  return "i=0; while [ $i -lt " + std::to_string(rounds) + " ]; do i=$((i+1)); done";
}

TEST(Measure, PassesTheExitCodeOn) {
  const Desk desk;
  EXPECT_EQ(desk.measure("exit 0").exit_code, 0);
  EXPECT_EQ(desk.measure("exit 3").exit_code, 3);
  EXPECT_EQ(desk.measure("exit 255").exit_code, 255);
  const Ended killed = desk.measure("kill -9 $$");
  EXPECT_EQ(killed.exit_code, 137);
  EXPECT_EQ(killed.json()["exit_code"], 137);
  EXPECT_EQ(killed.json()["signal"], 9);
}

TEST(Measure, SaysWhenThereIsNothingToStart) {
  const Desk desk;
  desk.write("plain", "no program");
  const Ended missing = desk.energy({"measure", "--json", "--", "no-such-program"});
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_THAT(missing.message, HasSubstr("no-such-program: no such program"));
  EXPECT_EQ(missing.output, "");
  EXPECT_EQ(desk.energy({"measure", "--", "./plain"}).exit_code, 126);
  EXPECT_EQ(desk.energy({"measure", "--", "."}).exit_code, 126);
}

TEST(Measure, LeavesEveryWordToTheCommand) {
  const Desk desk;
  const Ended ended = desk.energy({"measure", "--output", "out.json", "--", "printf", "%s.", "--",
                                   "run", "[a,b]", "--json", "", "--help"});

  EXPECT_EQ(ended.output, "--.run.[a,b].--json..--help.");
  EXPECT_EQ(nlohmann::json::parse(desk.text("out.json"))["command"].size(), 8U);
}

TEST(Measure, LeavesTheStreamsToTheCommand) {
  const Desk desk;
  const Ended ended =
      desk.start({"sh", "-c", "echo in | \"$0\" energy measure -- sh -c 'cat; echo err >&2'",
                  SYMBIONT_PROGRAM})
          ->wait();

  EXPECT_EQ(ended.output, "in\n");
  EXPECT_THAT(ended.message, ::testing::StartsWith("err\nsymbiont: "));
}

TEST(Measure, SaysWhatAPersonWantsToKnow) {
  const Desk desk;
  const Ended ended =
      desk.energy({"measure", "--meter", "estimator", "--zone", "DE", "--", "true"});

  EXPECT_EQ(ended.output, "");
  for (const char* part :
       {" s, ", "processor time", "J (", "modelled ±40 %, this process", "CO2"}) {
    EXPECT_THAT(ended.message, HasSubstr(part));
  }
}

TEST(Measure, PrintsTheKeysThatProgramsRelyOn) {
  const Desk desk;
  const nlohmann::json document = desk.measure("exit 4", {"--meter", "estimator"}).json();

  EXPECT_GT(document["time_s"], 0.0);
  EXPECT_GT(document["cpu_time_s"], 0.0);
  EXPECT_GT(document["energy_j"], 0.0);
  EXPECT_NEAR(document["uncertainty_j"].get<double>() / document["energy_j"].get<double>(), 0.4,
              1e-3);
  EXPECT_EQ(document["provenance"], "modelled");
  EXPECT_EQ(document["scope"], "process");
  EXPECT_TRUE(document["emitted_g"].is_null());
  EXPECT_EQ(document["domains"][0]["name"], "cpu");
  EXPECT_EQ(document["domains"][0]["energy_j"], document["energy_j"]);
  EXPECT_EQ(document["domains"][0]["provenance"], "modelled");
  EXPECT_EQ(document["exit_code"], 4);
  EXPECT_TRUE(document["signal"].is_null());
  EXPECT_TRUE(document["survivors"].empty());
}

TEST(Measure, TurnsJoulesIntoGramsWhereItIsToldTheIntensity) {
  const Desk desk;
  const nlohmann::json document =
      desk.measure("exit 0", {"--intensity-g-per-kwh", "500", "--pue", "1.2"}).json();

  const double expected = document["energy_j"].get<double>() / 3.6e6 * 500 * 1.2;
  EXPECT_NEAR(document["emitted_g"].get<double>(), expected, 1e-9 * expected);
}

TEST(Measure, CountsTheWholeTreeToTheLastMillisecond) {
  const Desk desk;
  const std::string work = busy_loop(60'000);
  // Children, grandchildren, and an orphan whose parent has long ended.
  const Ended ended =
      desk.measure("sh -c '" + work + "; (" + work + ")'; (sh -c '" + work +
                   "; touch done' &); until [ -e done ]; do sleep 0.01; done; sleep 0.05");

  const double measured = ended.json()["cpu_time_s"];
  const double ours = desk.measure("true").cpu_s;  // of starting, metering and waiting
  EXPECT_LE(measured, ended.cpu_s);
  EXPECT_GT(measured, ended.cpu_s - 3.0 * ours - 0.02);
  EXPECT_GT(measured, 0.0);
}

TEST(Measure, IsExactOnACounterThatWrapsAndIsReset) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 262'143'000'000);
  machine.add_zone("intel-rapl:0/intel-rapl:0:0", "dram", 40, 65'712'999'613);
  const Desk desk;
  desk.write("lines", "");
  // Each step waits until the meter has been read twice since, which the lines of --interval show.
  const std::string set =
      "set_energy() { echo $2 > $1/next; mv $1/next $1/energy_uj; "
      "seen=$(wc -l < lines); until [ $(wc -l < lines) -ge $((seen + 2)) ]; do sleep 0.01; done; "
      "}\n";
  const std::string package = (machine.powercap() / "intel-rapl:0").string();
  const std::string dram = package + "/intel-rapl:0:0";
  const std::string trace = set +  //
                            "set_energy " + package +
                            " 262143000123\n"  // rise: 123
                            "set_energy " +
                            package +
                            " 1000\n"  // wrap: 328850-123+1000
                            "set_energy " +
                            dram +
                            " 77\n"  // rise: 37
                            "set_energy " +
                            package +
                            " 5001000\n"  // rise: 5 J
                            "set_energy " +
                            package +
                            " 700\n"  // reset: 700
                            "rm " +
                            package +
                            "/energy_uj; sleep 0.05\n"  // a hole
                            "set_energy " +
                            package + " 900\n";  // rise: 200
  const auto running = desk.start({"sh", "-c",
                                   "exec \"$0\" energy measure --output out.json --interval 0.02 "
                                   "--sysroot \"$1\" -- sh -c \"$2\" 2> lines",
                                   SYMBIONT_PROGRAM, machine.root().string(), trace});
  ASSERT_EQ(running->wait().exit_code, 0) << desk.text("lines");

  const auto document = nlohmann::json::parse(desk.text("out.json"));
  const std::int64_t expected_package = 123 + (328'850 - 123 + 1'000) + 5'000'000 + 700 + 200;
  ASSERT_EQ(document["domains"].size(), 2U);
  EXPECT_EQ(document["domains"][0]["name"], "package-0");
  EXPECT_NEAR(document["domains"][0]["energy_j"].get<double>(), 1e-6 * expected_package, 1e-10);
  EXPECT_NEAR(document["domains"][1]["energy_j"].get<double>(), 37e-6, 1e-10);
  EXPECT_NEAR(document["energy_j"].get<double>(), 1e-6 * (expected_package + 37), 1e-10);
  EXPECT_GT(document["uncertainty_j"], 0.0) << "what the reset hid";
  EXPECT_THAT(desk.text("lines"), HasSubstr("package-0 (rapl): the counter was reset"));
  EXPECT_EQ(document["provenance"], "measured");
  EXPECT_EQ(document["scope"], "machine");
}

TEST(Measure, CountsTheCommandsTimeAndNotThatOfASlowMeter) {
  const Desk desk;
  desk.write("meter.sh", "#!/bin/sh\nsleep 1\necho power_w=100\n");
  std::filesystem::permissions(desk / "meter.sh", std::filesystem::perms(0700));

  const nlohmann::json document =
      desk.measure("date +%s.%N > begin; sleep 0.2; date +%s.%N > end",
                   {"--meter", "command:" + (desk / "meter.sh").string()})
          .json();

  const double time = document["time_s"];
  EXPECT_GE(time, std::stod(desk.text("end")) - std::stod(desk.text("begin")));
  EXPECT_LT(time, 0.9);
  EXPECT_NEAR(document["energy_j"], 100 * time, 1);
}

TEST(Measure, SurvivesAMeterThatShowsNonsenseForAMoment) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 1'000'000);
  const Desk desk;
  const std::string counter = (machine.powercap() / "intel-rapl:0/energy_uj").string();

  const Ended ended =
      desk.measure("echo banana > " + counter, {"--sysroot", machine.root().string()});

  EXPECT_EQ(ended.exit_code, 0) << ended.message;
  EXPECT_THAT(ended.message, HasSubstr("package-0 (rapl): could not be read for a moment"));
  EXPECT_EQ(ended.json()["energy_j"], 0.0);
  EXPECT_GT(ended.json()["uncertainty_j"], 0.0);
}

TEST(Measure, PrintsNoLineOfNoTimeAfterItWasStopped) {
  const Desk desk;
  const auto running = desk.start_measuring("echo $$ > pid; until [ -e go ]; do sleep 0.01; done",
                                            {"--interval", "1", "--meter", "estimator"});
  const auto lines = [&] {
    const std::string text = running->message();
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_TRUE(eventually([&] { return desk.text("pid").ends_with('\n'); }));
  running->send(SIGTSTP);
  EXPECT_TRUE(eventually([&] { return state_of(running->pid()) == 'T'; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(2'500));  // what is missed, not waited for
  running->send(SIGCONT);
  EXPECT_TRUE(eventually([&] { return lines() >= 2; }));
  desk.write("go", "");

  const Ended ended = running->wait();

  double last = 0.0;
  std::istringstream text(ended.message);
  for (std::string line; std::getline(text, line);) {
    const double time = std::stod(line.substr(line.find(':') + 1));
    EXPECT_GE(time - last, 0.4) << ended.message;
    last = time;
  }
}

TEST(Measure, SaysThatAMachinesMeterSeesTheMachine) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 0);
  const Desk desk;

  const Ended ended = desk.energy({"measure", "--sysroot", machine.root().string(), "--", "true"});

  EXPECT_THAT(ended.message, HasSubstr("measured, this machine with all that ran on it"));
}

TEST(Measure, ReportsNoEnergyWhenTheMeterGoesAway) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 0);
  const Desk desk;
  const Words options{"--sysroot", machine.root().string()};
  const std::string remove = "rm -r " + (machine.powercap() / "intel-rapl:0").string();

  const Ended ended = desk.measure(remove, options);

  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.message, HasSubstr("package-0"));
  EXPECT_TRUE(ended.json()["energy_j"].is_null());
  EXPECT_TRUE(ended.json()["domains"].empty());
}

TEST(Measure, PrintsALineForEachInterval) {
  const Desk desk;
  const auto running = desk.start_measuring("until [ -e stop ]; do sleep 0.01; done",
                                            {"--interval", "0.02", "--meter", "estimator"});
  EXPECT_TRUE(eventually([&] {
    const std::string text = running->message();
    return std::count(text.begin(), text.end(), '\n') >= 3;
  }));
  desk.write("stop", "");

  const Ended ended = running->wait();

  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(ended.message, HasSubstr("W\n"));
}

TEST(Measure, EndsWithTheFirstProcessAndNamesThoseThatGoOn) {
  const Desk desk;
  const Ended ended =
      desk.measure("sleep 60 & echo $! > pid; until grep -q sleep /proc/$!/comm; do :; done");
  const pid_t survivor = std::stoi(desk.text("pid"));

  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(
      ended.message,
      HasSubstr("still running and no longer counted: " + std::to_string(survivor) + " (sleep)"));
  EXPECT_EQ(ended.json()["survivors"][0]["pid"], survivor);
  EXPECT_EQ(ended.json()["survivors"][0]["name"], "sleep");
  EXPECT_EQ(::kill(survivor, SIGKILL), 0);
}

TEST(Measure, WaitsForEverybodyWhenAsked) {
  const Desk desk;
  const auto running = desk.start_measuring(
      "(setsid sh -c 'until [ -e go ]; do sleep 0.01; done; touch gone' &); touch left; exit 5",
      {"--wait-all"});
  EXPECT_TRUE(eventually([&] { return desk.has("left"); }));
  EXPECT_FALSE(running->has_ended());
  desk.write("go", "");

  const Ended ended = running->wait();

  EXPECT_EQ(ended.exit_code, 5);
  EXPECT_TRUE(desk.has("gone"));
  EXPECT_TRUE(ended.json()["survivors"].empty());
}

TEST(Measure, StopsWaitingForOthersWhenInterrupted) {
  const Desk desk;
  const auto running =
      desk.start_measuring("setsid sleep 60 & echo $! > pid; exit 6", {"--wait-all"});
  EXPECT_TRUE(eventually([&] { return !desk.text("pid").empty(); }));
  // Not before the first process has ended: that would be passed on to it.
  const std::string children = "/proc/" + std::to_string(running->pid()) + "/task/" +
                               std::to_string(running->pid()) + "/children";
  EXPECT_TRUE(eventually([&] {
    return desk.text(children) == desk.text("pid").substr(0, desk.text("pid").size() - 1) + " ";
  }));
  running->send(SIGINT);

  const Ended ended = running->wait();

  EXPECT_EQ(ended.exit_code, 6);
  EXPECT_EQ(ended.json()["survivors"].size(), 1U);
  EXPECT_EQ(::kill(std::stoi(desk.text("pid")), SIGKILL), 0);
}

TEST(Measure, PassesSignalsOn) {
  const Desk desk;
  const auto running = desk.start_measuring(
      "trap 'echo usr1 >> heard' USR1; trap 'echo hup >> heard' HUP; trap 'exit 9' TERM; "
      "touch ready; while :; do sleep 0.01; done");
  EXPECT_TRUE(eventually([&] { return desk.has("ready"); }));
  running->send(SIGUSR1);
  EXPECT_TRUE(eventually([&] { return desk.text("heard") == "usr1\n"; }));
  running->send(SIGHUP);
  EXPECT_TRUE(eventually([&] { return desk.text("heard") == "usr1\nhup\n"; }));
  running->send(SIGTERM);

  EXPECT_EQ(running->wait().exit_code, 9);
}

TEST(Measure, RefusesBadInputBeforeTheCommandRuns) {
  const Desk desk;
  desk.write("curve.csv", "utilisation,watts\n0,5\n1,4\n");
  std::filesystem::create_symlink("/dev/stdout", desk / "out-link");
  ASSERT_EQ(::mkfifo((desk / "fifo").c_str(), 0600), 0);
  for (const auto& [options, reason] : std::vector<std::pair<Words, std::string>>{
           {{"--zone", "XX"}, "XX"},
           {{"--pue", "0.5"}, "0.5"},
           {{"--zone", "DE", "--intensity-g-per-kwh", "1"}, "excludes"},
           {{"--meter", "rabl"}, "did you mean \"rapl\""},
           {{"--meter", "replay:x.csv"}, "measures no command"},
           {{"--meter", "cgroup:relative"}, "expected \"self\""},
           {{"--curve", "azur", "--meter", "estimator"}, "did you mean azure"},
           {{"--curve", "csv:curve.csv", "--meter", "estimator"}, "curve.csv:3"},
           {{"--threads", "0"}, "threads"},
           {{"--interval", "0"}, "interval"},
           {{"--interval", "nan"}, "interval"},
           {{"--sysroot", "no/such/folder"}, "--sysroot: no/such/folder: no such folder"},
           {{"--sysroot", "curve.csv"}, "--sysroot: curve.csv: no such folder"},
           {{"--output", "/dev/full"}, "--json prints to standard output"},
           {{"--output", "/dev/stdout"}, "--json prints to standard output"},
           {{"--output", "/dev/fd/1"}, "--json prints to standard output"},
           {{"--output", "/proc/self/fd/1"}, "--json prints to standard output"},
           {{"--output", "out-link"}, "--json prints to standard output"},
           {{"--output", "fifo"}, "--json prints to standard output"},
           {{"--output", "."}, "cannot be written"},
           {{"--output", "no/such/folder"}, "cannot be written"}}) {
    const Ended ended = desk.measure("touch ran", options);
    EXPECT_EQ(ended.exit_code, 2) << reason << ended.message;
    EXPECT_THAT(ended.message, HasSubstr(reason));
    EXPECT_FALSE(desk.has("ran")) << reason;
  }
  EXPECT_EQ(desk.energy({"measure"}).exit_code, 2);
  EXPECT_EQ(desk.energy({"measure", "ls"}).exit_code, 2);
  EXPECT_EQ(desk.energy({"watch"}).exit_code, 2);
  EXPECT_EQ(desk.energy({"meters", "--sysroot", "no/such/folder"}).exit_code, 2);
  EXPECT_EQ(desk.energy({"calibrate", "--sysroot", "no/such/folder"}).exit_code, 2);
}

TEST(Measure, ReadsTheControlGroupThatItIsToldTo) {
  const Desk desk;
  std::filesystem::create_directories(desk / "proc/self");
  std::filesystem::create_directories(desk / "cg/job");
  desk.write("proc/self/mountinfo", "41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n");
  desk.write("cg/job/cpu.stat", "usage_usec 1000\n");
  const Ended ended = desk.measure(
      "echo usage_usec 2001000 > next; mv next cg/job/cpu.stat; sleep 0.05",
      {"--meter", "cgroup:/job", "--sysroot", ".", "--curve", "aws", "--threads", "1000"});

  ASSERT_EQ(ended.exit_code, 0) << ended.message;
  const nlohmann::json document = ended.json();
  const double idle = 1000 * 0.74 * document["time_s"].get<double>();
  EXPECT_NEAR(document["energy_j"].get<double>() - idle, 2.0 * (3.5 - 0.74), 5.0);
}

}  // namespace
}  // namespace symbiont::energy_command
