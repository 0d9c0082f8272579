#include "symbiont/energy/perf_rapl.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "energy/perf_format.h"
#include "energy/test/sysfs_tree.h"
#include "symbiont/energy/monitor.h"

namespace symbiont::energy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Counts of each (config, cpu), as a kernel whose power PMU has type 21 keeps them.
class ScriptedEvents final : public PerfEvents {
 public:
  Result<std::unique_ptr<PerfCount>> open(const PerfEvent& event) override {
    if (denied) return fail(ErrorCode::kPermissionDenied, "perf_event_open: Permission denied");
    if (event.type != 21) return fail(ErrorCode::kUnavailable, "perf_event_open: No such device");
    return std::make_unique<Count>(counts[{event.config, event.cpu}]);
  }
  std::map<std::pair<std::uint64_t, int>, std::uint64_t> counts;
  bool denied = false;

 private:
  class Count final : public PerfCount {
   public:
    explicit Count(std::uint64_t& value) : value_(value) {}
    Result<std::uint64_t> read() override { return value_; }

   private:
    std::uint64_t& value_;
  };
};

struct PerfRaplTest : testing::Test {
  void pmu(const std::string& file, const std::string& text) const {
    tree.write("sys/bus/event_source/devices/power/" + file, text);
  }
  void add_event(const std::string& name, const std::string& code) const {
    pmu("events/" + name, code);
    pmu("events/" + name + ".unit", "Joules");
    pmu("events/" + name + ".scale", "2.3283064365386962890625e-10");
  }
  void topology(int cpu, int package, int die) const {
    const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    tree.write(folder + "physical_package_id", std::to_string(package));
    tree.write(folder + "die_id", std::to_string(die));
  }
  void two_sockets() const {
    pmu("type", "21");
    pmu("cpumask", "0,18");
    pmu("format/event", "config:0-7");
    add_event("energy-pkg", "event=0x02");
    add_event("energy-ram", "event=0x03");
    add_event("energy-cores", "event=0x01");
    topology(0, 0, 0);
    topology(18, 1, 0);
  }
  std::unique_ptr<SensorMeter> open() {
    Sampling sampling = kPerfSampling;
    sampling.in_background = false;
    return std::make_unique<SensorMeter>(find_perf_sensors(tree.root(), events), sampling, clock);
  }
  std::vector<std::string> names() {
    std::vector<std::string> result;
    const auto meter = open();
    for (const Domain& domain : meter->domains()) result.push_back(domain.name);
    return result;
  }
  SysfsTree tree;
  ScriptedEvents events;
  ManualClock clock;
};

TEST_F(PerfRaplTest, ReadsPackagesAndMemoryWithTheKernelsScale) {
  two_sockets();
  const auto meter = open();
  ASSERT_EQ(meter->domains().size(), 4u);
  EXPECT_EQ(meter->domains()[0].name, "package-0");
  EXPECT_EQ(meter->domains()[1].name, "package-1");
  EXPECT_EQ(meter->domains()[3].name, "package-1/dram");
  EXPECT_THAT(meter->domains()[3].covers, ElementsAre("package-1/dram"));

  clock.advance(seconds(1));
  events.counts[{2, 0}] = std::uint64_t{100} << 32;  // 2^-32 J each
  events.counts[{2, 18}] = std::uint64_t{1} << 32;
  events.counts[{3, 18}] = std::uint64_t{1} << 31;

  EXPECT_EQ(meter->read_uj(0), 100'000'000);
  EXPECT_EQ(meter->read_uj(1), 1'000'000);
  EXPECT_EQ(meter->read_uj(2), 0);
  EXPECT_EQ(meter->read_uj(3), 500'000);
}

TEST_F(PerfRaplTest, NamesTheDiesOfAPackageAsPowercapDoes) {
  two_sockets();
  pmu("cpumask", "0,9,18");
  topology(9, 0, 1);

  EXPECT_THAT(names(),
              ElementsAre("package-0-die-0", "package-0-die-1", "package-1-die-0",
                          "package-0-die-0/dram", "package-0-die-1/dram", "package-1-die-0/dram"));
}

TEST_F(PerfRaplTest, TakesTheLimitsFromPowercapWhichAllMayRead) {
  two_sockets();
  tree.write("sys/class/powercap/intel-rapl:0/name", "package-0");
  tree.write("sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw", "205000000");

  const auto meter = open();

  EXPECT_EQ(meter->domains()[0].max_power, Watts(205));
  EXPECT_EQ(meter->domains()[1].max_power, Watts(1000));
}

TEST_F(PerfRaplTest, IsNeverAddedToThePowercapOfTheSamePackages) {
  two_sockets();
  tree.write("sys/class/powercap/intel-rapl:0/name", "package-0");
  tree.write("sys/class/powercap/intel-rapl:0/energy_uj", "0");
  pmu("type", "1");  // the kernel's software events, which any process may open on a test machine
  MonitorOptions options;
  options.sysroot = tree.root();
  options.meters = {"rapl", "perf"};

  const auto both = Monitor::open(options);

  ASSERT_FALSE(both);
  if (both.error().code() == ErrorCode::kUnavailable) GTEST_SKIP() << both.error().message();
  EXPECT_THAT(both.error().message(), HasSubstr("both cover package-0"));
}

TEST_F(PerfRaplTest, SaysWhichSettingKeepsAnOrdinaryUserOut) {
  two_sockets();
  tree.write("proc/sys/kernel/perf_event_paranoid", "2");
  events.denied = true;

  const auto meter = open();

  EXPECT_THAT(meter->domains(), IsEmpty());
  ASSERT_EQ(meter->unavailable().size(), 4u);
  EXPECT_THAT(meter->unavailable()[0].why, HasSubstr("perf_event_paranoid is 2"));
  EXPECT_THAT(meter->unavailable()[0].why, HasSubstr("CAP_PERFMON"));
}

TEST_F(PerfRaplTest, SaysWhatIsMissingOrNotUnderstood) {
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("virtual machine"));

  two_sockets();
  pmu("events/energy-pkg.unit", "Watts");
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("found unit \"Watts\""));
  pmu("events/energy-pkg.unit", "Joules");
  pmu("events/energy-pkg.scale", "-1");
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("found \"-1\""));
  pmu("cpumask", "");
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("list of processors"));
}

TEST(PerfFormat, PutsTheBitsOfAFieldWhereItsFormatSays) {
  EXPECT_EQ(place_perf_field("config:0-7", 0x02), 0x02u);
  EXPECT_EQ(place_perf_field("config:8-15", 0x02), 0x200u);
  EXPECT_EQ(place_perf_field("config:0-7,32-35", 0xabc), 0xa000000bcu);
  EXPECT_EQ(place_perf_field("config:63", 1), std::uint64_t{1} << 63);
  EXPECT_EQ(place_perf_field("config:0-63", UINT64_MAX), UINT64_MAX);
  EXPECT_FALSE(place_perf_field("config:0-7", 0x100)) << "does not fit";
  EXPECT_FALSE(place_perf_field("config1:0-7", 1)) << "another word of the attribute";
  EXPECT_FALSE(place_perf_field("config:0-64", 1));
  EXPECT_FALSE(place_perf_field("config:7-0", 1));
}

TEST(PerfFormat, ReadsTermsAndProcessorLists) {
  using Term = std::pair<std::string, std::uint64_t>;
  EXPECT_THAT(parse_perf_terms("event=0x02,umask=10,any").value(),
              ElementsAre(Term("event", 2), Term("umask", 10), Term("any", 1)));
  for (const char* const bad : {"", "=1", "event=", "event=0x", "event=-1", "event=1x"}) {
    EXPECT_FALSE(parse_perf_terms(bad)) << bad;
  }
  EXPECT_THAT(parse_cpu_list("0,18-20").value(), ElementsAre(0, 18, 19, 20));
  for (const char* const bad : {"", "a", "1-", "-1", "3-1", "4096", "0-4095,0-4095"}) {
    EXPECT_FALSE(parse_cpu_list(bad)) << bad;
  }
  for (const char* const bad : {"", "0", "nan", "inf", "1e-10 ", "1e999"}) {
    EXPECT_FALSE(parse_perf_scale(bad)) << bad;
  }
}

// The power PMU is rare; the clock of a processor is everywhere, and is opened the same way.
TEST(KernelPerfEvents, CountsWhatTheKernelCounts) {
  const PerfEvent cpu_clock{1, 0, 0};  // PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK
  const auto count = kernel_perf_events().open(cpu_clock);
  if (!count) GTEST_SKIP() << count.error().message();

  std::uint64_t last = (*count)->read().value();
  const std::uint64_t first = last;
  while (last == first) last = (*count)->read().value();

  EXPECT_GT(last, first);
}

TEST(KernelPerfEvents, SaysWhyAnEventCannotBeOpened) {
  const auto nothing = kernel_perf_events().open({.type = 0x7fffffff, .config = 0, .cpu = 0});

  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message(), HasSubstr("perf_event_open: "));
}

}  // namespace
}  // namespace symbiont::energy
