#pragma once
/// The parts of Redfish's documents that speak of power.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/units.h"

namespace symbiont::energy {

/// All fail with kUnavailable when the text is no JSON object, or what they need is missing.

/// The paths of a collection's members, at most 64.
Result<std::vector<std::string>> parse_redfish_members(std::string_view text);

/// Where a chassis tells its power; empty: it does not.
struct RedfishChassis {
  std::string power;
  std::string environment_metrics;
};
Result<RedfishChassis> parse_redfish_chassis(std::string_view text);

/// Something that shows power, or could.
struct RedfishReading {
  std::string name;
  std::optional<Watts> power;     ///< nothing: null, absent or nonsense
  std::optional<Watts> capacity;  ///< the most it can supply
};
/// The PowerControl members of a Power document, in their order, at most 64.
Result<std::vector<RedfishReading>> parse_redfish_power(std::string_view text);
/// The one reading of an EnvironmentMetrics document.
Result<std::vector<RedfishReading>> parse_redfish_metrics(std::string_view text);

}  // namespace symbiont::energy
