#pragma once
/// The text in which the kernel describes perf events.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont::energy {

/// "event=0x02,umask=1,any" -> {"event", 2}, {"umask", 1}, {"any", 1}. kUnavailable otherwise, as
/// all below.
Result<std::vector<std::pair<std::string, std::uint64_t>>> parse_perf_terms(std::string_view text);

/// The bits of `config` that `value` becomes by a field's format: "config:0-7,32-35" puts the low 8
/// bits at 0 and the next 4 at 32.
Result<std::uint64_t> place_perf_field(std::string_view format, std::uint64_t value);

/// "0,18-19" -> 0, 18, 19. At most 4096 of them.
Result<std::vector<int>> parse_cpu_list(std::string_view text);

/// A positive decimal number: an event's `scale`.
Result<double> parse_perf_scale(std::string_view text);

}  // namespace symbiont::energy
