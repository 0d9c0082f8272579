#pragma once
/// Runs a command as if this program were not between it and the one who started it.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/types.h>

#include "symbiont/base/error.h"
#include "symbiont/base/subprocess.h"

namespace symbiont::app {

/// What to do while it runs.
struct ForegroundOptions {
  bool wait_all = false;                ///< wait for all that it started, not only for itself
  std::chrono::nanoseconds interval{};  ///< how often `on_interval` is called; 0: never
  std::function<void()> on_interval;
};

/// The command has our standard streams, terminal, process group and other open files, and the
/// signal dispositions and mask that we were started with. Signals that a process sends to us (INT,
/// TERM, HUP, QUIT, USR1, USR2, WINCH, TSTP, CONT) are passed on to it; those of the terminal it
/// gets itself. We are the subreaper of whatever it starts, so orphans come to us and are counted.
class ForegroundCommand {
 public:
  /// Holds the signals back. To be made while the process has one thread: later ones inherit this.
  ForegroundCommand();
  ForegroundCommand(const ForegroundCommand&) = delete;
  ForegroundCommand& operator=(const ForegroundCommand&) = delete;

  /// Starts it. kNotFound when there is no such program, kPermissionDenied when it cannot be
  /// executed.
  Result<void> start(const std::vector<std::string>& argv);

  /// Returns how its first process ended: when that has, or with `wait_all` when all have. Under
  /// `wait_all`, once the first has ended, INT, TERM, HUP or QUIT ends the waiting, unless we were
  /// started with that signal ignored, as by nohup.
  ExitStatus wait(const ForegroundOptions& options);

 private:
  [[noreturn]] void execute(const std::vector<char*>& argv, int failure_pipe) const;
  void reap();
  bool ended(bool wait_all) const;
  void handle(const siginfo_t& signal);
  void stop_ourselves() const;

  sigset_t handled_{};
  sigset_t mask_before_{};
  sigset_t ignored_before_{};
  struct sigaction child_before_ {};
  struct sigaction pipe_before_ {};
  pid_t pid_ = -1;
  bool has_children_ = false;
  bool gave_up_ = false;
  std::optional<ExitStatus> status_;
};

}  // namespace symbiont::app
