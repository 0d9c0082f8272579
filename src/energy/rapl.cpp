#include "symbiont/energy/rapl.h"

#include <map>
#include <utility>

#include <fmt/format.h>

#include "energy/rapl_zones.h"
#include "energy/sysfs.h"

namespace symbiont::energy {
namespace {

constexpr std::chrono::milliseconds kRefresh{1};
// The hardware refreshes its counter every millisecond or so; readings closer than that can see a
// whole step at once.
constexpr std::chrono::milliseconds kCounterLag{10};

bool is_readable(const RaplZone& zone) {
  return read_number(zone.path / "energy_uj").has_value();
}

bool is_better(const RaplZone& zone, const RaplZone& known) {
  if (is_readable(zone) != is_readable(known)) return is_readable(zone);
  return zone.mmio && !known.mmio;
}

SensorChannel make_channel(const RaplZone& zone) {
  const PowerBounds power = power_bounds(zone.path);
  SensorChannel channel;
  channel.domain.name = zone.name;
  channel.domain.covers = {zone.name};
  channel.domain.source = "rapl";
  channel.domain.resolution = kRefresh;
  channel.domain.max_power = power.maximum;
  channel.believable = power.believable;
  channel.counter_range_uj = read_number(zone.path / "max_energy_range_uj").value_or(0);
  channel.counter_may_wrap = true;
  channel.counter_lag = kCounterLag;
  channel.sensor = std::make_unique<FileSensor>(
      zone.path / "energy_uj",
      "energy counters are for root only since CVE-2020-8694: run as root, or let an administrator "
      "make energy_uj readable for a group");
  return channel;
}

}  // namespace

SensorSet find_rapl_sensors(const std::filesystem::path& sysroot) {
  std::map<std::string, RaplZone> zones;  // by name: a zone may be shown twice
  for (const RaplZone& zone : list_rapl_zones(sysroot)) {
    const auto [known, is_new] = zones.try_emplace(zone.name, zone);
    if (!is_new && is_better(zone, known->second)) known->second = zone;
  }
  SensorSet set;
  for (const auto& [name, zone] : zones) set.channels.push_back(make_channel(zone));
  if (zones.empty()) {
    set.unavailable.push_back(
        {"package", "rapl",
         fmt::format("no package under {}: a virtual machine, a processor without RAPL, or a "
                     "kernel without the intel_rapl driver",
                     (sysroot / "sys/class/powercap/intel-rapl*").string())});
  }
  return set;
}

}  // namespace symbiont::energy
