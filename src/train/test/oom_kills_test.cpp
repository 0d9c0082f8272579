#include "symbiont/train/oom_kills.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "temporary_directory.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;

/// A machine's /proc and /sys as far as they speak of memory.
struct Machine {
  symbiont::testing::TemporaryDirectory root;

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }
};

TEST(OomKills, AreReadFromTheGroupOfVersionTwo) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/user.slice/job\n");
  machine.write("sys/fs/cgroup/user.slice/job/memory.events", "low 0\nhigh 0\noom 9\noom_kill 4\n");
  EXPECT_EQ(count_oom_kills(machine.root.path()), 4);
}

TEST(OomKills, AreReadFromTheMemoryGroupOfVersionOne) {
  const Machine machine;
  machine.write("proc/self/cgroup", "9:cpu,cpuacct:/a\n8:pids,memory:/docker/1\n0::/b\n");
  machine.write("sys/fs/cgroup/memory/docker/1/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  EXPECT_EQ(count_oom_kills(machine.root.path()), 2);
}

TEST(OomKills, AreReadFromTheNearestAncestorInsideAContainer) {
  const Machine machine;
  machine.write("proc/self/cgroup", "0::/kubepods/pod/container\n");
  machine.write("sys/fs/cgroup/memory.events", "oom_kill 7\n");
  EXPECT_EQ(count_oom_kills(machine.root.path()), 7);
}

TEST(OomKills, AreUnknownWhereTheKernelDoesNotSay) {
  const Machine machine;
  EXPECT_EQ(count_oom_kills(machine.root.path()), std::nullopt);
  for (const char* groups : {"", "0::/job\n", "nonsense\n", "::\n", ":", "3:cpu:/a\n"}) {
    machine.write("proc/self/cgroup", groups);
    EXPECT_EQ(count_oom_kills(machine.root.path()), std::nullopt) << groups;
  }
  machine.write("proc/self/cgroup", "0::/job\n");
  machine.write("sys/fs/cgroup/job/memory.events", "oom_kill many\n");
  EXPECT_EQ(count_oom_kills(machine.root.path()), std::nullopt);
}

}  // namespace
}  // namespace symbiont::train
