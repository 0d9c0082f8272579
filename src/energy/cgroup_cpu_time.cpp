#include "symbiont/energy/cgroup_cpu_time.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "energy/proc_formats.h"
#include "energy/proc_reader.h"
#include "symbiont/base/file.h"

namespace symbiont::energy {
namespace {

namespace fs = std::filesystem;
using std::chrono::nanoseconds;

constexpr std::string_view kSelf = "self";
constexpr std::int64_t kMaxProcFile = 16 << 20;

std::optional<nanoseconds> read_usage(const fs::path& file, bool unified) {
  const ProcFile content(file);
  return unified ? parse_cpu_stat(content.text()) : parse_cpuacct_usage(content.text());
}

/// `cgroup` as a path below the mount, which may show only a part of the hierarchy.
std::optional<fs::path> below_mount(const CgroupMount& mount, const fs::path& cgroup) {
  const fs::path path = cgroup.lexically_normal();
  if (!is_inside(path, mount.root)) return std::nullopt;
  return mount.mount_point.relative_path() / path.lexically_relative(mount.root);
}

Result<void> check(std::string_view cgroup) {
  const fs::path path(cgroup);
  const bool climbs = std::find(path.begin(), path.end(), "..") != path.end();
  if (cgroup == kSelf || (path.is_absolute() && !climbs)) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("control group \"{}\": expected \"self\" or a path from the root of the "
                          "hierarchy, as /proc/PID/cgroup shows it",
                          cgroup));
}

}  // namespace

Result<std::unique_ptr<CgroupCpuTime>> CgroupCpuTime::open(const fs::path& sysroot,
                                                           std::string_view cgroup) {
  SYM_RETURN_IF_ERROR(check(cgroup));
  const fs::path self = sysroot / "proc/self";
  const auto mountinfo = read_file(self / "mountinfo", kMaxProcFile);
  if (!mountinfo) return fail(ErrorCode::kUnavailable, mountinfo.error().message());
  std::vector<CgroupMount> mounts = parse_cgroup_mounts(*mountinfo);
  std::stable_sort(mounts.begin(), mounts.end(), [](const CgroupMount& a, const CgroupMount& b) {
    return a.unified && !b.unified;
  });

  const std::string memberships = read_file(self / "cgroup", kMaxProcFile).value_or("");
  std::vector<std::string> tried;
  for (const CgroupMount& mount : mounts) {
    const auto path = cgroup == kSelf ? parse_cgroup_membership(memberships, mount.unified)
                                      : std::optional(std::string(cgroup));
    const auto below = path ? below_mount(mount, *path) : std::nullopt;
    if (!below) continue;
    const fs::path file = sysroot / *below / (mount.unified ? "cpu.stat" : "cpuacct.usage");
    if (const auto now = read_usage(file, mount.unified)) {
      return std::unique_ptr<CgroupCpuTime>(new CgroupCpuTime(file, mount.unified, *now));
    }
    tried.push_back(file.string());
  }
  return fail(ErrorCode::kUnavailable,
              tried.empty()
                  ? fmt::format("{}: no hierarchy of control groups that holds {} is mounted",
                                (self / "mountinfo").string(), cgroup)
                  : fmt::format("control group {}: no processor time in {}", cgroup,
                                fmt::join(tried, " nor in ")));
}

void CgroupCpuTime::follow(int) {
  if (std::exchange(following_, true)) return;
  last_ = read_usage(file_, unified_).value_or(last_);
}

// A group that was removed and made again counts from zero: the fall is no time, what follows is.
nanoseconds CgroupCpuTime::used() {
  if (!following_) return used_;
  const nanoseconds now = read_usage(file_, unified_).value_or(last_);
  used_ += std::max(now - std::exchange(last_, now), nanoseconds(0));
  return used_;
}

}  // namespace symbiont::energy
