#include "energy/meter_kinds.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "energy/word_list.h"
#include "symbiont/base/clock.h"
#include "symbiont/base/config.h"
#include "symbiont/energy/cgroup_cpu_time.h"
#include "symbiont/energy/command_meter.h"
#include "symbiont/energy/estimator_meter.h"
#include "symbiont/energy/hwmon.h"
#include "symbiont/energy/ipmi.h"
#include "symbiont/energy/nvml.h"
#include "symbiont/energy/perf_rapl.h"
#include "symbiont/energy/rapl.h"
#include "symbiont/energy/redfish.h"
#include "symbiont/energy/replay_device.h"

namespace symbiont::energy {
namespace {

using Opened = Result<std::unique_ptr<Meter>>;

Opened open_rapl(const MonitorOptions& options, std::string_view) {
  return std::make_unique<SensorMeter>(find_rapl_sensors(options.sysroot), kRaplSampling,
                                       system_clock());
}

Opened open_hwmon(const MonitorOptions& options, std::string_view wanted) {
  return std::make_unique<SensorMeter>(find_hwmon_sensors(options.sysroot, split_list(wanted)),
                                       kHwmonSampling, system_clock());
}

Opened open_perf(const MonitorOptions& options, std::string_view) {
  return std::make_unique<SensorMeter>(find_perf_sensors(options.sysroot, kernel_perf_events()),
                                       kPerfSampling, system_clock());
}

Opened open_nvml(const MonitorOptions& options, std::string_view wanted) {
  NvmlOptions nvml = NvmlOptions::from_environment(options.sysroot);
  nvml.wanted = split_list(wanted);
  return std::make_unique<SensorMeter>(find_nvml_sensors(nvml), kNvmlSampling, system_clock());
}

Opened open_command(const MonitorOptions&, std::string_view program) {
  return std::make_unique<SensorMeter>(find_command_sensor(program), kCommandSampling,
                                       system_clock());
}

Opened open_ipmi(const MonitorOptions& options, std::string_view) {
  return std::make_unique<SensorMeter>(find_ipmi_sensor(options.sysroot), kIpmiSampling,
                                       system_clock());
}

Opened open_redfish(const MonitorOptions&, std::string_view url) {
  RedfishOptions options;
  options.url = url;
  const char* const credentials = std::getenv("SYMBIONT_REDFISH_CREDENTIALS");
  if (credentials != nullptr) options.credentials = credentials;
  SYM_ASSIGN_OR_RETURN(SensorSet sensors, find_redfish_sensor(options));
  return std::make_unique<SensorMeter>(std::move(sensors), kRedfishSampling, system_clock());
}

Opened open_estimator_over(const MonitorOptions& options, std::unique_ptr<CpuTimeSource> cpu_time) {
  SYM_ASSIGN_OR_RETURN(PowerCurve curve, find_power_curve(options.curve));
  if (options.threads < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the estimator needs at least 1 thread, found {}", options.threads));
  }
  return std::make_unique<EstimatorMeter>(std::move(curve), options.threads, system_clock(),
                                          std::move(cpu_time));
}

Opened open_estimator(const MonitorOptions& options, std::string_view) {
  const std::filesystem::path proc = options.sysroot / "proc";
  if (options.launched) {
    return open_estimator_over(options, std::make_unique<LaunchedCpuTime>(proc));
  }
  return open_estimator_over(options, std::make_unique<ProcessTreeCpuTime>(proc));
}

Opened open_cgroup(const MonitorOptions& options, std::string_view path) {
  SYM_ASSIGN_OR_RETURN(auto cpu_time, CgroupCpuTime::open(options.sysroot, path));
  return open_estimator_over(options, std::move(cpu_time));
}

Opened open_replay(const MonitorOptions&, std::string_view path) {
  auto trace = ReplayTrace::load(path);
  if (!trace) return fail(ErrorCode::kInvalidArgument, "replay: " + trace.error().message());
  return std::make_unique<ReplayDevice>(*std::move(trace), system_clock().wall_now());
}

// A new kind of meter is a line here, and a function above.
constexpr MeterKind kKinds[] = {
    {"auto", "", false, false, nullptr},
    {"rapl", "", false, true, &open_rapl},
    {"perf", "", false, true, &open_perf},
    {"nvml", "", false, true, &open_nvml},
    {"nvml", "UUID[,...]", false, false, &open_nvml},
    {"hwmon", "", false, false, &open_hwmon},
    {"hwmon", "CHIP/LABEL[,...]", false, false, &open_hwmon},
    {"command", "PROGRAM", true, false, &open_command},
    {"ipmi", "", false, false, &open_ipmi},
    {"redfish", "URL", false, false, &open_redfish},
    {"estimator", "", false, false, &open_estimator},
    {"cgroup", "PATH", false, false, &open_cgroup},
    {"replay", "FILE", true, false, &open_replay},
};

std::string spelling(const MeterKind& kind) {
  return kind.argument.empty() ? std::string(kind.name)
                               : fmt::format("{}:{}", kind.name, kind.argument);
}

}  // namespace

std::span<const MeterKind> meter_kinds() {
  return kKinds;
}

Result<MeterWord> parse_meter_word(std::string_view word) {
  const std::size_t colon = std::min(word.find(':'), word.size());
  const std::string_view argument = word.substr(std::min(colon + 1, word.size()));
  std::vector<std::string> known;
  for (const MeterKind& kind : kKinds) {
    if (kind.name == word.substr(0, colon) && kind.argument.empty() == argument.empty()) {
      return MeterWord{&kind, argument};
    }
    known.push_back(spelling(kind));
  }
  const std::string nearest = nearest_word(word, known);
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("unknown meter \"{}\", expected one of {}{}", word, fmt::join(known, ", "),
                  nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)));
}

}  // namespace symbiont::energy
