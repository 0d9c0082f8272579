#pragma once
/// Did the kernel kill for lack of memory?

#include <cstdint>
#include <filesystem>
#include <optional>

namespace symbiont::train {

/// How many processes the kernel has killed for lack of memory in this process's control group
/// (which its children share) or below it: `oom_kill` of memory.events (version 2) or of
/// memory.oom_control (version 1). /proc and /sys are read below `sysroot`. Nothing when the
/// kernel does not say.
std::optional<std::int64_t> count_oom_kills(const std::filesystem::path& sysroot);

}  // namespace symbiont::train
