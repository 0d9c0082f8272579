#include "energy/sysfs.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "symbiont/base/file.h"

namespace symbiont::energy {
namespace {

constexpr std::int64_t kMaxSysfsFile = 4096;

}  // namespace

Result<std::string> read_line(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(std::string text, read_file(path, kMaxSysfsFile));
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

Result<std::int64_t> read_number(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const std::string text, read_line(path));
  std::int64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || end != last || value < 0) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{}: found \"{}\", expected a whole number", path.string(), text));
  }
  return value;
}

Error unreadable(Error error) {
  if (error.code() == ErrorCode::kPermissionDenied) return error;
  return Error(ErrorCode::kUnavailable, error.message());
}

std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    entries.push_back(it->path());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

Result<std::int64_t> FileSensor::read() {
  return read_number(path_).map_error([&](Error error) {
    if (error.code() == ErrorCode::kNotFound) return error;
    Error reason = unreadable(std::move(error));
    if (reason.code() != ErrorCode::kPermissionDenied) return reason;
    return Error(reason.code(), reason.message() + "; " + when_denied_);
  });
}

}  // namespace symbiont::energy
