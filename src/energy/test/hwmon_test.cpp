#include "symbiont/energy/hwmon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "energy/test/sysfs_tree.h"

namespace symbiont::energy {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct HwmonTest : testing::Test {
  void chip(const std::string& folder, const std::string& name) const {
    write(folder + "/name", name);
  }
  void write(const std::string& file, const std::string& text) const {
    tree.write("sys/class/hwmon/" + file, text);
  }
  void device(const std::string& folder, const std::string& target) const {
    tree.link("sys/class/hwmon/" + folder + "/device", "sys/devices/" + target);
  }
  SensorSet find(const std::vector<std::string>& wanted = {}) const {
    return find_hwmon_sensors(tree.root(), wanted);
  }
  std::unique_ptr<SensorMeter> open(const std::vector<std::string>& wanted = {}) const {
    Sampling sampling = kHwmonSampling;
    sampling.in_background = false;
    return std::make_unique<SensorMeter>(find(wanted), sampling, clock);
  }
  std::string why(const std::string& name) const {
    for (const Unavailable& each : find().unavailable) {
      if (each.name == name) return each.why;
    }
    return "";
  }
  SysfsTree tree;
  ManualClock clock;
};

TEST_F(HwmonTest, ReadsAGraphicsCardAsAGaugeOfItsPciAddress) {
  chip("hwmon2", "amdgpu");
  device("hwmon2", "pci0000:00/0000:03:00.0");
  write("hwmon2/power1_label", "PPT");
  write("hwmon2/power1_average", "150000000");
  write("hwmon2/power1_input", "999000000");
  write("hwmon2/power1_cap_max", "300000000");

  const auto meter = open();

  ASSERT_EQ(meter->domains().size(), 1u);
  const Domain& card = meter->domains()[0];
  EXPECT_EQ(card.name, "amdgpu@0000:03:00.0/PPT");
  EXPECT_THAT(card.covers, ElementsAre("gpu:0000:03:00.0"));
  EXPECT_EQ(card.kind, DomainKind::kGauge);
  EXPECT_EQ(card.max_power, Watts(300));
  EXPECT_EQ(card.provenance, Provenance::kMeasured);
  EXPECT_EQ(card.scope, Scope::kMachine);
  clock.advance(std::chrono::milliseconds(500));
  EXPECT_EQ(meter->read_uj(0), 75'000'000) << "the average is preferred";
}

TEST_F(HwmonTest, KnowsThatAProcessorWithGraphicsShowsThePackageToo) {
  chip("hwmon0", "amdgpu");
  device("hwmon0", "pci0000:00/0000:05:00.0");
  write("hwmon0/in1_label", "vddnb");
  write("hwmon0/power1_input", "12000000");

  const SensorSet set = find();

  ASSERT_EQ(set.channels.size(), 1u);
  EXPECT_THAT(set.channels[0].domain.covers, ElementsAre("gpu:0000:05:00.0", "package-0"));
}

TEST_F(HwmonTest, PrefersTheEnergyCounterOfAPlaceAndFallsBackToItsGauge) {
  chip("hwmon0", "i915");
  device("hwmon0", "pci0000:00/0000:03:00.0");
  write("hwmon0/energy1_input", "1000000");
  write("hwmon0/power1_input", "40000000");
  auto meter = open();
  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].kind, DomainKind::kCounter);
  clock.advance(seconds(1));
  write("hwmon0/energy1_input", "31000000");
  EXPECT_EQ(meter->read_uj(0), 30'000'000);

  tree.make_unreadable("sys/class/hwmon/hwmon0/energy1_input");
  meter = open();

  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].kind, DomainKind::kGauge);
}

TEST_F(HwmonTest, ReadsTheWholeMachineAloneWhereOneSensorShowsIt) {
  chip("hwmon0", "amdgpu");
  device("hwmon0", "pci0000:00/0000:03:00.0");
  write("hwmon0/power1_average", "150000000");
  chip("hwmon1", "power_meter");
  write("hwmon1/power1_average", "420000000");

  const SensorSet set = find();

  ASSERT_EQ(set.channels.size(), 1u);
  EXPECT_THAT(set.channels[0].domain.covers, ElementsAre(std::string(kWholeMachine)));
  EXPECT_THAT(why("amdgpu@0000:03:00.0/power1"), HasSubstr("part of the whole machine"));
}

TEST_F(HwmonTest, NeverTakesABatteryForAMeter) {
  chip("hwmon0", "BAT0");
  device("hwmon0", "BAT0");
  tree.write("sys/devices/BAT0/type", "Battery");
  write("hwmon0/power1_input", "9000000");
  chip("hwmon1", "power_meter");
  write("hwmon1/power1_average", "9000000");
  write("hwmon1/power1_is_battery", "1");

  EXPECT_THAT(find().channels, IsEmpty());
  EXPECT_THAT(why("BAT0@BAT0/power1"), HasSubstr("battery"));
  EXPECT_THAT(why("power_meter/power1"), HasSubstr("battery"));
}

TEST_F(HwmonTest, AddsSocketsButNotTheCoresInsideThem) {
  chip("hwmon0", "amd_energy");
  write("hwmon0/energy1_label", "Ecore000");
  write("hwmon0/energy1_input", "5");
  write("hwmon0/energy2_label", "Esocket0");
  write("hwmon0/energy2_input", "100");
  write("hwmon0/energy3_label", "Esocket1");
  write("hwmon0/energy3_input", "100");

  const SensorSet set = find();

  ASSERT_EQ(set.channels.size(), 2u);
  EXPECT_THAT(set.channels[0].domain.covers, ElementsAre("package-0"));
  EXPECT_THAT(set.channels[1].domain.covers, ElementsAre("package-1"));
  EXPECT_THAT(why("amd_energy/Ecore000"), HasSubstr("part of its socket"));
}

TEST_F(HwmonTest, ReadsASensorOfUnknownCoverOnlyByName) {
  chip("hwmon3", "ina226");
  device("hwmon3", "i2c-1/1-0040");
  write("hwmon3/power1_label", "VDD_IN");
  write("hwmon3/power1_input", "7000000");
  EXPECT_THAT(find().channels, IsEmpty());
  EXPECT_THAT(why("ina226@1-0040/VDD_IN"), HasSubstr("write hwmon:ina226@1-0040/VDD_IN"));

  for (const char* const word : {"ina226/VDD_IN", "ina226@1-0040/VDD_IN"}) {
    const SensorSet set = find({word});
    ASSERT_EQ(set.channels.size(), 1u) << word;
    EXPECT_THAT(set.channels[0].domain.covers, ElementsAre("hwmon:ina226@1-0040/VDD_IN"));
  }
}

TEST_F(HwmonTest, NamesWhatThereIsWhenASensorIsMissingOrMeantTwice) {
  for (const char* const folder : {"hwmon0", "hwmon1"}) {
    chip(folder, "ina226");
    device(folder, std::string("i2c-1/") + folder);
    write(std::string(folder) + "/power1_input", "7000000");
  }

  const SensorSet set = find({"ina226/power1", "no/such"});

  ASSERT_EQ(set.unavailable.size(), 2u);
  EXPECT_THAT(set.unavailable[0].why, HasSubstr("more than one"));
  EXPECT_THAT(set.unavailable[0].why, HasSubstr("ina226@hwmon1/power1"));
  EXPECT_THAT(set.unavailable[1].why, HasSubstr("no sensor of that name"));
}

TEST_F(HwmonTest, SaysWhatToDoWhereThereIsNothingOrNothingReadable) {
  EXPECT_THAT(find().unavailable.at(0).why, HasSubstr("virtual machine"));

  chip("hwmon0", "amdgpu");
  tree.make_unreadable("sys/class/hwmon/hwmon0/power1_average");
  write("hwmon0/power2_input", "not a number");
  const auto meter = open();

  EXPECT_THAT(meter->domains(), IsEmpty());
  EXPECT_EQ(meter->unavailable().size(), 2u);
}

TEST_F(HwmonTest, IgnoresFilesThatOnlyLookLikeSensors) {
  chip("hwmon0", "amdgpu");
  for (const char* const file : {"power_input", "power1x_input", "powerinput", "power1_inputs",
                                 "power99999999999_input", "energy_", "in0_input"}) {
    write(std::string("hwmon0/") + file, "1");
  }

  EXPECT_THAT(find().channels, IsEmpty());
}

}  // namespace
}  // namespace symbiont::energy
