#include "energy/proc_formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "energy/proc_reader.h"

namespace symbiont::energy {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(ProcFormats, ReadTheTimeOfAThread) {
  EXPECT_EQ(parse_schedstat("70731 12 1\n"), nanoseconds(70'731));
  for (const char* text :
       {"", "\n", "70731\n", "-1 0 0\n", "x 0 0\n", "99999999999999999999 0 0\n"}) {
    EXPECT_EQ(parse_schedstat(text), std::nullopt) << text;
  }
}

TEST(ProcFormats, ReadTheTimeOfAControlGroup) {
  EXPECT_EQ(parse_cpu_stat("usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n"),
            microseconds(1'234'567));
  EXPECT_EQ(parse_cpu_stat("nr_periods 0\nusage_usec 7\n"), microseconds(7));
  EXPECT_EQ(parse_cpuacct_usage("5000000001\n"), nanoseconds(5'000'000'001));
}

TEST(ProcFormats, GiveNoTimeForNonsense) {
  for (const char* text :
       {"", "user_usec 5\n", "usage_usec\n", "usage_usec -5\n", "usage_usec 5 6\n",
        "usage_usec 9223372036854775807\n", "usage_usec_more 5\n"}) {
    EXPECT_EQ(parse_cpu_stat(text), std::nullopt) << text;
  }
  for (const char* text : {"", "-1\n", "1.5\n", "12 13\n"}) {
    EXPECT_EQ(parse_cpuacct_usage(text), std::nullopt) << text;
  }
}

TEST(ProcFormats, FindControlGroupsAmongTheMounts) {
  const auto mounts = parse_cgroup_mounts(
      "23 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
      "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup "
      "rw,cpu,cpuacct\n"
      "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
      "41 31 0:38 /docker/a\\040b /sys/fs/cgroup/unified\\011x rw master:1 - cgroup2 cgroup2 rw\n");

  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_FALSE(mounts[0].unified);
  EXPECT_EQ(mounts[0].root, "/");
  EXPECT_EQ(mounts[0].mount_point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_TRUE(mounts[1].unified);
  EXPECT_EQ(mounts[1].root, "/docker/a b");
  EXPECT_EQ(mounts[1].mount_point, "/sys/fs/cgroup/unified\tx");
}

TEST(ProcFormats, LeaveOutLinesThatAreNoMount) {
  EXPECT_TRUE(parse_cgroup_mounts("").empty());
  EXPECT_TRUE(parse_cgroup_mounts("cgroup2\n - cgroup2\n1 2 3 - cgroup2 x y\n").empty());
  EXPECT_TRUE(parse_cgroup_mounts("1 2 0:1 relative also - cgroup2 a b\n").empty());
}

TEST(ProcFormats, FindTheControlGroupOfAProcess) {
  const std::string text =
      "9:name=systemd:/x\n2:cpu,cpuacct:/user.slice\n1:cpuset:/\n0::/user.slice/a:b.scope\n";

  EXPECT_EQ(parse_cgroup_membership(text, true), "/user.slice/a:b.scope");
  EXPECT_EQ(parse_cgroup_membership(text, false), "/user.slice");
  EXPECT_EQ(parse_cgroup_membership("1:cpuset:/\n", true), std::nullopt);
  EXPECT_EQ(parse_cgroup_membership("0::relative\n", true), std::nullopt);
}

TEST(ProcFormats, ReadAProcessWhoseNameTriesToMislead) {
  const auto stat = parse_process_stat(
      7, "7 (a) R 1 (b)) S 3 7 7 0 -1 4194304 90 0 0 0 1 2 300 400 20 0 1 0 12345 1 1\n");

  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->name, "a) R 1 (b)");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 3);
  EXPECT_EQ(stat->start_ticks, 12'345);
  EXPECT_EQ(stat->reaped, milliseconds(7'000));
  EXPECT_EQ(parse_process_stat(7, ")("), std::nullopt);
  EXPECT_EQ(parse_process_stat(7, "7 (a) S 3"), std::nullopt);
}

}  // namespace
}  // namespace symbiont::energy
