#include "symbiont/energy/cpu_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "symbiont/base/file.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kSearchPeriod{10};

// These files are read at every window, so they cost one open, one read, one close and no heap.
class ProcFile {
 public:
  explicit ProcFile(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return;
    const ssize_t count = ::read(file.get(), bytes_.data(), bytes_.size());
    if (count > 0) size_ = static_cast<std::size_t>(count);
  }
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 4096> bytes_;
  std::size_t size_ = 0;
};

std::string_view next_word(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \n"), text.size());
  const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

template <typename Integer>
std::optional<Integer> parse_integer(std::string_view word) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

nanoseconds from_clock_ticks(std::int64_t ticks) {
  static const std::int64_t per_second = ::sysconf(_SC_CLK_TCK);
  return nanoseconds(ticks * (1'000'000'000 / per_second));
}

std::optional<nanoseconds> read_cpu_clock(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

ProcessTreeCpuTime::ProcessTreeCpuTime(std::filesystem::path proc) : proc_(std::move(proc)) {}

std::optional<ProcessTreeCpuTime::Stat> ProcessTreeCpuTime::read_stat(pid_t pid) const {
  const ProcFile file(proc_ / std::to_string(pid) / "stat");
  std::string_view text = file.text();
  // The command name may hold spaces and parentheses; the fields begin after the last one.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);

  // proc(5): fields 3 (state) to 22 (starttime).
  std::array<std::string_view, 20> fields;
  for (std::string_view& field : fields) field = next_word(text);
  const auto parent = parse_integer<pid_t>(fields[1]);
  const auto user_ticks = parse_integer<std::int64_t>(fields[13]);
  const auto system_ticks = parse_integer<std::int64_t>(fields[14]);
  const auto start_ticks = parse_integer<std::int64_t>(fields[19]);
  if (!parent || !user_ticks || !system_ticks || !start_ticks) return std::nullopt;
  return Stat{pid, *parent, *start_ticks, from_clock_ticks(*user_ticks + *system_ticks)};
}

std::optional<ProcessTreeCpuTime::Process> ProcessTreeCpuTime::read_new(pid_t pid) const {
  const std::optional<nanoseconds> own = read_cpu_clock(pid);
  if (!own) return std::nullopt;
  const Stat stat = read_stat(pid).value_or(Stat{.pid = pid});
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
  const Stat stat = read_stat(process.pid).value_or(Stat{});
  if (stat.start_ticks != process.start_ticks) return false;
  const std::optional<nanoseconds> own = read_cpu_clock(process.pid);
  if (!own) return false;
  process.own = *own;
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

void ProcessTreeCpuTime::find_descendants() {
  if (processes_.empty()) return;
  std::error_code error;
  const pid_t first = processes_.front().pid;
  const std::filesystem::path probe =
      proc_ / std::to_string(first) / "task" / std::to_string(first) / "children";
  if (std::filesystem::exists(probe, error)) {
    // `adopt` appends, so the loop reaches the children of children.
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      for (const pid_t child : children_of(processes_[i])) adopt(child);
    }
    return;
  }
  std::multimap<pid_t, pid_t> children;
  for (const Stat& stat : all_processes()) children.emplace(stat.parent, stat.pid);
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const auto [begin, end] = children.equal_range(processes_[i].pid);
    for (auto it = begin; it != end; ++it) adopt(it->second);
  }
}

std::vector<pid_t> ProcessTreeCpuTime::children_of(const Process& process) const {
  std::vector<pid_t> children;
  std::error_code error;
  const std::filesystem::path tasks = proc_ / std::to_string(process.pid) / "task";
  for (std::filesystem::directory_iterator it(tasks, error), end; !error && it != end;
       it.increment(error)) {
    const Result<std::string> text = read_file(it->path() / "children");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
      if (const auto pid = parse_integer<pid_t>(word)) children.push_back(*pid);
    }
  }
  return children;
}

std::vector<ProcessTreeCpuTime::Stat> ProcessTreeCpuTime::all_processes() const {
  std::vector<Stat> processes;
  std::error_code error;
  for (std::filesystem::directory_iterator it(proc_, error), end; !error && it != end;
       it.increment(error)) {
    const auto pid = parse_integer<pid_t>(it->path().filename().native());
    if (!pid) continue;
    if (const std::optional<Stat> stat = read_stat(*pid)) processes.push_back(*stat);
  }
  return processes;
}

void ProcessTreeCpuTime::follow(int pid) {
  refresh_all();
  if (pid == root_ && find(pid) != nullptr) return;
  for (const Process& process : processes_) departed_ += process.total();
  processes_.clear();

  root_ = pid;
  adopt(pid);
  find_descendants();
  // What they have used so far is where counting starts.
  for (Process& process : processes_) {
    process.own_before = process.own;
    process.reaped_before = process.reaped;
  }
  last_pid_.clear();
}

nanoseconds ProcessTreeCpuTime::used() {
  refresh_all();
  if (tree_may_have_grown()) find_descendants();
  nanoseconds total = departed_;
  for (const Process& process : processes_) total += process.total();
  reported_ = std::max(reported_, total);
  return reported_;
}

}  // namespace symbiont::energy
