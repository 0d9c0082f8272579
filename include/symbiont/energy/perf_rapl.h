#pragma once
/// The processors' energy counters through perf events: the same as rapl.h reads, for whoever
/// may use perf and may not read powercap.
///
/// The PMU is described below SYSROOT/sys/bus/event_source/devices/power: its `type`, the `cpumask`
/// with one processor of each package or die, and for each event its code, `scale` and `unit`. The
/// kernel extends the counters to 64 bits, so they do not wrap.

#include <cstdint>
#include <filesystem>
#include <memory>

#include "symbiont/base/error.h"
#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// What perf_event_open is asked for, on one processor and for all processes.
struct PerfEvent {
  std::uint32_t type = 0;
  std::uint64_t config = 0;
  int cpu = 0;
};

/// An open event.
class PerfCount {
 public:
  virtual ~PerfCount() = default;
  /// Counts since it was opened.
  virtual Result<std::uint64_t> read() = 0;
};

/// The kernel's perf events.
class PerfEvents {
 public:
  virtual ~PerfEvents() = default;
  /// kPermissionDenied, or kUnavailable with the kernel's reason.
  virtual Result<std::unique_ptr<PerfCount>> open(const PerfEvent& event) = 0;
};

/// Those of the machine this runs on.
PerfEvents& kernel_perf_events();

/// Machine scope, measured. Domains are named and cover "package-0", "package-0/dram" as those of
/// rapl.h, so both are never added. `Domain::max_power` as there. Never fails: what cannot be
/// read is in `unavailable`, naming perf_event_paranoid where that is the reason.
SensorSet find_perf_sensors(const std::filesystem::path& sysroot, PerfEvents& events);

/// Counters: once a second.
inline constexpr Sampling kPerfSampling{.period = std::chrono::seconds(1)};

}  // namespace symbiont::energy
