#include "symbiont/energy/command_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "energy/test/sysfs_tree.h"
#include "symbiont/energy/monitor.h"

namespace symbiont::energy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CommandLine, TellsACounterFromAGauge) {
  const auto counter = parse_command_line("energy_j=1234.5\n").value();
  EXPECT_EQ(counter.kind, DomainKind::kCounter);
  EXPECT_EQ(counter.value, 1'234'500'000);
  EXPECT_THAT(counter.covers, ElementsAre(std::string(kWholeMachine)));
  EXPECT_EQ(counter.provenance, Provenance::kMeasured);
  EXPECT_EQ(counter.max_power, Watts(1000));

  const auto gauge = parse_command_line("power_w=87.25").value();
  EXPECT_EQ(gauge.kind, DomainKind::kGauge);
  EXPECT_EQ(gauge.value, 87'250'000);
}

TEST(CommandLine, SaysWhatItSpeaksOfAndHowWell) {
  const auto line = parse_command_line(
                        "  provenance=modelled covers=package-0,gpu:0  name=plug-3 power_w=1e2 "
                        "max_power_w=450 uncertainty=0.05 \n")
                        .value();

  EXPECT_EQ(line.name, "plug-3");
  EXPECT_THAT(line.covers, ElementsAre("package-0", "gpu:0"));
  EXPECT_EQ(line.max_power, Watts(450));
  EXPECT_EQ(line.uncertainty, 0.05);
  EXPECT_EQ(line.provenance, Provenance::kModelled);
}

TEST(CommandLine, RefusesWhatItDoesNotUnderstand) {
  for (const char* const bad : {"",
                                "\n",
                                "12",
                                "energy_j=",
                                "energy_j=x",
                                "energy_j=-1",
                                "energy_j=nan",
                                "energy_j=1e13",
                                "power_w=inf",
                                "power_w=1e7",
                                "energy_j=1 power_w=1",
                                "energy_j=1 energy_j=2",
                                "energy_j=1\nenergy_j=2\n",
                                "energy_j=1\n\n",
                                "energy_j=1 colour=red",
                                "energy_j=1 covers=",
                                "energy_j=1 covers=a,,b",
                                "energy_j=1 provenance=replayed",
                                "energy_j=1 uncertainty=1.5",
                                "energy_j=1 max_power_w=0",
                                "energy_j=1\t"}) {
    EXPECT_FALSE(parse_command_line(bad)) << bad;
  }
  EXPECT_FALSE(parse_command_line("power_w=1" + std::string(5000, ' ')));
}

struct CommandMeterTest : testing::Test {
  /// A program in `sh` that the meter runs as it runs any other.
  std::filesystem::path program(const std::string& text) const {
    tree.write("meter", "#!/bin/sh\n" + text);
    auto path = tree.root() / "meter";
    std::filesystem::permissions(path, std::filesystem::perms(0755));
    return path;
  }
  std::unique_ptr<SensorMeter> open(const std::string& text) const {
    Sampling sampling = kCommandSampling;
    sampling.in_background = false;
    return std::make_unique<SensorMeter>(find_command_sensor(program(text)), sampling, clock);
  }
  std::string why(const std::string& text) const {
    const auto meter = open(text);
    return meter->unavailable().empty() ? "" : meter->unavailable()[0].why;
  }
  SysfsTree tree;
  ManualClock clock;
};

TEST_F(CommandMeterTest, CountsTheJoulesThatAProgramPrints) {
  const auto meter = open("echo energy_j=1000 name=plug max_power_w=300");
  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].name, "plug");
  EXPECT_EQ(meter->domains()[0].source, "command");
  EXPECT_EQ(meter->domains()[0].max_power, Watts(300));

  clock.advance(seconds(2));
  program("echo energy_j=1250.5");

  EXPECT_EQ(meter->read_uj(0), 250'500'000);
}

TEST_F(CommandMeterTest, IntegratesTheWattsThatAProgramPrints) {
  const auto meter = open("echo power_w=100");

  clock.advance(seconds(2));
  program("echo power_w=200");

  EXPECT_EQ(meter->read_uj(0), 300'000'000);
}

TEST_F(CommandMeterTest, SaysWhatAProgramDidWrong) {
  EXPECT_THAT(why("exit 3"), HasSubstr("exit code 3"));
  EXPECT_THAT(why("kill -9 $$"), HasSubstr("signal 9"));
  EXPECT_THAT(why("echo hello"), HasSubstr("found \"hello\", expected KEY=VALUE"));
  EXPECT_THAT(why("true"), HasSubstr("energy_j=NUMBER"));
  EXPECT_THAT(why("yes energy_j=1"), HasSubstr("more than 4096 bytes"));
  EXPECT_THAT(find_command_sensor("/nowhere/meter").unavailable.at(0).why,
              HasSubstr("/nowhere/meter"));
}

TEST_F(CommandMeterTest, EndsAProgramThatHangs) {
  for (const char* const text : {"exec sleep 1000", "echo power_w=1; exec >&-; sleep 1000"}) {
    const SensorSet set = find_command_sensor(program(text), std::chrono::milliseconds(300));

    ASSERT_EQ(set.unavailable.size(), 1u);
    EXPECT_THAT(set.unavailable[0].why, HasSubstr("did not"));
  }
}

TEST_F(CommandMeterTest, RefusesAProgramThatChangesItsMind) {
  const auto meter = open("echo power_w=100");

  clock.advance(seconds(1));
  program("echo energy_j=100");

  EXPECT_THAT(meter->read_uj(0).error().message(), HasSubstr("joules, not watts as before"));
}

TEST_F(CommandMeterTest, IsNamedInAJobFileRelativeToIt) {
  program("echo energy_j=7 provenance=modelled uncertainty=0.1");
  MonitorOptions options;
  options.meters = {Monitor::resolve_meter_path("command:meter", tree.root())};

  const auto monitor = Monitor::open(options);

  ASSERT_TRUE(monitor);
  EXPECT_EQ(monitor->describe(), "modelled ±10 %, this machine");
}

TEST_F(CommandMeterTest, IsNotAddedToAnythingInsideTheMachine) {
  const std::string whole = "command:" + program("echo energy_j=7").string();
  tree.write("sys/class/powercap/intel-rapl:0/name", "package-0");
  tree.write("sys/class/powercap/intel-rapl:0/energy_uj", "0");
  MonitorOptions options;
  options.sysroot = tree.root();
  for (const auto& meters : {std::vector<std::string>{"rapl", whole}, {whole, "rapl"}}) {
    options.meters = meters;

    const auto both = Monitor::open(options);

    ASSERT_FALSE(both);
    EXPECT_THAT(both.error().message(), HasSubstr("both cover package-0"));
  }
}

}  // namespace
}  // namespace symbiont::energy
