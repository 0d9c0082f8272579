#include "energy/proc_reader.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <system_error>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "energy/proc_formats.h"
#include "symbiont/base/file.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

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

std::optional<nanoseconds> parse_clock_ticks(std::string_view word) {
  static const std::int64_t per_second = ::sysconf(_SC_CLK_TCK);
  const auto ticks = parse_integer<std::int64_t>(word);
  // Beyond a hundred years is nonsense, and a sum of two would overflow.
  if (!ticks || *ticks < 0 || *ticks / per_second > 3'200'000'000) return std::nullopt;
  return nanoseconds(*ticks * (1'000'000'000 / per_second));
}

std::optional<nanoseconds> read_cpu_clock(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

template <typename Visit>
void for_each_entry(const std::filesystem::path& directory, Visit visit) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    visit(it->path());
  }
}

std::filesystem::path tasks_of(const std::filesystem::path& proc, pid_t pid) {
  return proc / std::to_string(pid) / "task";
}

std::optional<nanoseconds> read_schedstats(const std::filesystem::path& proc, pid_t pid) {
  std::optional<nanoseconds> sum;
  for_each_entry(tasks_of(proc, pid), [&](const std::filesystem::path& task) {
    const auto time = parse_schedstat(ProcFile(task / "schedstat").text());
    if (time) sum = sum.value_or(nanoseconds(0)) + *time;
  });
  return sum;
}

std::vector<pid_t> children_of(const std::filesystem::path& proc, pid_t pid) {
  std::vector<pid_t> children;
  for_each_entry(tasks_of(proc, pid), [&](const std::filesystem::path& task) {
    const Result<std::string> text = read_file(task / "children");
    std::string_view rest = text ? std::string_view(*text) : std::string_view();
    for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
      if (const auto child = parse_integer<pid_t>(word)) children.push_back(*child);
    }
  });
  return children;
}

std::multimap<pid_t, pid_t> children_by_parent(const std::filesystem::path& proc) {
  std::multimap<pid_t, pid_t> children;
  for_each_entry(proc, [&](const std::filesystem::path& path) {
    const auto pid = parse_integer<pid_t>(path.filename().native());
    if (!pid) return;
    if (const auto stat = read_process_stat(proc, *pid)) children.emplace(stat->parent, *pid);
  });
  return children;
}

bool lists_children(const std::filesystem::path& proc, pid_t pid) {
  std::error_code error;
  return std::filesystem::exists(tasks_of(proc, pid) / std::to_string(pid) / "children", error);
}

}  // namespace

ProcFile::ProcFile(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return;
  const ssize_t count = ::read(file.get(), bytes_.data(), bytes_.size());
  if (count > 0) size_ = static_cast<std::size_t>(count);
}

std::optional<ProcessStat> parse_process_stat(pid_t pid, std::string_view text) {
  // The command name may hold spaces and parentheses; the fields begin after the last one.
  const std::size_t name_begin = text.find('(');
  const std::size_t name_end = text.rfind(')');
  if (name_end == text.npos || name_begin >= name_end) return std::nullopt;
  ProcessStat stat;
  stat.pid = pid;
  stat.name = text.substr(name_begin + 1, name_end - name_begin - 1);
  text.remove_prefix(name_end + 1);

  // proc(5): fields 3 (state) to 22 (starttime).
  std::array<std::string_view, 20> fields;
  for (std::string_view& field : fields) field = next_word(text);
  const auto parent = parse_integer<pid_t>(fields[1]);
  const auto user = parse_clock_ticks(fields[13]);
  const auto system = parse_clock_ticks(fields[14]);
  const auto start_ticks = parse_integer<std::int64_t>(fields[19]);
  if (fields[0].size() != 1 || !parent || !user || !system || !start_ticks) return std::nullopt;
  stat.state = fields[0].front();
  stat.parent = *parent;
  stat.start_ticks = *start_ticks;
  stat.reaped = *user + *system;
  return stat;
}

std::optional<ProcessStat> read_process_stat(const std::filesystem::path& proc, pid_t pid) {
  return parse_process_stat(pid, ProcFile(proc / std::to_string(pid) / "stat").text());
}

std::optional<nanoseconds> read_process_cpu_time(const std::filesystem::path& proc, pid_t pid) {
  if (const auto time = read_cpu_clock(pid)) return time;
  return read_schedstats(proc, pid);
}

std::vector<pid_t> find_descendants(const std::filesystem::path& proc, std::vector<pid_t> roots) {
  if (roots.empty()) return {};
  const bool listed = lists_children(proc, roots.front());
  const std::multimap<pid_t, pid_t> by_parent =
      listed ? std::multimap<pid_t, pid_t>() : children_by_parent(proc);
  const std::size_t count = roots.size();
  std::vector<pid_t> family = std::move(roots);
  std::unordered_set<pid_t> known(family.begin(), family.end());
  const auto add = [&](pid_t child) {
    if (known.insert(child).second) family.push_back(child);
  };
  // It grows while the loop runs, which so reaches the children of children.
  for (std::size_t i = 0; i < family.size(); ++i) {
    if (listed) {
      for (const pid_t child : children_of(proc, family[i])) add(child);
      continue;
    }
    const auto [begin, end] = by_parent.equal_range(family[i]);
    for (auto it = begin; it != end; ++it) add(it->second);
  }
  family.erase(family.begin(), family.begin() + static_cast<std::ptrdiff_t>(count));
  return family;
}

}  // namespace symbiont::energy
