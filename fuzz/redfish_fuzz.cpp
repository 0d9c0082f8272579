// Any bytes as a management controller's answer, and as its URL: refused, or understood within
// bounds.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "energy/redfish_json.h"
#include "symbiont/energy/redfish.h"

namespace {

void check(const symbiont::Result<std::vector<symbiont::energy::RedfishReading>>& readings) {
  if (!readings) return;
  SYM_CHECK(readings->size() <= 64);
  for (const auto& reading : *readings) {
    if (reading.power) SYM_CHECK(reading.power->value() >= 0.0 && reading.power->value() <= 1e6);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(symbiont::energy::parse_redfish_power(text));
  check(symbiont::energy::parse_redfish_metrics(text));
  static_cast<void>(symbiont::energy::parse_redfish_chassis(text));
  if (const auto members = symbiont::energy::parse_redfish_members(text)) {
    for (const std::string& path : *members) SYM_CHECK(path.starts_with("/redfish/"));
  }
  if (const auto url = symbiont::energy::parse_redfish_url(text)) {
    SYM_CHECK(url->origin.find('@') == std::string::npos);
  }
  return 0;
}
