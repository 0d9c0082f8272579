// `symbiont energy calibrate` on a made-up machine whose power follows from a known model.

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <time.h>

#include "desk.h"

namespace symbiont::energy_command {
namespace {

using ::testing::HasSubstr;

constexpr double kIdleWatts = 6.0;
constexpr double kWattsPerBusyProcessor = 9.0;

double seconds_of(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

int processors() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  return CPU_COUNT(&set);
}

/// Moves the counter of a machine that draws a base and more for each second of a process's
/// processor time, until it is gone.
class Power {
 public:
  Power(const energy::PowercapTree& machine, pid_t pid) : machine_(machine) {
    ::clock_getcpuclockid(pid, &cpu_clock_);
  }
  void update() const {
    const double joules = kIdleWatts * (seconds_of(CLOCK_MONOTONIC) - begin_) +
                          kWattsPerBusyProcessor * seconds_of(cpu_clock_);
    machine_.set_energy("intel-rapl:0", static_cast<std::int64_t>(1e6 * joules));
  }

 private:
  const energy::PowercapTree& machine_;
  clockid_t cpu_clock_{};
  double begin_ = seconds_of(CLOCK_MONOTONIC);
};

TEST(Calibrate, FindsTheModelOfTheMachine) {
  const energy::PowercapTree machine;
  machine.add_zone("intel-rapl:0", "package-0", 0);
  const Desk desk;
  const auto running =
      desk.start({SYMBIONT_PROGRAM, "energy", "calibrate", "--json", "--out", "curve.csv",
                  "--seconds", "1", "--sysroot", machine.root().string()});
  const Power power(machine, running->pid());
  while (!running->has_ended()) {
    power.update();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  const Ended ended = running->wait();
  if (ended.exit_code == 1) {
    // Tests beside this one may hold the processors; then it has to say so.
    EXPECT_THAT(ended.message, HasSubstr("is other work running?"));
    GTEST_SKIP() << ended.message;
  }

  ASSERT_EQ(ended.exit_code, 0) << ended.message;
  const nlohmann::json document = ended.json();
  const double uncertainty = document["uncertainty"];
  EXPECT_EQ(document["processors"], processors());
  for (const auto& point : document["points"]) {
    const double expected =
        kIdleWatts / processors() + kWattsPerBusyProcessor * point["utilisation"].get<double>();
    EXPECT_NEAR(point["watts"].get<double>(), expected, expected * (uncertainty + 0.1));
  }
  EXPECT_THAT(desk.text("curve.csv"), HasSubstr("utilisation,watts,uncertainty\n0,"));

  const Ended used = desk.measure("exit 0", {"--curve", "csv:curve.csv", "--meter", "estimator"});
  EXPECT_EQ(used.exit_code, 0) << used.message;
}

TEST(Calibrate, SaysWhyItCannot) {
  const energy::PowercapTree machine;
  const Desk desk;
  const Ended ended =
      desk.energy({"calibrate", "--out", "curve.csv", "--sysroot", machine.root().string()});

  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.message, HasSubstr("no meter to calibrate with"));
  EXPECT_THAT(ended.message, HasSubstr("rapl package: no package under"));
  EXPECT_FALSE(desk.has("curve.csv"));
  EXPECT_EQ(desk.energy({"calibrate", "--meter", "estimator"}).exit_code, 4);
  EXPECT_EQ(desk.energy({"calibrate", "--meter", "abacus"}).exit_code, 2);
}

}  // namespace
}  // namespace symbiont::energy_command
