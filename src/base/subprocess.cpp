#include "symbiont/base/subprocess.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/file.h"

namespace symbiont {
namespace {

using Milliseconds = std::chrono::milliseconds;

bool has_zero_byte(const std::string& text) {
  return text.find('\0') != text.npos;
}

Result<void> check(const SpawnOptions& options) {
  if (options.argv.empty() || options.argv[0].empty()) {
    return fail(ErrorCode::kInvalidArgument, "start a program: no program was named");
  }
  if (std::any_of(options.argv.begin(), options.argv.end(), has_zero_byte)) {
    return fail(ErrorCode::kInvalidArgument,
                "start " + options.argv[0] + ": an argument contains a zero byte");
  }
  for (const auto& [name, value] : options.environment) {
    if (name.empty() || name.find('=') != name.npos || has_zero_byte(name + value)) {
      return fail(ErrorCode::kInvalidArgument,
                  "start " + options.argv[0] + ": not an environment variable: \"" + name + '"');
    }
  }
  return {};
}

/// Our environment with `changes` applied, as NAME=VALUE.
std::vector<std::string> merged_environment(
    const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> merged;
  const auto is_changed = [&](std::string_view entry) {
    const std::string_view name = entry.substr(0, entry.find('='));
    return std::any_of(changes.begin(), changes.end(),
                       [&](const auto& change) { return change.first == name; });
  };
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (!is_changed(*entry)) {
      merged.emplace_back(*entry);
    }
  }
  for (auto change = changes.begin(); change != changes.end(); ++change) {
    const bool set_again = std::any_of(
        change + 1, changes.end(), [&](const auto& later) { return later.first == change->first; });
    if (!set_again) {
      merged.push_back(change->first + '=' + change->second);
    }
  }
  return merged;
}

bool is_regular_file(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// A copy of `fd` above the standard streams, so that rearranging those cannot overwrite it.
FileDescriptor above_standard_streams(int fd) {
  return FileDescriptor(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

Result<FileDescriptor> open_stream(const std::filesystem::path& path, int flags) {
  const FileDescriptor fd(open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY, 0666));
  FileDescriptor copy = fd.is_open() ? above_standard_streams(fd.get()) : FileDescriptor();
  if (!copy.is_open()) {
    return tl::unexpected(errno_error(errno, "open " + path.string()));
  }
  return copy;
}

/// What the child could not do, sent to the parent through a pipe that a successful exec closes.
struct Failure {
  enum class Step : int { kPrepare, kWorkingDirectory, kExecute };
  Step step = Step::kPrepare;
  int error_number = 0;
};

/// All that the child needs, made before the fork: after it only async-signal-safe calls are
/// allowed, for other threads may have held any lock.
struct Launch {
  std::string program;
  std::string working_directory;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
  FileDescriptor stdin_stream;
  FileDescriptor stdout_stream;
  FileDescriptor stderr_stream;  // closed: ours
  FileDescriptor failure_read;
  FileDescriptor failure_write;
  pid_t parent = getpid();
  int max_descriptor = 0;
};

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) {
    pointers.push_back(const_cast<char*>(string.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

int descriptor_limit() {
  constexpr rlim_t kMost = 1 << 16;
  struct rlimit limit {};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(std::min(limit.rlim_cur, kMost));
}

Result<void> open_outputs(const SpawnOptions& options, Launch& launch) {
  if (options.output_descriptor >= 0) {
    launch.stdout_stream = above_standard_streams(options.output_descriptor);
    launch.stderr_stream = above_standard_streams(options.output_descriptor);
    return launch.stderr_stream.is_open()
               ? Result<void>()
               : tl::unexpected(errno_error(errno, "start " + options.argv[0]));
  }
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
  const auto stdout_path = options.stdout_file.empty() ? "/dev/null" : options.stdout_file;
  SYM_ASSIGN_OR_RETURN(launch.stdout_stream, open_stream(stdout_path, kAppend));
  if (!options.stderr_file.empty()) {
    SYM_ASSIGN_OR_RETURN(launch.stderr_stream, open_stream(options.stderr_file, kAppend));
  }
  return {};
}

Result<Launch> prepare(const SpawnOptions& options) {
  SYM_RETURN_IF_ERROR(check(options));
  Launch launch;
  SYM_ASSIGN_OR_RETURN(launch.program, find_program(options.argv[0]));
  launch.working_directory = options.working_directory.string();
  launch.environment = merged_environment(options.environment);
  launch.argv = pointers_to(options.argv);
  launch.envp = pointers_to(launch.environment);
  launch.max_descriptor = descriptor_limit();

  SYM_ASSIGN_OR_RETURN(launch.stdin_stream, open_stream("/dev/null", O_RDONLY));
  SYM_RETURN_IF_ERROR(open_outputs(options, launch));
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::unexpected(errno_error(errno, "start " + options.argv[0]));
  }
  launch.failure_read = FileDescriptor(ends[0]);
  launch.failure_write = above_standard_streams(FileDescriptor(ends[1]).get());
  if (!launch.failure_write.is_open()) {
    return tl::unexpected(errno_error(errno, "start " + options.argv[0]));
  }
  return launch;
}

[[noreturn]] void report_and_exit(const Launch& launch, Failure::Step step) {
  const Failure failure{step, errno};
  [[maybe_unused]] const ssize_t sent =
      write(launch.failure_write.get(), &failure, sizeof(failure));
  _exit(127);
}

void restore_default_signals() {
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (int signal_number = 1; signal_number < NSIG; ++signal_number) {
    sigaction(signal_number, &defaults, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

bool connect_streams(const Launch& launch) {
  return dup2(launch.stdin_stream.get(), STDIN_FILENO) >= 0 &&
         dup2(launch.stdout_stream.get(), STDOUT_FILENO) >= 0 &&
         (!launch.stderr_stream.is_open() || dup2(launch.stderr_stream.get(), STDERR_FILENO) >= 0);
}

void close_others_on_exec(int max_descriptor) {
  constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  constexpr int kFirst = STDERR_FILENO + 1;
  if (syscall(SYS_close_range, kFirst, ~0U, kCloseOnExec) == 0) {
    return;
  }
  for (int fd = kFirst; fd < max_descriptor; ++fd) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

[[noreturn]] void become(const Launch& launch) {
  setpgid(0, 0);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    report_and_exit(launch, Failure::Step::kPrepare);
  }
  // The parent may have died before the line above; then nobody would ever kill us.
  if (getppid() != launch.parent) {
    _exit(127);
  }
  restore_default_signals();
  if (!connect_streams(launch)) {
    report_and_exit(launch, Failure::Step::kPrepare);
  }
  if (!launch.working_directory.empty() && chdir(launch.working_directory.c_str()) != 0) {
    report_and_exit(launch, Failure::Step::kWorkingDirectory);
  }
  close_others_on_exec(launch.max_descriptor);
  execve(launch.program.c_str(), launch.argv.data(), launch.envp.data());
  report_and_exit(launch, Failure::Step::kExecute);
}

/// Forks with all signals blocked, so that no handler of ours runs in the child.
pid_t fork_quietly(const Launch& launch) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) {
    become(launch);
  }
  const int error_number = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return pid;
}

/// What the child reported before its exec, or nothing when that succeeded.
std::optional<Failure> receive_failure(const FileDescriptor& pipe) {
  Failure failure;
  ssize_t count = 0;
  do {
    count = read(pipe.get(), &failure, sizeof(failure));
  } while (count < 0 && errno == EINTR);
  return count == sizeof(failure) ? std::optional(failure) : std::nullopt;
}

std::string intent_of(Failure::Step step, const Launch& launch, const std::string& program) {
  if (step == Failure::Step::kWorkingDirectory) {
    return fmt::format("start {}: enter directory {}", program, launch.working_directory);
  }
  return "start " + (step == Failure::Step::kExecute ? launch.program : program);
}

ExitStatus to_exit_status(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return ExitStatus{.exit_code = 0, .signal = WTERMSIG(wait_status)};
  }
  return ExitStatus{.exit_code = WEXITSTATUS(wait_status), .signal = 0};
}

/// Reaps a child. Blocks until it has ended.
ExitStatus reap(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0) {
    if (errno != EINTR) {
      // ECHILD: somebody ignores SIGCHLD, and the kernel threw the status away.
      return ExitStatus{.exit_code = -1, .signal = 0};
    }
  }
  return to_exit_status(wait_status);
}

/// Whether a child has ended; it stays a zombie, so its pid and group stay ours.
bool is_zombie(pid_t pid) {
  siginfo_t info{};
  const int result = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  return result == 0 ? info.si_pid == pid : errno == ECHILD;
}

/// Sleeps until the child ends, the time is over, or a signal came.
void sleep_until_end(pid_t pid, Milliseconds at_most) {
  constexpr Milliseconds kLongest = std::chrono::hours(24);
  const int timeout_ms = static_cast<int>(std::clamp(at_most, Milliseconds(0), kLongest).count());
  const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (process.is_open()) {
    pollfd event{.fd = process.get(), .events = POLLIN, .revents = 0};
    poll(&event, 1, timeout_ms);
    return;
  }
  // Some container sandboxes forbid pidfd_open.
  constexpr int kLookEveryMs = 20;
  poll(nullptr, 0, std::min(timeout_ms, kLookEveryMs));
}

std::optional<std::int64_t> start_ticks_of(std::string_view stat_line) {
  // The second field, the program's name, may contain anything but ends at the last parenthesis.
  const std::size_t name_end = stat_line.rfind(')');
  if (name_end == stat_line.npos) {
    return std::nullopt;
  }
  std::istringstream fields{std::string(stat_line.substr(name_end + 1))};
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") {
    return std::nullopt;
  }
  constexpr int kStateField = 3;
  constexpr int kStartTimeField = 22;
  std::string skipped;
  for (int field = kStateField + 1; field < kStartTimeField; ++field) {
    fields >> skipped;
  }
  std::int64_t ticks = 0;
  return fields >> ticks ? std::optional(ticks) : std::nullopt;
}

}  // namespace

std::string ExitStatus::describe() const {
  if (signal != 0) {
    return fmt::format("killed by signal {} ({})", signal, strsignal(signal));
  }
  return fmt::format("exit code {}", exit_code);
}

Result<std::string> find_program(const std::string& program) {
  if (program.find('/') != program.npos) {
    return std::filesystem::absolute(program).string();
  }
  const char* const path = std::getenv("PATH");
  std::istringstream directories(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path);
  bool found_unusable = false;
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string candidate = (directory.empty() ? "." : directory) + '/' + program;
    if (is_regular_file(candidate)) {
      if (access(candidate.c_str(), X_OK) == 0) {
        return std::filesystem::absolute(candidate).string();
      }
      found_unusable = true;
    }
  }
  if (found_unusable) {
    return fail(ErrorCode::kPermissionDenied,
                "start " + program + ": found in PATH, but it cannot be executed");
  }
  return fail(ErrorCode::kNotFound, "start " + program + ": no such program in PATH");
}

Result<Subprocess> Subprocess::spawn(const SpawnOptions& options) {
  SYM_ASSIGN_OR_RETURN(Launch launch, prepare(options));
  const std::string& program = options.argv[0];
  const pid_t pid = fork_quietly(launch);
  if (pid < 0) {
    return tl::unexpected(errno_error(errno, "start " + program));
  }
  setpgid(pid, pid);  // the child does the same; whoever comes first
  launch.failure_write.reset();
  if (const std::optional<Failure> failure = receive_failure(launch.failure_read)) {
    reap(pid);
    return tl::unexpected(
        errno_error(failure->error_number, intent_of(failure->step, launch, program)));
  }
  return Subprocess(pid);
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, std::nullopt)) {}

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
  Subprocess discarded(std::move(*this));
  pid_ = std::exchange(other.pid_, -1);
  status_ = std::exchange(other.status_, std::nullopt);
  return *this;
}

Subprocess::~Subprocess() {
  if (pid_ > 0 && !status_) {
    signal_group(SIGKILL);
    reap(pid_);
  }
}

bool Subprocess::has_ended(std::chrono::milliseconds timeout) {
  using SteadyClock = std::chrono::steady_clock;
  constexpr Milliseconds kForever = std::chrono::hours(24 * 365);
  const auto deadline = SteadyClock::now() + std::min(timeout, kForever);
  while (!status_ && !is_zombie(pid_)) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
    if (left <= Milliseconds(0)) {
      return false;
    }
    sleep_until_end(pid_, left);
  }
  // Before reaping: as long as the zombie is there, nobody else can have its group number.
  signal_group(SIGKILL);
  return true;
}

std::optional<ExitStatus> Subprocess::wait(std::chrono::milliseconds timeout) {
  if (has_ended(timeout) && !status_) {
    status_ = reap(pid_);
  }
  return status_;
}

void Subprocess::signal_group(int signal_number) {
  if (pid_ > 0 && !status_) {
    kill(-pid_, signal_number);
  }
}

ExitStatus Subprocess::terminate(std::chrono::milliseconds grace) {
  signal_group(SIGTERM);
  signal_group(SIGCONT);  // a stopped process cannot comply
  if (!wait(grace)) {
    signal_group(SIGKILL);
    status_ = reap(pid_);
  }
  return *status_;
}

std::optional<ProcessIdentity> identify_process(pid_t pid) {
  if (pid <= 0) {
    return std::nullopt;
  }
  const Result<std::string> stat_line = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat_line) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> ticks = start_ticks_of(*stat_line);
  return ticks ? std::optional(ProcessIdentity{pid, *ticks}) : std::nullopt;
}

std::string tail_of_file(const std::filesystem::path& path, int lines) {
  constexpr off_t kMost = 64 << 10;
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!fd.is_open() || fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || lines <= 0) {
    return {};
  }
  std::string text(static_cast<std::size_t>(std::min(status.st_size, kMost)), '\0');
  const off_t start = status.st_size - static_cast<off_t>(text.size());
  const ssize_t count = pread(fd.get(), text.data(), text.size(), start);
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  std::size_t begin = text.size();
  while (lines > 0 && begin != text.npos && begin != 0) {
    begin = text.rfind('\n', begin - 1);
    --lines;
  }
  return begin == text.npos || lines > 0 ? text : text.substr(begin + 1);
}

}  // namespace symbiont
