#pragma once
/// Child processes that cannot be left behind.
///
/// A child leads its own process group and is killed by the kernel when the thread that spawned it
/// ends (PR_SET_PDEATHSIG), so a SIGKILL of the parent leaves no orphan. Never a shell: `argv` goes
/// to execve as it is.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "symbiont/base/error.h"

namespace symbiont {

/// How a process ended. An exit code of -1: unknown, because this program ignores SIGCHLD.
struct ExitStatus {
  int exit_code = 0;  ///< when `signal` is 0
  int signal = 0;     ///< the signal that killed it, or 0

  bool success() const { return exit_code == 0 && signal == 0; }
  /// "exit code 3", "killed by signal 9 (Killed)".
  std::string describe() const;
};

/// What to start and where its streams go.
struct SpawnOptions {
  std::vector<std::string> argv;  ///< argv[0] with a slash is a path from our directory; else PATH
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to or replacing ours
  std::filesystem::path working_directory;                       ///< empty: ours
  std::filesystem::path stdout_file;                             ///< appended to; empty: /dev/null
  std::filesystem::path stderr_file;                             ///< appended to; empty: ours
  /// Unless -1, both streams go to this descriptor instead, which stays the caller's.
  int output_descriptor = -1;
};

/// The file that `program` would execute: what has a slash is taken as it is (from our directory),
/// a bare name is looked up in PATH. kNotFound or kPermissionDenied when that leads nowhere.
Result<std::string> find_program(const std::string& program);

/// A running child. Move-only; not thread-safe. The destructor kills the whole group and reaps.
class Subprocess {
 public:
  /// Starts it. kNotFound when the program does not exist, kPermissionDenied when it cannot be
  /// executed: exec failures are reported here, not later. Call from a thread that lives as long as
  /// the child may.
  static Result<Subprocess> spawn(const SpawnOptions& options);

  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&& other) noexcept;
  ~Subprocess();

  pid_t pid() const { return pid_; }

  /// Waits at most `timeout` (zero: looks once) for the child to end. When it has, whatever is left
  /// of its group is killed. It stays a zombie, of which /proc still tells, until `wait`.
  bool has_ended(std::chrono::milliseconds timeout);

  /// The same, and reaps it.
  std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);

  /// Sends a signal to the whole group. Fine if it has ended.
  void signal_group(int signal_number);

  /// SIGTERM, at most `grace` to comply, then SIGKILL to the group, and reaps.
  ExitStatus terminate(std::chrono::milliseconds grace);

 private:
  explicit Subprocess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
  std::optional<ExitStatus> status_;
};

/// Identity of a process that survives pid reuse: pid and start time (field 22 of /proc/PID/stat).
struct ProcessIdentity {
  pid_t pid = 0;
  std::int64_t start_ticks = 0;

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

/// The identity of a live process, or nothing when there is none with this pid (zombies count as
/// gone).
std::optional<ProcessIdentity> identify_process(pid_t pid);

/// The last `lines` lines of a text file, at most 64 KiB; empty when it cannot be read.
std::string tail_of_file(const std::filesystem::path& path, int lines);

}  // namespace symbiont
