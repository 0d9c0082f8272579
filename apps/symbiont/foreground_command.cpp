#include "foreground_command.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/file.h"

namespace symbiont::app {
namespace {

using std::chrono::nanoseconds;

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool is_one_of(std::span<const int> signals, int signal) {
  return std::find(signals.begin(), signals.end(), signal) != signals.end();
}

ExitStatus to_exit_status(int wait_status) {
  ExitStatus status;
  if (WIFSIGNALED(wait_status)) {
    status.signal = WTERMSIG(wait_status);
  } else {
    status.exit_code = WEXITSTATUS(wait_status);
  }
  return status;
}

Error start_error(int error_number, const std::string& program) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  const char* const reason = missing ? "no such program" : std::strerror(error_number);
  return {missing ? ErrorCode::kNotFound : ErrorCode::kPermissionDenied,
          "start " + program + ": " + reason};
}

timespec to_timespec(nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = static_cast<time_t>(seconds.count()),
          .tv_nsec = static_cast<long>((duration - seconds).count())};
}

/// A call that was late by little keeps the rhythm. After a long stop it begins anew, or the next
/// call would follow at once and speak of no time.
template <typename TimePoint>
TimePoint next_due(TimePoint due, TimePoint now, nanoseconds interval) {
  return (now - due < interval / 2 ? due : now) + interval;
}

/// A signal of the terminal goes to the whole process group, the command included.
bool was_sent_by_a_process(const siginfo_t& signal) {
  return signal.si_code <= 0;
}

}  // namespace

ForegroundCommand::ForegroundCommand() {
  sigemptyset(&handled_);
  for (const int signal : kForwarded) sigaddset(&handled_, signal);
  for (const int signal : {SIGCHLD, SIGTSTP, SIGCONT}) sigaddset(&handled_, signal);
  ::pthread_sigmask(SIG_BLOCK, &handled_, &mask_before_);
  sigemptyset(&ignored_before_);
  for (const int signal : kEnding) {
    if (is_ignored(signal)) sigaddset(&ignored_before_, signal);
  }
  struct sigaction action {};
  action.sa_handler = SIG_DFL;  // with SIG_IGN, which is inherited, children would leave no status
  ::sigaction(SIGCHLD, &action, &child_before_);
  action.sa_handler = SIG_IGN;  // the report may find its reader gone; the exit code must not
  ::sigaction(SIGPIPE, &action, &pipe_before_);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

Result<void> ForegroundCommand::start(const std::vector<std::string>& argv) {
  SYM_CHECK(!argv.empty());
  std::vector<char*> pointers;
  for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(errno_error(errno, "start " + argv[0]));
  const FileDescriptor failure_read(ends[0]);
  FileDescriptor failure_write(ends[1]);

  pid_ = ::fork();
  if (pid_ < 0) return tl::unexpected(errno_error(errno, "start " + argv[0]));
  if (pid_ == 0) execute(pointers, failure_write.get());
  failure_write.reset();

  int error_number = 0;  // a successful exec closes the pipe without a word
  const ssize_t count =
      TEMP_FAILURE_RETRY(::read(failure_read.get(), &error_number, sizeof error_number));
  if (count != static_cast<ssize_t>(sizeof error_number)) {
    has_children_ = true;
    return {};
  }
  ::waitpid(pid_, nullptr, 0);
  return tl::unexpected(start_error(error_number, argv[0]));
}

void ForegroundCommand::execute(const std::vector<char*>& argv, int failure_pipe) const {
  ::sigaction(SIGCHLD, &child_before_, nullptr);
  ::sigaction(SIGPIPE, &pipe_before_, nullptr);
  ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  ::execvp(argv[0], argv.data());
  const int error_number = errno;
  [[maybe_unused]] const ssize_t sent = ::write(failure_pipe, &error_number, sizeof error_number);
  ::_exit(127);
}

void ForegroundCommand::reap() {
  int status = 0;
  pid_t pid = 0;
  // Only what this thread started, and orphans: other threads are meters with their own programs.
  while ((pid = ::waitpid(-1, &status, WNOHANG | __WNOTHREAD)) > 0) {
    if (pid == pid_) status_ = to_exit_status(status);
  }
  has_children_ = pid == 0;
}

bool ForegroundCommand::ended(bool wait_all) const {
  return status_ && (!wait_all || !has_children_ || gave_up_);
}

ExitStatus ForegroundCommand::wait(const ForegroundOptions& options) {
  using Clock = std::chrono::steady_clock;
  auto due = Clock::now() + options.interval;
  for (reap(); !ended(options.wait_all); reap()) {
    siginfo_t signal{};
    int found = 0;
    if (options.interval > nanoseconds(0)) {
      const timespec left = to_timespec(std::max(due - Clock::now(), Clock::duration(0)));
      found = ::sigtimedwait(&handled_, &signal, &left);
    } else {
      found = ::sigwaitinfo(&handled_, &signal);
    }
    if (found > 0) handle(signal);
    if (options.interval > nanoseconds(0) && Clock::now() >= due) {
      options.on_interval();
      due = next_due(due, Clock::now(), options.interval);
    }
  }
  return *status_;
}

void ForegroundCommand::handle(const siginfo_t& signal) {
  const int number = signal.si_signo;
  if (status_) {  // only --wait-all still waits; there is nobody to pass it on to
    const bool ignored = sigismember(&ignored_before_, number) == 1;
    if (is_one_of(kEnding, number) && !ignored) gave_up_ = true;
    if (number == SIGTSTP) stop_ourselves();
    return;
  }
  const bool meant_for_it = was_sent_by_a_process(signal) && signal.si_pid != pid_;
  if (number == SIGCONT || (meant_for_it && (number == SIGTSTP || is_one_of(kForwarded, number)))) {
    ::kill(pid_, number);
  }
  if (number == SIGTSTP) stop_ourselves();
}

// By the signal itself: where nobody could continue us, the kernel does not let it stop us.
void ForegroundCommand::stop_ourselves() const {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  ::raise(SIGTSTP);
  ::pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
}

}  // namespace symbiont::app
