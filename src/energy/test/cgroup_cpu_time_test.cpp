#include "symbiont/energy/cgroup_cpu_time.h"

#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbiont/energy/monitor.h"
#include "temporary_directory.h"

namespace symbiont::energy {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using ::testing::HasSubstr;

/// A made-up system with both hierarchies mounted; this process is in /jobs/train.
struct CgroupCpuTimeTest : ::testing::Test {
  CgroupCpuTimeTest() {
    write("proc/self/mountinfo",
          "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
          "41 31 0:38 /jobs /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    write("proc/self/cgroup", "2:cpuacct:/old\n0::/jobs/train\n");
  }
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = root / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  void set_usage(int usec) const {
    write("sys/fs/cgroup/unified/train/cpu.stat",
          "usage_usec " + std::to_string(usec) + "\nuser_usec 0\nsystem_usec 0\n");
  }
  Result<std::unique_ptr<CgroupCpuTime>> open(std::string_view cgroup) const {
    return CgroupCpuTime::open(root.path(), cgroup);
  }

  const testing::TemporaryDirectory root;
};

TEST_F(CgroupCpuTimeTest, CountsFromTheMomentItFollows) {
  set_usage(1'000);
  const auto group = open("/jobs/train");
  ASSERT_TRUE(group) << group.error().message();
  set_usage(5'000);
  EXPECT_EQ((*group)->used(), nanoseconds(0));

  (*group)->follow(1);
  set_usage(7'500);
  EXPECT_EQ((*group)->used(), microseconds(2'500));

  (*group)->follow(2);
  set_usage(8'000);
  EXPECT_EQ((*group)->used(), microseconds(3'000));
}

TEST_F(CgroupCpuTimeTest, FindsItsOwnGroup) {
  set_usage(1'000);

  const auto group = open("self");

  ASSERT_TRUE(group) << group.error().message();
  EXPECT_EQ((*group)->file(), root / "sys/fs/cgroup/unified/train/cpu.stat");
}

TEST_F(CgroupCpuTimeTest, ReadsTheOldHierarchyWhereTheNewOneDoesNotTell) {
  write("sys/fs/cgroup/cpuacct/old/cpuacct.usage", "500\n");
  const auto group = open("self");
  ASSERT_TRUE(group) << group.error().message();
  (*group)->follow(1);

  write("sys/fs/cgroup/cpuacct/old/cpuacct.usage", "1700\n");

  EXPECT_EQ((*group)->used(), nanoseconds(1'200));
}

TEST_F(CgroupCpuTimeTest, KeepsWhatItKnowsWhenTheGroupGoesAndIsMadeAgain) {
  set_usage(1'000);
  const auto group = open("self");
  ASSERT_TRUE(group);
  (*group)->follow(1);
  set_usage(4'000);
  EXPECT_EQ((*group)->used(), microseconds(3'000));

  std::filesystem::remove_all(root / "sys/fs/cgroup/unified/train");
  EXPECT_EQ((*group)->used(), microseconds(3'000));

  set_usage(100);
  EXPECT_EQ((*group)->used(), microseconds(3'000));
  set_usage(600);
  EXPECT_EQ((*group)->used(), microseconds(3'500));
}

TEST_F(CgroupCpuTimeTest, SaysWhereItLooked) {
  const auto missing = open("/jobs/other");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(missing.error().message(),
              AllOf(HasSubstr("unified/other/cpu.stat"), HasSubstr("cpuacct/jobs/other")));

  write("proc/self/mountinfo", "");
  EXPECT_THAT(open("self").error().message(), HasSubstr("mountinfo"));
}

TEST_F(CgroupCpuTimeTest, RefusesAPathThatIsNone) {
  for (const char* word : {"jobs/train", "/jobs/../../../etc", "", "own"}) {
    const auto refused = open(word);
    ASSERT_FALSE(refused) << word;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST_F(CgroupCpuTimeTest, IsAMeterOfItsOwn) {
  set_usage(0);
  MonitorOptions options;
  options.meters = {"cgroup:/jobs/train"};
  options.sysroot = root.path();
  auto monitor = Monitor::open(options);
  ASSERT_TRUE(monitor) << monitor.error().message();

  EXPECT_EQ(monitor->describe(), "modelled ±40 %, this process");
  EXPECT_EQ(Monitor::resolve_meter_path("cgroup:/jobs/train", "/folder"), "cgroup:/jobs/train");
}

}  // namespace
}  // namespace symbiont::energy
