#pragma once
/// The texts of /proc and of control groups that tell processor time. Functions of bytes that
/// somebody else wrote: anything that is not as the kernel writes it is no value, never a wrong
/// one.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace symbiont::energy {

/// /proc/PID/task/TID/schedstat: time on a processor, time waiting for one, times it ran. The
/// first.
std::optional<std::chrono::nanoseconds> parse_schedstat(std::string_view text);

/// cpu.stat of a control group, version 2: `usage_usec`.
std::optional<std::chrono::nanoseconds> parse_cpu_stat(std::string_view text);

/// cpuacct.usage of a control group, version 1: nanoseconds.
std::optional<std::chrono::nanoseconds> parse_cpuacct_usage(std::string_view text);

/// A mount of control groups that tell processor time.
struct CgroupMount {
  bool unified = false;               ///< version 2, else version 1 with cpuacct
  std::filesystem::path root;         ///< the control group that is shown at `mount_point`
  std::filesystem::path mount_point;  ///< absolute
};
/// /proc/PID/mountinfo (proc(5)): those mounts, lines that are something else left out.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

/// /proc/PID/cgroup (cgroups(7)): the control group of a process, version 2 if `unified`, else of
/// cpuacct.
std::optional<std::string> parse_cgroup_membership(std::string_view text, bool unified);

}  // namespace symbiont::energy
