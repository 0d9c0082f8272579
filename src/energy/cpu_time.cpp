#include "symbiont/energy/cpu_time.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

#include "energy/proc_reader.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kSearchPeriod{10};

nanoseconds to_nanoseconds(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

ProcessTreeCpuTime::ProcessTreeCpuTime(std::filesystem::path proc) : proc_(std::move(proc)) {}

std::optional<ProcessTreeCpuTime::Process> ProcessTreeCpuTime::read_new(pid_t pid) const {
  const std::optional<nanoseconds> own = read_process_cpu_time(proc_, pid);
  if (!own) return std::nullopt;
  const ProcessStat stat = read_process_stat(proc_, pid).value_or(ProcessStat{});
  Process process;
  process.pid = pid;
  process.parent = stat.parent;
  process.start_ticks = stat.start_ticks;
  process.own = *own;
  process.reaped = stat.reaped;
  return process;
}

// False when the process is gone, also when its pid has been given to another one.
bool ProcessTreeCpuTime::refresh(Process& process) const {
  const ProcessStat stat = read_process_stat(proc_, process.pid).value_or(ProcessStat{});
  if (stat.start_ticks != process.start_ticks) return false;
  const std::optional<nanoseconds> own = read_process_cpu_time(proc_, process.pid);
  if (!own) return false;
  process.own = std::max(process.own, *own);  // schedstat forgets threads that have ended
  process.reaped = stat.reaped;
  process.parent = stat.parent;  // an orphan gets another one
  return true;
}

// Parents are read before their children: a child reaped in between is then missed until the next
// time, and never counted in both.
void ProcessTreeCpuTime::refresh_all() {
  for (Process& process : processes_) process.gone = !refresh(process);
  // Children before their parents, so that what a gone process knows of its own travels with it.
  for (auto it = processes_.rbegin(); it != processes_.rend(); ++it) {
    if (it->gone) depart(*it);
  }
  std::erase_if(processes_, [](const Process& process) { return process.gone; });
}

void ProcessTreeCpuTime::depart(const Process& process) {
  Process* const parent = find(process.parent);
  if (parent == nullptr) {
    departed_ += process.total();
    return;
  }
  // The parent's cutime now holds all of this process: what is known of it must not count again,
  // nor what it had used before it was followed.
  parent->known_departed += process.total();
  parent->reaped_before += process.own_before + process.reaped_before;
}

ProcessTreeCpuTime::Process* ProcessTreeCpuTime::find(pid_t pid) {
  const auto it = std::find_if(processes_.begin(), processes_.end(),
                               [&](const Process& process) { return process.pid == pid; });
  return it == processes_.end() ? nullptr : &*it;
}

void ProcessTreeCpuTime::adopt(pid_t pid) {
  if (find(pid) != nullptr) return;
  if (std::optional<Process> process = read_new(pid)) processes_.push_back(*process);
}

// The last word of /proc/loadavg is the newest pid: while it stays, nobody has been born.
bool ProcessTreeCpuTime::tree_may_have_grown() {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_search_ < kSearchPeriod) return false;
  const ProcFile file(proc_ / "loadavg");
  std::string_view text = file.text();
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string_view newest = text.substr(text.rfind(' ') + 1);
  if (!newest.empty() && newest == last_pid_) return false;
  last_pid_ = newest;
  last_search_ = now;
  return true;
}

void ProcessTreeCpuTime::adopt_descendants() {
  std::vector<pid_t> pids;
  for (const Process& process : processes_) pids.push_back(process.pid);
  for (const pid_t pid : find_descendants(proc_, std::move(pids))) adopt(pid);
}

void ProcessTreeCpuTime::follow(int pid) {
  refresh_all();
  if (pid == root_ && find(pid) != nullptr) return;
  for (const Process& process : processes_) departed_ += process.total();
  processes_.clear();

  root_ = pid;
  adopt(pid);
  adopt_descendants();
  // What they have used so far is where counting starts.
  for (Process& process : processes_) {
    process.own_before = process.own;
    process.reaped_before = process.reaped;
  }
  last_pid_.clear();
}

nanoseconds ProcessTreeCpuTime::used() {
  refresh_all();
  if (tree_may_have_grown()) adopt_descendants();
  nanoseconds total = departed_;
  for (const Process& process : processes_) total += process.total();
  reported_ = std::max(reported_, total);
  return reported_;
}

LaunchedCpuTime::LaunchedCpuTime(std::filesystem::path proc) : proc_(std::move(proc)) {}

nanoseconds LaunchedCpuTime::read() const {
  // What has been reaped first, then parents before their children: a process that is reaped in
  // between is missed until the next time, and never counted in both.
  rusage reaped{};
  ::getrusage(RUSAGE_CHILDREN, &reaped);
  nanoseconds sum = to_nanoseconds(reaped.ru_utime) + to_nanoseconds(reaped.ru_stime);
  for (const pid_t pid : find_descendants(proc_, {::getpid()})) {
    const auto own = read_process_cpu_time(proc_, pid);
    const auto stat = read_process_stat(proc_, pid);
    if (own && stat) sum += *own + stat->reaped;
  }
  return sum;
}

void LaunchedCpuTime::follow(int) {
  if (!before_) before_ = read();
}

nanoseconds LaunchedCpuTime::used() {
  if (before_) reported_ = std::max(reported_, read() - *before_);
  return reported_;
}

std::vector<LiveProcess> live_descendants(const std::filesystem::path& proc) {
  std::vector<LiveProcess> live;
  for (const pid_t pid : find_descendants(proc, {::getpid()})) {
    const auto stat = read_process_stat(proc, pid);
    if (stat && stat->state != 'Z' && stat->state != 'X') live.push_back({pid, stat->name});
  }
  return live;
}

}  // namespace symbiont::energy
