#include "guard.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process_tree.h"
#include "symbiont/base/file.h"

namespace symbiont::train {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kObedience{3};
constexpr std::chrono::seconds kEndLimit{3};
constexpr int kCannotStart = 71;  // EX_OSERR

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
    sigaddset(&signals, number);
  }
  return signals;
}

// Reaps whatever has ended; the status of `child` once it is among them.
std::optional<int> reap(pid_t child) {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == child) {
      return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
  }
  return std::nullopt;
}

int wait_for(pid_t child, FileDescriptor lifeline) {
  const sigset_t signals = awaited_signals();
  std::optional<SteadyClock::time_point> deadline;
  while (true) {
    if (const std::optional<int> code = reap(child)) {
      return *code;
    }
    if (deadline && SteadyClock::now() > *deadline) {
      ::kill(child, SIGKILL);
    }
    const timespec moment{0, deadline ? 10'000'000 : 500'000'000};
    const int signal_number = ::sigtimedwait(&signals, nullptr, &moment);
    if (signal_number > 0 && signal_number != SIGCHLD && !deadline) {
      lifeline.reset();
      deadline = SteadyClock::now() + kObedience;
    }
  }
}

int cannot_start(const char* what) {
  std::fprintf(stderr, "symbiont-supervisor: %s: %s\n", what, std::strerror(errno));
  return kCannotStart;
}

}  // namespace

int run_guarded(const std::function<int(int guard)>& work) {
  keep_descendants();
  const sigset_t signals = awaited_signals();
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &signals, &before);
  // Whoever starts us wants us dead with it (SIGKILL), but then we could not clean up.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return cannot_start("make a pipe");
  }
  FileDescriptor guard(ends[0]);
  FileDescriptor lifeline(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) {
    return cannot_start("fork");
  }
  if (child == 0) {
    lifeline.reset();
    ::setpgid(0, 0);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    keep_descendants();
    std::_Exit(work(guard.get()));
  }
  ::setpgid(child, child);  // the child does the same; whoever comes first
  guard.reset();
  const int code = wait_for(child, std::move(lifeline));
  end_descendants(kEndLimit);
  return code;
}

}  // namespace symbiont::train
