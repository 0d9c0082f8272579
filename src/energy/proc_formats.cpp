#include "energy/proc_formats.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

/// Cuts the text up to `separator` off `rest`; all of it when there is none.
std::string_view cut(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::optional<std::int64_t> parse_count(std::string_view word) {
  std::int64_t value = 0;
  const char* const last = word.data() + word.size();
  const auto [end, error] = std::from_chars(word.data(), last, value);
  if (error != std::errc() || end != last || value < 0) return std::nullopt;
  return value;
}

std::string_view first_line(std::string_view text) {
  return cut(text, '\n');
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    if (cut(list, ',') == word) return true;
  }
  return false;
}

bool is_octal_escape(std::string_view text) {
  return text.size() >= 4 && text[0] == '\\' && text[1] >= '0' && text[1] <= '3' &&
         std::all_of(text.begin() + 2, text.begin() + 4,
                     [](char c) { return c >= '0' && c <= '7'; });
}

/// Space, tab, line break and backslash are written as \040 and so on.
std::string unescaped(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (is_octal_escape(text)) {
      plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
      continue;
    }
    plain += text.front();
    text.remove_prefix(1);
  }
  return plain;
}

/// One line: "36 35 98:0 ROOT MOUNT_POINT OPTIONS [FIELDS...] - TYPE SOURCE SUPER_OPTIONS".
std::optional<CgroupMount> parse_cgroup_mount(std::string_view line) {
  const std::size_t dash = line.find(" - ");
  if (dash == line.npos) return std::nullopt;
  std::string_view filesystem = line.substr(dash + 3);
  const std::string_view type = cut(filesystem, ' ');
  cut(filesystem, ' ');
  const bool unified = type == "cgroup2";
  if (!unified && !(type == "cgroup" && has_word(first_line(filesystem), "cpuacct"))) {
    return std::nullopt;
  }
  for (int field = 0; field < 3; ++field) cut(line, ' ');
  CgroupMount mount;
  mount.unified = unified;
  mount.root = unescaped(cut(line, ' '));
  mount.mount_point = unescaped(cut(line, ' '));
  if (!mount.root.is_absolute() || !mount.mount_point.is_absolute()) return std::nullopt;
  return mount;
}

}  // namespace

std::optional<nanoseconds> parse_schedstat(std::string_view text) {
  text = first_line(text);
  const auto value = parse_count(cut(text, ' '));
  if (!value || text.empty()) return std::nullopt;
  return nanoseconds(*value);
}

std::optional<nanoseconds> parse_cpu_stat(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    if (cut(line, ' ') != "usage_usec") continue;
    const auto value = parse_count(line);
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1000;
    if (!value || *value > kMost) return std::nullopt;
    return std::chrono::microseconds(*value);
  }
  return std::nullopt;
}

std::optional<nanoseconds> parse_cpuacct_usage(std::string_view text) {
  const auto value = parse_count(first_line(text));
  if (!value) return std::nullopt;
  return nanoseconds(*value);
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  while (!mountinfo.empty()) {
    if (auto mount = parse_cgroup_mount(cut(mountinfo, '\n'))) mounts.push_back(*std::move(mount));
  }
  return mounts;
}

std::optional<std::string> parse_cgroup_membership(std::string_view text, bool unified) {
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    const std::string_view hierarchy = cut(line, ':');
    const std::string_view controllers = cut(line, ':');
    const bool matches =
        unified ? hierarchy == "0" && controllers.empty() : has_word(controllers, "cpuacct");
    if (matches && line.starts_with('/')) return std::string(line);
  }
  return std::nullopt;
}

}  // namespace symbiont::energy
