#include "symbiont/energy/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "energy/test/powercap_tree.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

struct MonitorTest : testing::Test {
  Result<Monitor> open(std::vector<std::string> meters) const {
    MonitorOptions options;
    options.meters = std::move(meters);
    options.sysroot = tree.root();
    options.threads = 2;
    return Monitor::open(options);
  }
  std::string replay(const std::string& text) const {
    const auto path = tree.root() / "trace.csv";
    std::ofstream(path) << text;
    return "replay:" + path.string();
  }
  std::string trace() const {
    return replay("batch_size,epoch,time_s,energy_j\n32,1,10,1000\n64,1,4,400\n");
  }

  PowercapTree tree;
};

TEST(Monitor, PutsARelativePathOfAMeterBelowAFolder) {
  EXPECT_EQ(Monitor::resolve_meter_path("replay:a/trace.csv", "/jobs"), "replay:/jobs/a/trace.csv");
  EXPECT_EQ(Monitor::resolve_meter_path("replay:/trace.csv", "/jobs"), "replay:/trace.csv");
  EXPECT_EQ(Monitor::resolve_meter_path("rapl", "/jobs"), "rapl");
  EXPECT_EQ(Monitor::resolve_meter_path("no-such:trace.csv", "/jobs"), "no-such:trace.csv");
}

TEST_F(MonitorTest, MeasuresWhereAnythingCanBeMeasured) {
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.add_zone("intel-rapl:1", "package-1", 0);
  tree.make_unreadable("intel-rapl:1");

  const auto monitor = open({"auto"});

  ASSERT_TRUE(monitor);
  EXPECT_EQ(monitor->describe(), "measured, this machine");
  EXPECT_EQ(monitor->scope(), Scope::kMachine);
  EXPECT_EQ(monitor->max_power(), Watts(1000));
  EXPECT_THAT(monitor->unavailable(), Contains(Field(&Unavailable::name, "package-1")));
  EXPECT_THAT(monitor->unavailable(), Contains(Field(&Unavailable::source, "nvml")));
}

TEST_F(MonitorTest, EstimatesWhereNothingCanBeMeasuredAndKeepsTheReason) {
  const auto monitor = open({"auto"});

  ASSERT_TRUE(monitor);
  EXPECT_EQ(monitor->describe(), "modelled ±40 %, this process");
  EXPECT_EQ(monitor->provenance(), Provenance::kModelled);
  EXPECT_NEAR(monitor->max_power().value(), 2 * 3.84, 1e-9);
  EXPECT_THAT(monitor->unavailable(), Contains(Field(&Unavailable::source, "rapl")));
}

TEST_F(MonitorTest, SurveysEveryMeterThatNeedsNoArgument) {
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.add_zone("intel-rapl:1", "package-1", 0);
  tree.make_unreadable("intel-rapl:1");
  MonitorOptions options;
  options.sysroot = tree.root();

  const auto survey = survey_meters(options);

  ASSERT_TRUE(survey);
  EXPECT_THAT(survey->domains,
              Contains(AllOf(Field(&Domain::source, "rapl"), Field(&Domain::name, "package-0"))));
  EXPECT_THAT(survey->domains, Contains(Field(&Domain::source, "estimator")));
  EXPECT_THAT(survey->domains, Not(Contains(Field(&Domain::source, "replay"))));
  EXPECT_THAT(survey->unavailable, Contains(Field(&Unavailable::name, "package-1")));

  options.curve = "no-such";
  EXPECT_EQ(survey_meters(options).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(MonitorTest, FailsWithEveryReasonWhenAMeterWasAskedForAndIsNotThere) {
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.make_unreadable("intel-rapl:0");

  const auto monitor = open({"rapl"});

  ASSERT_FALSE(monitor);
  EXPECT_EQ(monitor.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(monitor.error().message(), HasSubstr("package-0"));
}

TEST_F(MonitorTest, SuggestsTheMeterThatWasMeant) {
  const auto monitor = open({"rapt"});

  ASSERT_FALSE(monitor);
  EXPECT_EQ(monitor.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(monitor.error().message(), HasSubstr("did you mean \"rapl\"?"));
  EXPECT_EQ(open({}).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(MonitorTest, RefusesToCountAnythingTwice) {
  tree.add_zone("intel-rapl:0", "package-0", 0);

  const auto twice = open({"rapl", "rapl"});

  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(twice.error().message(), HasSubstr("both cover package-0"));
}

TEST_F(MonitorTest, RefusesToAddAProcessToAMachine) {
  tree.add_zone("intel-rapl:0", "package-0", 0);

  const auto mixed = open({"rapl", "estimator"});

  ASSERT_FALSE(mixed);
  EXPECT_THAT(mixed.error().message(), HasSubstr("rapl speaks of the machine"));
}

TEST_F(MonitorTest, RefusesBadReplayFilesWithTheirPlace) {
  const auto bad = open({replay("batch_size,epoch,time_s,energy_j\n32,1,0,5\n")});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(bad.error().message(), HasSubstr("trace.csv:2: column \"time_s\""));

  const auto missing = open({"replay:/nowhere/trace.csv"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(missing.error().message(), HasSubstr("/nowhere/trace.csv"));
}

TEST_F(MonitorTest, ReplaysATraceExactly) {
  auto monitor = open({trace()});
  ASSERT_TRUE(monitor);
  EXPECT_EQ(monitor->describe(), "replayed");
  EXPECT_EQ(monitor->max_power(), Watts(100));
  monitor->attach(::getpid());

  const auto window = monitor->open_window();
  monitor->progress(32, 1, 1.0);
  const auto usage = window->usage();

  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->energy_uj, 1'000'000'000);
  EXPECT_EQ(usage->uncertainty_uj, 0);
  EXPECT_EQ(usage->time, seconds(10));
  EXPECT_EQ(usage->provenance, Provenance::kReplayed);
  EXPECT_EQ(monitor->clock().wall_now() - window->begin(), seconds(10));
}

TEST_F(MonitorTest, ReportsAnUnknownBatchSizeAtTheNextReading) {
  auto monitor = open({trace()});
  const auto window = monitor->open_window();

  monitor->progress(48, 1, 0.5);
  const auto usage = window->usage();

  ASSERT_FALSE(usage);
  EXPECT_EQ(usage.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(usage.error().message(), HasSubstr("trace.csv: no batch size 48"));
}

TEST_F(MonitorTest, NestsOverlapsAndMovesWindows) {
  auto monitor = open({trace()});

  const auto outer = monitor->open_window();
  monitor->progress(64, 1, 0.25);
  auto inner = monitor->open_window();
  monitor->progress(64, 1, 0.5);
  const auto overlapping = monitor->open_window();
  const Window moved = *std::move(inner);
  EXPECT_EQ(moved.usage()->energy_uj, 100'000'000);
  monitor->progress(64, 1, 1.0);

  EXPECT_EQ(outer->usage()->energy_uj, 400'000'000);
  EXPECT_EQ(moved.usage()->energy_uj, 300'000'000);
  EXPECT_EQ(overlapping->usage()->energy_uj, 200'000'000);
  EXPECT_EQ(overlapping->usage()->time, seconds(2));
}

TEST_F(MonitorTest, CarriesTheUncertaintyOfTheEstimate) {
  MonitorOptions options;
  options.meters = {"estimator"};
  auto monitor = Monitor::open(options);
  ASSERT_TRUE(monitor);
  monitor->attach(::getpid());

  const auto window = monitor->open_window();
  Usage usage;
  while (usage.energy_uj < 1000) usage = window->usage().value();

  EXPECT_EQ(usage.uncertainty_uj, std::llround(0.40 * static_cast<double>(usage.energy_uj)));
  EXPECT_LE(usage.energy() / usage.seconds(), monitor->max_power());
  EXPECT_EQ(usage.scope, Scope::kProcess);
}

TEST_F(MonitorTest, SumsTheDomainsOfAMachine) {
  tree.add_zone("intel-rapl:0", "package-0", 0);
  tree.add_zone("intel-rapl:0/intel-rapl:0:0", "dram", 0);
  const auto monitor = open({"rapl"});
  const auto window = monitor->open_window();

  tree.set_energy("intel-rapl:0", 300);
  tree.set_energy("intel-rapl:0/intel-rapl:0:0", 40);

  EXPECT_EQ(window->usage()->energy_uj, 340);
}

TEST_F(MonitorTest, StaysWholeWhenItIsMoved) {
  Monitor first = open({trace()}).value();
  Monitor second = std::move(first);
  const auto window = second.open_window();
  second.progress(64, 1, 1.0);

  EXPECT_EQ(window->usage()->energy_uj, 400'000'000);
}

TEST_F(MonitorTest, TellsWhatEachDomainUsed) {
  tree.add_zone("intel-rapl:0", "package-0", 100);
  tree.add_zone("intel-rapl:0/intel-rapl:0:0", "dram", 0);
  const auto monitor = open({"rapl"});
  ASSERT_TRUE(monitor) << monitor.error().message();
  const auto window = monitor->open_window();
  ASSERT_TRUE(window);
  tree.set_energy("intel-rapl:0", 350);
  tree.set_energy("intel-rapl:0/intel-rapl:0:0", 30);

  const auto usages = window->usage_by_domain();

  ASSERT_TRUE(usages);
  ASSERT_EQ(usages->size(), 2U);
  EXPECT_EQ((*usages)[0].energy_uj, 250);
  EXPECT_EQ((*usages)[1].energy_uj, 30);
  EXPECT_EQ((*usages)[1].scope, Scope::kMachine);
  EXPECT_EQ(window->usage()->energy_uj, 280);
}

}  // namespace
}  // namespace symbiont::energy
