#pragma once
/// The zones of powercap that hold the counters of packages and their memory.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/units.h"

namespace symbiont::energy {

/// A directory of powercap that holds a counter. A zone may be shown twice, by intel-rapl and
/// intel-rapl-mmio.
struct RaplZone {
  std::string name;   ///< "package-0/dram"
  bool mmio = false;  ///< of intel-rapl-mmio
  std::filesystem::path path;
};
std::vector<RaplZone> list_rapl_zones(const std::filesystem::path& sysroot);

/// How much a zone can draw.
struct PowerBounds {
  Watts maximum{1000.0};     ///< for the cost model
  Watts believable{1000.0};  ///< for the counter: short peaks exceed the rating
};
PowerBounds power_bounds(const std::filesystem::path& zone);

/// The same by name; 1000 W where there is no such zone. Unlike the counters, limits are readable
/// by all.
PowerBounds rapl_power_bounds(const std::filesystem::path& sysroot, std::string_view name);

}  // namespace symbiont::energy
