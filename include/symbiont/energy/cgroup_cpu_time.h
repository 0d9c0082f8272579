#pragma once
/// Processor time of a control group: whoever is in it, for however short.

#include <chrono>
#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "symbiont/base/error.h"
#include "symbiont/energy/cpu_time.h"

namespace symbiont::energy {

/// The kernel's own sum over a control group and those below it: `usage_usec` of cpu.stat (version
/// 2) or cpuacct.usage (version 1). Nothing that ran in it is missed, as the search of a process
/// tree can. For a job that runs in a control group of its own: neighbours in it count too.
class CgroupCpuTime final : public CpuTimeSource {
 public:
  /// `cgroup`: its path in the hierarchy as in /proc/PID/cgroup, "/system.slice/train.service", or
  /// "self": the one that this process is in. Looked up by SYSROOT/proc/self/mountinfo, version 2
  /// first. kInvalidArgument for another form; kUnavailable, saying where it was looked for, when
  /// no hierarchy tells its processor time.
  static Result<std::unique_ptr<CgroupCpuTime>> open(const std::filesystem::path& sysroot,
                                                     std::string_view cgroup);

  /// Counts from the first call on, whichever process is meant.
  void follow(int pid) override;
  /// Keeps its last value when the control group has gone.
  std::chrono::nanoseconds used() override;

  /// The file that is read.
  const std::filesystem::path& file() const { return file_; }

 private:
  CgroupCpuTime(std::filesystem::path file, bool unified, std::chrono::nanoseconds now)
      : file_(std::move(file)), unified_(unified), last_(now) {}

  const std::filesystem::path file_;
  const bool unified_;
  bool following_ = false;
  std::chrono::nanoseconds last_;
  std::chrono::nanoseconds used_{0};
};

}  // namespace symbiont::energy
