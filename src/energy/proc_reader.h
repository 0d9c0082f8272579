#pragma once
/// Processes as a proc file system shows them.

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace symbiont::energy {

/// The beginning of a small file of the kernel's. These are read at every window, so they cost one
/// open, one read, one close and no heap.
class ProcFile {
 public:
  /// One that cannot be read is empty.
  explicit ProcFile(const std::filesystem::path& path);
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 4096> bytes_;
  std::size_t size_ = 0;
};

/// What /proc/PID/stat says that we need.
struct ProcessStat {
  pid_t pid = 0;
  std::string name;
  char state = 0;  ///< 'Z': it has ended and is not reaped yet
  pid_t parent = 0;
  std::int64_t start_ticks = 0;
  std::chrono::nanoseconds reaped{0};  ///< processor time of children that it has waited for
};
std::optional<ProcessStat> parse_process_stat(pid_t pid, std::string_view text);
std::optional<ProcessStat> read_process_stat(const std::filesystem::path& proc, pid_t pid);

/// Processor time of all threads that a process has or had, by its CPU clock. Where that cannot be
/// read, by the schedstat of the threads that live: those that ended are then missing.
std::optional<std::chrono::nanoseconds> read_process_cpu_time(const std::filesystem::path& proc,
                                                              pid_t pid);

/// All that descend from `roots`, parents before their children, the roots left out: by each
/// thread's `children` file where the kernel has it, else by parent.
std::vector<pid_t> find_descendants(const std::filesystem::path& proc, std::vector<pid_t> roots);

}  // namespace symbiont::energy
