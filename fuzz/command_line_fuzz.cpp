// Any bytes as what a meter's program printed: refused, or understood within bounds.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbiont/energy/command_meter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = symbiont::energy::parse_command_line(text);
  if (!line) return 0;
  SYM_CHECK(line->value >= 0);
  SYM_CHECK(!line->covers.empty());
  SYM_CHECK(line->max_power.value() > 0.0);
  SYM_CHECK(line->uncertainty >= 0.0 && line->uncertainty <= 1.0);
  return 0;
}
