#include "process_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/file.h"

namespace symbiont::train {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  bool dead = false;
};

bool parse(std::string_view text, pid_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && (end == text.data() + text.size() || *end == ' ');
}

// Fields 3 (state) and 4 (parent) of /proc/PID/stat. The name before them may contain anything.
bool read_stat(Process& process) {
  const std::string path = "/proc/" + std::to_string(process.pid) + "/stat";
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> bytes;
  const ssize_t count = file.is_open() ? ::read(file.get(), bytes.data(), bytes.size()) : 0;
  const std::string_view text(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  const std::size_t name_end = text.rfind(") ");
  if (name_end == text.npos || name_end + 4 >= text.size()) {
    return false;
  }
  const char state = text[name_end + 2];
  process.dead = state == 'Z' || state == 'X';
  return parse(text.substr(name_end + 4), process.parent);
}

std::vector<Process> all_processes() {
  std::vector<Process> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    Process process;
    if (parse(entry->d_name, process.pid) && read_stat(process)) {
      all.push_back(process);
    }
  }
  return all;
}

void signal_all(const std::vector<pid_t>& processes, int signal_number) {
  for (const pid_t pid : processes) {
    ::kill(pid, signal_number);
  }
}

}  // namespace

void keep_descendants() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

// Looks before it reaps: the status of a process that somebody waits for stays.
void reap_orphans(pid_t spared) {
  siginfo_t info{};
  while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid > 0 &&
         info.si_pid != spared) {
    ::waitpid(info.si_pid, nullptr, WNOHANG);
    info.si_pid = 0;
  }
}

std::vector<pid_t> find_descendants() {
  std::multimap<pid_t, Process> children;
  for (const Process& process : all_processes()) {
    children.emplace(process.parent, process);
  }
  std::vector<pid_t> found;
  std::vector<pid_t> open = {::getpid()};
  while (!open.empty()) {
    const auto [begin, end] = children.equal_range(open.back());
    open.pop_back();
    for (auto child = begin; child != end; ++child) {
      open.push_back(child->second.pid);
      if (!child->second.dead) {
        found.push_back(child->second.pid);
      }
    }
    children.erase(begin, end);  // each once, should the snapshot hold a circle
  }
  return found;
}

void end_descendants(std::chrono::milliseconds limit) {
  const auto deadline = SteadyClock::now() + limit;
  std::vector<pid_t> left = find_descendants();
  // Stopped first: what is stopped has no more children, so a process that forks without end is
  // caught up with.
  for (std::size_t before = 0; left.size() > before && SteadyClock::now() < deadline;) {
    before = left.size();
    signal_all(left, SIGSTOP);
    left = find_descendants();
  }
  while (!left.empty() && SteadyClock::now() < deadline) {
    signal_all(left, SIGKILL);
    constexpr int kMomentMs = 2;
    ::poll(nullptr, 0, kMomentMs);
    reap_orphans(0);
    left = find_descendants();
  }
}

}  // namespace symbiont::train
