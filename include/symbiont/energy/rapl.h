#pragma once
/// The energy counters of Intel and AMD processors, as the kernel's powercap shows them.
///
/// Read below SYSROOT/sys/class/powercap: the packages, and the memory beside each. Their
/// subdomains `core` and `uncore` are parts of a package and never added; `psys` contains packages
/// and is left out. A zone shown by both intel-rapl and intel-rapl-mmio is one domain, the latter
/// preferred if it can be read.

#include <filesystem>

#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// Machine scope, measured. Domains are named and cover "package-0", "package-0/dram".
/// `Domain::max_power` is the largest constraint_*_max_power_uw, else 4 times the largest
/// constraint_*_power_limit_uw, else 1000 W. Never fails: a machine without any zone is in
/// `unavailable`.
SensorSet find_rapl_sensors(const std::filesystem::path& sysroot);

/// As rarely as the counters allow: SensorMeter knows their range.
inline constexpr Sampling kRaplSampling{.period = std::chrono::seconds(1)};

}  // namespace symbiont::energy
