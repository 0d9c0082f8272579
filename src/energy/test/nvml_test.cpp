#include "symbiont/energy/nvml.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "energy/test/sysfs_tree.h"
#include "symbiont/energy/monitor.h"

namespace symbiont::energy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kCard = "GPU-5fd4f087-86f3-7a43-b711-4771313afc50";
constexpr const char* kOther = "GPU-a1b2c3d4-0000-1111-2222-333344445555";

/// A machine with GPUs, as tests/support/fake_nvml/fake_nvml.cpp reads it.
struct NvmlTest : testing::Test {
  NvmlTest() { ::setenv("FAKE_NVML_FILE", (tree.root() / "machine").c_str(), 1); }
  ~NvmlTest() override {
    ::unsetenv("FAKE_NVML_FILE");
    ::unsetenv("SYMBIONT_NVML_LIBRARY");
  }
  void machine(const std::string& text) const { tree.write("machine", text); }
  static std::string gpu(const char* uuid, const std::string& words) {
    return std::string("gpu ") + uuid + ' ' + words + '\n';
  }
  static NvmlOptions options() {
    NvmlOptions options;
    options.library = FAKE_NVML;
    return options;
  }
  std::unique_ptr<SensorMeter> open(const NvmlOptions& chosen = options()) const {
    Sampling sampling = kNvmlSampling;
    sampling.in_background = false;
    return std::make_unique<SensorMeter>(find_nvml_sensors(chosen), sampling, clock);
  }
  std::vector<std::string> visible(const std::string& devices, bool pci_order = false) const {
    NvmlOptions chosen = options();
    chosen.visible_devices = devices;
    chosen.indices_are_pci_order = pci_order;
    std::vector<std::string> names;
    for (const SensorChannel& channel : find_nvml_sensors(chosen).channels) {
      names.push_back(channel.domain.name);
    }
    return names;
  }
  SysfsTree tree;
  ManualClock clock;
};

TEST_F(NvmlTest, ReadsTheEnergyCounterOfEachGpuByItsUuid) {
  machine(gpu(kCard, "name=NVIDIA_A100-SXM4-40GB energy_mj=7000000 power_mw=1 max_mw=400000") +
          gpu(kOther, "name=NVIDIA_A100-SXM4-40GB energy_mj=10 power_mw=1 max_mw=400000"));

  const auto meter = open();

  ASSERT_EQ(meter->domains().size(), 2u);
  const Domain& card = meter->domains()[0];
  EXPECT_EQ(card.name, kCard);
  EXPECT_EQ(card.about, "NVIDIA A100-SXM4-40GB");
  EXPECT_EQ(card.kind, DomainKind::kCounter);
  EXPECT_THAT(card.covers, ElementsAre(std::string("gpu:") + kCard));
  EXPECT_EQ(card.max_power, Watts(400));
  EXPECT_EQ(card.provenance, Provenance::kMeasured);
  EXPECT_EQ(card.scope, Scope::kMachine);

  clock.advance(seconds(1));
  machine(gpu(kCard, "energy_mj=7300000") + gpu(kOther, "energy_mj=110"));
  EXPECT_EQ(meter->read_uj(0), 300'000'000);
  EXPECT_EQ(meter->read_uj(1), 100'000);
}

TEST_F(NvmlTest, ForgivesACounterThatMovesInStepsOfAHundredMilliseconds) {
  machine(gpu(kCard, "energy_mj=0 max_mw=250000"));
  const auto meter = open();

  clock.advance(milliseconds(1));
  machine(gpu(kCard, "energy_mj=25000 max_mw=250000"));

  EXPECT_EQ(meter->read_uj(0), 25'000'000) << "a whole step at once is not a jump";
}

TEST_F(NvmlTest, KeepsCountingWhenTheDriverIsLoadedAgain) {
  machine(gpu(kCard, "energy_mj=9000000 max_mw=250000"));
  const auto meter = open();
  clock.advance(seconds(1));
  machine(gpu(kCard, "energy_mj=9100000 max_mw=250000"));
  EXPECT_EQ(meter->read_uj(0), 100'000'000);

  clock.advance(seconds(1));
  machine("driver 2\n" + gpu(kCard, "energy_mj=5000 max_mw=250000"));
  const auto while_void = meter->read_uj(0);
  EXPECT_FALSE(while_void) << "handles of the old driver are void";
  EXPECT_EQ(while_void.error().code(), ErrorCode::kUnavailable);

  EXPECT_EQ(meter->read_uj(0), 105'000'000);
}

TEST_F(NvmlTest, SaysThatAGpuIsLostAndFindsItAgain) {
  machine(gpu(kCard, "energy_mj=0"));
  const auto meter = open();

  clock.advance(seconds(1));
  machine(gpu(kCard, "energy_mj=100000 lost=1"));
  const auto lost = meter->read_uj(0);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(lost.error().message(), HasSubstr("GPU is lost"));

  clock.advance(seconds(1));
  machine(gpu(kCard, "energy_mj=200000"));
  EXPECT_EQ(meter->read_uj(0), 200'000'000);
}

TEST_F(NvmlTest, IntegratesPowerWhereTheCardHasNoCounter) {
  machine(gpu(kCard, "energy_mj=5 energy_error=3 power_mw=90000"));
  const auto meter = open();
  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].kind, DomainKind::kGauge);
  EXPECT_EQ(meter->domains()[0].max_power, Watts(1000)) << "no limit is shown";

  clock.advance(milliseconds(100));
  machine(gpu(kCard, "power_mw=110000"));

  EXPECT_EQ(meter->read_uj(0), 10'000'000);
}

TEST_F(NvmlTest, IntegratesPowerWhereTheDriverHasNoCounter) {
  machine(gpu(kCard, "energy_mj=5 power_mw=90000"));
  NvmlOptions old = options();
  old.library = FAKE_NVML_BEFORE_VOLTA;

  const auto meter = open(old);

  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].kind, DomainKind::kGauge);
}

TEST_F(NvmlTest, SaysThatTheEnergyOfADividedCardIsTheWholeCards) {
  machine(gpu(kCard, "name=NVIDIA_A100 energy_mj=0 mig=1"));

  EXPECT_THAT(open()->domains()[0].about, HasSubstr("whole card, not of a slice"));
}

TEST_F(NvmlTest, SaysWhatIsMissing) {
  NvmlOptions nowhere = options();
  nowhere.library = "/nowhere/libnvidia-ml.so.1";
  EXPECT_THAT(open(nowhere)->unavailable()[0].why, HasSubstr("no NVIDIA driver"));

  machine("init 9");
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("load the nvidia driver"));

  machine("");
  EXPECT_THAT(open()->unavailable()[0].why, HasSubstr("no GPU"));
}

TEST_F(NvmlTest, ReadsTheOthersWhereOneCannotBeRead) {
  machine(gpu("GPU-broken", "uuid_error=15") + gpu("GPU-blind", "energy_error=3 power_error=3") +
          gpu(kCard, "energy_mj=1"));

  const auto meter = open();

  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].name, kCard);
  ASSERT_EQ(meter->unavailable().size(), 2u);
  EXPECT_EQ(meter->unavailable()[0].name, "gpu 0");
  EXPECT_EQ(meter->unavailable()[1].name, "GPU-blind");
  EXPECT_THAT(meter->unavailable()[1].why, HasSubstr("Not Supported"));
}

TEST_F(NvmlTest, ReadsOnlyTheGpusThatWereNamed) {
  machine(gpu(kCard, "energy_mj=1") + gpu(kOther, "energy_mj=1"));
  NvmlOptions chosen = options();
  chosen.visible_devices = "";
  chosen.wanted = {"GPU-a1b2", "GPU-", "GPU-zzz", ""};

  const auto meter = open(chosen);

  ASSERT_EQ(meter->domains().size(), 1u);
  EXPECT_EQ(meter->domains()[0].name, kOther);
  ASSERT_EQ(meter->unavailable().size(), 3u);
  EXPECT_THAT(meter->unavailable()[0].why, HasSubstr(kCard));
}

TEST_F(NvmlTest, HonoursCudaVisibleDevices) {
  machine(gpu(kCard, "energy_mj=1") + gpu(kOther, "energy_mj=1") + std::string("slice MIG-1234 ") +
          kOther);

  EXPECT_THAT(visible("1"), ElementsAre(kOther));
  EXPECT_THAT(visible("1, 0"), ElementsAre(kOther, kCard));
  EXPECT_THAT(visible("0,0"), ElementsAre(kCard));
  EXPECT_THAT(visible("GPU-5fd4f087"), ElementsAre(kCard));
  EXPECT_THAT(visible("MIG-1234"), ElementsAre(kOther));
  EXPECT_THAT(visible(std::string("MIG-") + kCard + "/1/0"), ElementsAre(kCard));
  EXPECT_THAT(visible("0,-1,1"), ElementsAre(kCard)) << "what follows a bad word is left out";
  EXPECT_THAT(visible("7"), IsEmpty());
  EXPECT_THAT(visible(""), IsEmpty());
  EXPECT_THAT(visible("MIG-none"), IsEmpty());
}

TEST_F(NvmlTest, DoesNotGuessWhatAnIndexMeansAmongDifferentCards) {
  machine(gpu(kCard, "name=Tesla_V100 energy_mj=1") + gpu(kOther, "name=Tesla_T4 energy_mj=1"));
  NvmlOptions chosen = options();
  chosen.visible_devices = "1";

  const SensorSet set = find_nvml_sensors(chosen);

  EXPECT_THAT(set.channels, IsEmpty());
  EXPECT_THAT(set.unavailable.at(0).why, HasSubstr("CUDA_DEVICE_ORDER=PCI_BUS_ID"));
  EXPECT_THAT(visible("1", true), ElementsAre(kOther));
  EXPECT_THAT(visible(kOther), ElementsAre(kOther));
}

TEST_F(NvmlTest, IsPartOfAutoBesideTheProcessors) {
  machine(gpu(kCard, "energy_mj=1000 max_mw=300000"));
  tree.write("sys/class/powercap/intel-rapl:0/name", "package-0");
  tree.write("sys/class/powercap/intel-rapl:0/energy_uj", "5");
  ::setenv("SYMBIONT_NVML_LIBRARY", FAKE_NVML, 1);
  MonitorOptions chosen;
  chosen.sysroot = tree.root();

  const auto monitor = Monitor::open(chosen);

  ASSERT_TRUE(monitor);
  ASSERT_EQ(monitor->domains().size(), 2u);
  EXPECT_EQ(monitor->domains()[0].source, "rapl");
  EXPECT_EQ(monitor->domains()[1].source, "nvml");
  EXPECT_EQ(monitor->max_power(), Watts(1300));
}

TEST_F(NvmlTest, MeasuresAGpuThatWorksInRealTime) {
  machine(gpu(kCard, "energy_mj=1000 power_mw=200000 max_mw=300000 real=1"));
  ::setenv("SYMBIONT_NVML_LIBRARY", FAKE_NVML, 1);
  MonitorOptions chosen;
  chosen.sysroot = tree.root();
  chosen.meters = {std::string("nvml:") + kCard};
  const auto monitor = Monitor::open(chosen);
  ASSERT_TRUE(monitor);

  const auto window = monitor->open_window();
  Usage usage;
  while (usage.energy_uj < 60'000'000) usage = window->usage().value();

  EXPECT_GE(usage.time, milliseconds(200));
  EXPECT_EQ(usage.provenance, Provenance::kMeasured);
}

}  // namespace
}  // namespace symbiont::energy
