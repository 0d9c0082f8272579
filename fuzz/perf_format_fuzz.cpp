// Any bytes as the kernel's description of a perf event: refused, or turned into numbers within
// bounds.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "energy/perf_format.h"

using symbiont::energy::parse_cpu_list;
using symbiont::energy::parse_perf_scale;
using symbiont::energy::parse_perf_terms;
using symbiont::energy::place_perf_field;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto terms = parse_perf_terms(text)) SYM_CHECK(!terms->empty());
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{0xab}, UINT64_MAX}) {
    const auto config = place_perf_field(text, value);
    if (config && value == 0) SYM_CHECK(*config == 0);
  }
  if (const auto cpus = parse_cpu_list(text)) {
    SYM_CHECK(!cpus->empty() && cpus->size() <= 4096);
    for (const int cpu : *cpus) SYM_CHECK(cpu >= 0 && cpu < 4096);
  }
  if (const auto scale = parse_perf_scale(text)) SYM_CHECK(std::isfinite(*scale) && *scale > 0.0);
  return 0;
}
