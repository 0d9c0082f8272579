#include "desk.h"

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace symbiont::energy_command {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void redirect(const fs::path& path, int stream) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  ::dup2(fd, stream);
  ::close(fd);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

Running::~Running() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Running::send(int signal) const {
  EXPECT_EQ(::kill(pid_, signal), 0);
}

bool Running::has_ended() const {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == pid_;
}

Ended Running::wait() {
  EXPECT_TRUE(eventually([this] { return has_ended(); })) << "still running";
  if (!has_ended()) return {};
  int status = 0;
  rusage usage{};
  ::wait4(std::exchange(pid_, -1), &status, 0, &usage);
  Ended ended;
  if (WIFEXITED(status)) ended.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
  ended.output = read(output_);
  ended.message = read(message_);
  ended.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  return ended;
}

std::string Running::message() const {
  return read(message_);
}

std::string Desk::text(std::string_view name) const {
  return read(directory_ / name);
}

void Desk::write(std::string_view name, std::string_view text) const {
  std::ofstream(directory_ / name, std::ios::binary) << text;
}

std::unique_ptr<Running> Desk::start(const Words& argv) const {
  const std::string number = std::to_string(programs_++);
  const fs::path output = directory_ / ("output-" + number);
  const fs::path message = directory_ / ("message-" + number);
  std::vector<char*> pointers;
  for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setpgid(0, 0);  // a group whose parent lives: the kernel lets nobody stop an orphaned one
    static_cast<void>(!::chdir(directory_.path().c_str()));
    redirect("/dev/null", STDIN_FILENO);
    redirect(output, STDOUT_FILENO);
    redirect(message, STDERR_FILENO);
    ::execvp(pointers[0], pointers.data());
    ::_exit(99);
  }
  return std::make_unique<Running>(pid, output, message);
}

Ended Desk::energy(const Words& words) const {
  Words argv{SYMBIONT_PROGRAM, "energy"};
  argv.insert(argv.end(), words.begin(), words.end());
  return start(argv)->wait();
}

std::unique_ptr<Running> Desk::start_measuring(const std::string& script,
                                               const Words& options) const {
  Words argv{SYMBIONT_PROGRAM, "energy", "measure", "--json"};
  argv.insert(argv.end(), options.begin(), options.end());
  for (const char* word : {"--", "sh", "-c"}) argv.emplace_back(word);
  argv.push_back(script);
  return start(argv);
}

Ended Desk::measure(const std::string& script, const Words& options) const {
  return start_measuring(script, options)->wait();
}

bool eventually(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (std::chrono::steady_clock::now() < deadline) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return holds();
}

std::optional<char> state_of(pid_t pid) {
  const std::string stat = read("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == stat.npos || name_end + 2 >= stat.size()) return std::nullopt;
  return stat[name_end + 2];
}

}  // namespace symbiont::energy_command
