#pragma once
/// How much processor time a tree of processes has used.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace symbiont::energy {

/// Processor time of the tree of processes that a job runs in. Not thread-safe.
class CpuTimeSource {
 public:
  virtual ~CpuTimeSource() = default;

  /// From now on counts the tree below `pid`, and keeps what earlier trees have used. What the
  /// processes used before this call does not count. Following the same live process again changes
  /// nothing.
  virtual void follow(int pid) = 0;

  /// Processor time of all that was followed, exited processes included. Never decreases.
  virtual std::chrono::nanoseconds used() = 0;
};

/// The tree as Linux shows it.
///
/// A live process is read by its CPU clock (nanoseconds, exited threads included), and where that
/// cannot be read by the schedstat of its threads (nanoseconds, live threads only). Descendants are
/// found through /proc/PID/task/TID/children where the kernel has it, else by parent in /proc; the
/// search runs only when the kernel has handed out a new pid, and at most every 10 ms. Children
/// that lived and died unseen are taken from the reaping parent's cutime and cstime (clock ticks,
/// 10 ms). Nothing counts twice: a process that was watched and is gone keeps its last reading, and
/// its parent's reaped time counts only as far as it exceeds what is known of such children. Not
/// seen: a child that was orphaned before anybody looked, and unseen children of a process that
/// ignores SIGCHLD.
class ProcessTreeCpuTime final : public CpuTimeSource {
 public:
  /// `proc`: the proc file system, of the pid namespace that we live in.
  explicit ProcessTreeCpuTime(std::filesystem::path proc = "/proc");

  void follow(int pid) override;
  std::chrono::nanoseconds used() override;

 private:
  struct Process {
    pid_t pid = 0;
    pid_t parent = 0;
    std::int64_t start_ticks = 0;
    bool gone = false;
    std::chrono::nanoseconds own{0};             // of its threads
    std::chrono::nanoseconds own_before{0};      // the part used before it was followed
    std::chrono::nanoseconds reaped{0};          // of children it has waited for
    std::chrono::nanoseconds reaped_before{0};   // the part used before they were followed
    std::chrono::nanoseconds known_departed{0};  // the part of them that was watched to the end

    std::chrono::nanoseconds total() const {
      return own - own_before + std::max(reaped - reaped_before, known_departed);
    }
  };
  std::optional<Process> read_new(pid_t pid) const;
  bool refresh(Process& process) const;
  void refresh_all();
  void depart(const Process& process);
  bool tree_may_have_grown();
  void adopt_descendants();
  void adopt(pid_t pid);
  Process* find(pid_t pid);

  std::filesystem::path proc_;
  pid_t root_ = 0;
  std::vector<Process> processes_;  // parents before their children
  std::chrono::nanoseconds departed_{0};
  std::chrono::nanoseconds reported_{0};
  std::string last_pid_;
  std::chrono::steady_clock::time_point last_search_;
};

/// All that this process has launched, in whatever depth: children that it has reaped with what
/// they reaped (microseconds, exact), and descendants that live. For a process that launches what
/// it measures, reaps all its children, and has made itself their subreaper (PR_SET_CHILD_SUBREAPER
/// of prctl(2)): then no orphan is missed either. Not seen: a child of somebody who ignores SIGCHLD
/// or never waits, that lived and died between two readings.
class LaunchedCpuTime final : public CpuTimeSource {
 public:
  explicit LaunchedCpuTime(std::filesystem::path proc = "/proc");

  /// Counts from the first call on; which process is meant is known anyway.
  void follow(int pid) override;
  std::chrono::nanoseconds used() override;

 private:
  std::chrono::nanoseconds read() const;

  std::filesystem::path proc_;
  std::optional<std::chrono::nanoseconds> before_;
  std::chrono::nanoseconds reported_{0};
};

/// A process that has not ended.
struct LiveProcess {
  pid_t pid = 0;
  std::string name;  ///< the first 15 bytes of its command, any bytes
};
/// The descendants of this process that have not ended, parents before their children.
std::vector<LiveProcess> live_descendants(const std::filesystem::path& proc = "/proc");

}  // namespace symbiont::energy
