#include "symbiont/train/oom_kills.h"

#include <sstream>
#include <string>
#include <string_view>

#include "symbiont/base/file.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;

/// A group as /proc/self/cgroup names it, and the file that counts its kills.
struct MemoryGroup {
  fs::path mount;  // relative to sysroot
  fs::path group;  // relative to mount
  const char* file = nullptr;
};

// A line is "0::/path" (version 2) or "7:memory:/path" (version 1, maybe "cpu,memory").
std::optional<MemoryGroup> parse_line(const std::string& line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(":/", first == std::string::npos ? first : first + 1);
  if (first == std::string::npos || second == std::string::npos) {
    return std::nullopt;
  }
  const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
  const fs::path group = line.substr(second + 2);
  if (controllers == ",,") {
    return MemoryGroup{"sys/fs/cgroup", group, "memory.events"};
  }
  if (controllers.find(",memory,") != std::string::npos) {
    return MemoryGroup{"sys/fs/cgroup/memory", group, "memory.oom_control"};
  }
  return std::nullopt;
}

std::optional<std::int64_t> read_kills(const fs::path& path) {
  const Result<std::string> text = read_file(path, 64 << 10);
  if (!text) {
    return std::nullopt;
  }
  std::istringstream lines(*text);
  std::string key;
  std::int64_t value = 0;
  while (lines >> key >> value) {
    if (key == "oom_kill") {
      return value;
    }
  }
  return std::nullopt;
}

// Inside a container the group's own path may not be visible, but that of an ancestor is, and
// counts for all below it.
std::optional<std::int64_t> read_nearest(const fs::path& sysroot, const MemoryGroup& memory) {
  const fs::path mount = sysroot / memory.mount;
  for (fs::path group = memory.group;; group = group.parent_path()) {
    const std::optional<std::int64_t> kills = read_kills(mount / group / memory.file);
    if (kills || group.empty()) {
      return kills;
    }
  }
}

}  // namespace

std::optional<std::int64_t> count_oom_kills(const fs::path& sysroot) {
  const Result<std::string> groups = read_file(sysroot / "proc/self/cgroup", 64 << 10);
  if (!groups) {
    return std::nullopt;
  }
  std::istringstream lines(*groups);
  std::optional<std::int64_t> kills;
  for (std::string line; std::getline(lines, line) && !kills;) {
    if (const std::optional<MemoryGroup> memory = parse_line(line)) {
      kills = read_nearest(sysroot, *memory);
    }
  }
  return kills;
}

}  // namespace symbiont::train
