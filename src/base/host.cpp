#include "symbiont/base/host.h"

#include <algorithm>
#include <array>
#include <system_error>

#include <sched.h>
#include <unistd.h>

#include "symbiont/base/file.h"

namespace symbiont {

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) {
    return {};
  }
  return name.data();
}

std::string boot_id() {
  constexpr std::int64_t kMaxBytes = 128;
  Result<std::string> id = read_file("/proc/sys/kernel/random/boot_id", kMaxBytes);
  if (!id) {
    return {};
  }
  return id->substr(0, id->find('\n'));
}

std::filesystem::path executable_directory() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

}  // namespace symbiont
