// Any bytes as a management controller's power reading: refused, or watts within 16 bits.

#include <cstddef>
#include <cstdint>

#include "symbiont/energy/ipmi.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto watts = symbiont::energy::parse_dcmi_power({data, size});
  if (watts) SYM_CHECK(*watts >= 0 && *watts <= 65535);
  return 0;
}
