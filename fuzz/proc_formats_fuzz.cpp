// Any bytes as a file of /proc or of a control group: no value, or one that can be counted with.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "energy/proc_formats.h"
#include "energy/proc_reader.h"
#include "symbiont/base/error.h"

using namespace symbiont::energy;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& time :
       {parse_schedstat(text), parse_cpu_stat(text), parse_cpuacct_usage(text)}) {
    SYM_CHECK(!time || time->count() >= 0);
  }
  for (const CgroupMount& mount : parse_cgroup_mounts(text)) {
    SYM_CHECK(mount.root.is_absolute() && mount.mount_point.is_absolute());
  }
  for (const bool unified : {false, true}) {
    const auto group = parse_cgroup_membership(text, unified);
    SYM_CHECK(!group || group->starts_with('/'));
  }
  const auto stat = parse_process_stat(1, text);
  SYM_CHECK(!stat || stat->reaped.count() >= 0);
  return 0;
}
