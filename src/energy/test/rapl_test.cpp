#include "symbiont/energy/rapl.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "energy/test/powercap_tree.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::unique_ptr<SensorMeter> open_rapl(const std::filesystem::path& sysroot, const Clock& clock) {
  return std::make_unique<SensorMeter>(find_rapl_sensors(sysroot), kRaplSampling, clock);
}

std::vector<std::string> names(const Meter& meter) {
  std::vector<std::string> result;
  for (const Domain& domain : meter.domains()) result.push_back(domain.name);
  return result;
}

TEST(Rapl, ReadsPackagesAndTheMemoryBesideThem) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 1000);
  tree.add_zone("intel-rapl:0/intel-rapl:0:0", "core", 10);
  tree.add_zone("intel-rapl:0/intel-rapl:0:1", "uncore", 10);
  tree.add_zone("intel-rapl:0/intel-rapl:0:2", "dram", 10);
  tree.add_zone("intel-rapl:1", "package-1", 1000);
  tree.add_zone("intel-rapl:1/intel-rapl:1:0", "dram", 10);
  tree.add_zone("intel-rapl:2", "psys", 1000);
  ManualClock clock;

  const auto meter = open_rapl(tree.root(), clock);

  EXPECT_THAT(names(*meter),
              ElementsAre("package-0", "package-0/dram", "package-1", "package-1/dram"));
  EXPECT_THAT(meter->unavailable(), IsEmpty());
  EXPECT_EQ(meter->domains()[0].scope, Scope::kMachine);
  EXPECT_EQ(meter->domains()[0].provenance, Provenance::kMeasured);
}

TEST(Rapl, CountsFromWhenItWasOpenedAcrossWrapsAndResets) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 262'143'000'000);
  ManualClock clock;
  const auto meter = open_rapl(tree.root(), clock);
  EXPECT_EQ(meter->read_uj(0), 0);

  clock.advance(seconds(1));
  tree.set_energy("intel-rapl:0", 1'000'000);
  EXPECT_EQ(meter->read_uj(0), 1'328'850) << "wrapped";

  clock.advance(seconds(100));
  tree.set_energy("intel-rapl:0", 50'001'000'000);
  EXPECT_EQ(meter->read_uj(0), 50'001'328'850);

  clock.advance(seconds(1));
  tree.set_energy("intel-rapl:0", 3'000'000);
  EXPECT_EQ(meter->read_uj(0), 50'004'328'850) << "reset";
}

TEST(Rapl, ShowsAZoneOnceAndPrefersTheReadableOneOverMmio) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.add_zone("intel-rapl-mmio:0", "package-0", 0);
  tree.add_zone("intel-rapl:1", "package-1", 0);
  tree.add_zone("intel-rapl-mmio:1", "package-1", 0);
  tree.make_unreadable("intel-rapl-mmio:1");
  ManualClock clock;
  const auto meter = open_rapl(tree.root(), clock);
  ASSERT_THAT(names(*meter), ElementsAre("package-0", "package-1"));

  clock.advance(seconds(1));
  tree.set_energy("intel-rapl:0", 5);
  tree.set_energy("intel-rapl-mmio:0", 7);
  tree.set_energy("intel-rapl:1", 11);

  EXPECT_EQ(meter->read_uj(0), 7);
  EXPECT_EQ(meter->read_uj(1), 11);
}

TEST(Rapl, TakesTheMaximumPowerFromTheConstraints) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.write("intel-rapl:0/constraint_0_max_power_uw", "205000000");
  tree.write("intel-rapl:0/constraint_1_max_power_uw", "378000000");
  tree.add_zone("intel-rapl:1", "package-1", 0);
  tree.write("intel-rapl:1/constraint_0_power_limit_uw", "100000000");
  tree.add_zone("intel-rapl:2", "package-2", 0);
  ManualClock clock;

  const auto meter = open_rapl(tree.root(), clock);

  EXPECT_EQ(meter->domains()[0].max_power, Watts(378));
  EXPECT_EQ(meter->domains()[1].max_power, Watts(400));
  EXPECT_EQ(meter->domains()[2].max_power, Watts(1000));
}

TEST(Rapl, SaysWhatToDoWhereThereIsNoCounter) {
  PowercapTree tree;
  ManualClock clock;

  const auto meter = open_rapl(tree.root(), clock);

  EXPECT_THAT(meter->domains(), IsEmpty());
  ASSERT_EQ(meter->unavailable().size(), 1u);
  EXPECT_THAT(meter->unavailable()[0].why, HasSubstr("virtual machine"));
  EXPECT_EQ(meter->sampling_period(), std::nullopt);
}

TEST(Rapl, ListsAnUnreadableZoneWithTheReasonAndKeepsTheOthers) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.add_zone("intel-rapl:1", "package-1", 0);
  tree.make_unreadable("intel-rapl:0");
  ManualClock clock;

  const auto meter = open_rapl(tree.root(), clock);

  EXPECT_THAT(names(*meter), ElementsAre("package-1"));
  ASSERT_EQ(meter->unavailable().size(), 1u);
  EXPECT_EQ(meter->unavailable()[0].name, "package-0");
  EXPECT_THAT(meter->unavailable()[0].why, HasSubstr("intel-rapl:0/energy_uj"));
}

// Root may read anything, so an ordinary user looks.
TEST(Rapl, TellsAnOrdinaryUserThatCountersAreForRoot) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  const auto file = tree.powercap() / "intel-rapl:0/energy_uj";
  std::filesystem::permissions(tree.root(), std::filesystem::perms(0755));
  std::filesystem::permissions(file, std::filesystem::perms(0400));

  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() != 0 || ::setuid(65534) != 0) ::_exit(::geteuid() == 0 ? 2 : 3);
    ManualClock clock;
    const auto meter = open_rapl(tree.root(), clock);
    const bool explained = meter->domains().empty() && meter->unavailable().size() == 1 &&
                           meter->unavailable()[0].why.find("CVE-2020-8694") != std::string::npos;
    ::_exit(explained ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WEXITSTATUS(status) >= 2) GTEST_SKIP() << "only root can become an ordinary user";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Rapl, NamesADomainThatVanishesAndGoesOnWhenItIsBack) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 1'000'000);
  ManualClock clock;
  const auto meter = open_rapl(tree.root(), clock);
  clock.advance(seconds(1));
  tree.remove("intel-rapl:0/energy_uj");

  const auto gone = meter->read_uj(0);

  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(gone.error().message(), HasSubstr("read package-0"));

  clock.advance(seconds(1));
  tree.set_energy("intel-rapl:0", 91'000'000);
  EXPECT_EQ(meter->read_uj(0), 90'000'000) << "the hole is spanned, not dropped";
}

TEST(Rapl, RefusesAFileThatHoldsNoNumber) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.write("intel-rapl:0/energy_uj", "12abc");
  ManualClock clock;

  const auto meter = open_rapl(tree.root(), clock);

  ASSERT_EQ(meter->unavailable().size(), 1u);
  EXPECT_THAT(meter->unavailable()[0].why, HasSubstr("found \"12abc\""));
}

/// The system's monotonic clock, which counts how often it is asked: once a sample.
class CountingClock final : public Clock {
 public:
  nanoseconds now() const override {
    ++count_;
    return system_clock().now();
  }
  WallTime wall_now() const override { return system_clock().wall_now(); }
  void wait_for_samples(int more) const {
    const int until = count_ + more;
    while (count_ < until) std::this_thread::yield();
  }

 private:
  mutable std::atomic<int> count_{0};
};

TEST(Rapl, SamplesByItselfOftenEnoughToSeeEveryWrap) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 900'000, 1'000'000);  // 1 J: wraps every 10 ms
  tree.write("intel-rapl:0/constraint_0_max_power_uw", "100000000");
  tree.write("intel-rapl:0/constraint_0_power_limit_uw", "25000000");
  CountingClock clock;
  const auto meter = open_rapl(tree.root(), clock);
  ASSERT_EQ(meter->sampling_period(), std::chrono::milliseconds(10));

  tree.set_energy("intel-rapl:0", 100'000);  // a wrap that nobody asked about
  clock.wait_for_samples(2);
  tree.set_energy("intel-rapl:0", 950'000);
  clock.wait_for_samples(2);

  EXPECT_EQ(meter->read_uj(0), 200'000 + 850'000);
}

TEST(Rapl, EndsAtOnceHoweverRarelyItSamples) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  CountingClock clock;
  auto meter = open_rapl(tree.root(), clock);
  ASSERT_EQ(meter->sampling_period(), seconds(5));

  meter.reset();  // a thread that slept out its period would hang the test here
}

TEST(Rapl, ServesSeveralThreads) {
  PowercapTree tree;
  tree.add_zone("intel-rapl:0", "package-0", 0);
  const auto meter = open_rapl(tree.root(), system_clock());
  std::atomic<bool> fell{false};
  const auto read = [&] {
    std::int64_t last = 0;
    for (int i = 0; i < 200; ++i) {
      const std::int64_t now = meter->read_uj(0).value();
      if (now < last) fell = true;
      last = now;
    }
  };
  std::jthread first(read);
  std::jthread second(read);
  for (int i = 1; i <= 100; ++i) tree.set_energy("intel-rapl:0", i * 1000);
  first.join();
  second.join();

  EXPECT_FALSE(fell);
}

}  // namespace
}  // namespace symbiont::energy
