#include "energy/rapl_zones.h"

#include <algorithm>
#include <optional>

#include "energy/sysfs.h"

namespace symbiont::energy {
namespace {

constexpr double kMicrowattsPerWatt = 1e6;
constexpr Watts kUnknownMaxPower{1000.0};
constexpr double kPeakOverLimit = 4.0;

// The largest of constraint_0_<suffix>, constraint_1_<suffix>, ... in watts.
std::optional<Watts> largest_constraint(const std::filesystem::path& zone,
                                        std::string_view suffix) {
  std::optional<Watts> largest;
  for (const std::filesystem::path& path : sorted_entries(zone)) {
    const std::string name = path.filename().string();
    if (!name.starts_with("constraint_") || !name.ends_with(suffix)) continue;
    const Result<std::int64_t> value = read_number(path);
    if (!value || *value == 0) continue;
    const Watts watts(static_cast<double>(*value) / kMicrowattsPerWatt);
    largest = std::max(largest.value_or(watts), watts);
  }
  return largest;
}

// Zones are called "intel-rapl:0" and, inside one, "intel-rapl:0:1".
bool is_zone(const std::filesystem::path& path, int depth) {
  const std::string name = path.filename().string();
  return (name.starts_with("intel-rapl:") || name.starts_with("intel-rapl-mmio:")) &&
         std::count(name.begin(), name.end(), ':') == depth;
}

}  // namespace

std::vector<RaplZone> list_rapl_zones(const std::filesystem::path& sysroot) {
  std::vector<RaplZone> zones;
  for (const std::filesystem::path& path : sorted_entries(sysroot / "sys/class/powercap")) {
    if (!is_zone(path, 1)) continue;
    const std::string name = read_line(path / "name").value_or("");
    if (!name.starts_with("package")) continue;
    const bool mmio = path.filename().string().starts_with("intel-rapl-mmio");
    zones.push_back({name, mmio, path});
    for (const std::filesystem::path& inner : sorted_entries(path)) {
      if (is_zone(inner, 2) && read_line(inner / "name").value_or("") == "dram") {
        zones.push_back({name + "/dram", mmio, inner});
      }
    }
  }
  return zones;
}

PowerBounds power_bounds(const std::filesystem::path& zone) {
  const std::optional<Watts> rating = largest_constraint(zone, "_max_power_uw");
  const std::optional<Watts> limit = largest_constraint(zone, "_power_limit_uw");
  const Watts peak = limit ? kPeakOverLimit * *limit : kUnknownMaxPower;
  const Watts maximum = rating.value_or(peak);
  return {maximum, std::max(maximum, peak)};
}

PowerBounds rapl_power_bounds(const std::filesystem::path& sysroot, std::string_view name) {
  for (const RaplZone& zone : list_rapl_zones(sysroot)) {
    if (zone.name == name) return power_bounds(zone.path);
  }
  return {};
}

}  // namespace symbiont::energy
