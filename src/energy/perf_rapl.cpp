#include "symbiont/energy/perf_rapl.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "energy/perf_format.h"
#include "energy/rapl_zones.h"
#include "energy/sysfs.h"
#include "symbiont/base/file.h"

namespace symbiont::energy {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kRefresh{1};
constexpr std::chrono::milliseconds kCounterLag{10};
constexpr double kMostMicrojoules = 9e18;

class KernelCount final : public PerfCount {
 public:
  explicit KernelCount(FileDescriptor event) : event_(std::move(event)) {}
  Result<std::uint64_t> read() override {
    std::uint64_t count = 0;
    const ssize_t size = ::read(event_.get(), &count, sizeof(count));
    if (size == static_cast<ssize_t>(sizeof(count))) return count;
    return fail(ErrorCode::kUnavailable,
                fmt::format("perf event: {}", size < 0 ? std::strerror(errno) : "nothing to read"));
  }

 private:
  const FileDescriptor event_;
};

class KernelEvents final : public PerfEvents {
 public:
  Result<std::unique_ptr<PerfCount>> open(const PerfEvent& event) override {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = event.type;
    attributes.config = event.config;
    constexpr int kAnyProcess = -1;
    constexpr int kNoGroup = -1;
    FileDescriptor opened(static_cast<int>(::syscall(SYS_perf_event_open, &attributes, kAnyProcess,
                                                     event.cpu, kNoGroup, PERF_FLAG_FD_CLOEXEC)));
    if (opened.is_open()) return std::make_unique<KernelCount>(std::move(opened));
    const int reason = errno;
    const bool denied = reason == EACCES || reason == EPERM;
    return fail(denied ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
                fmt::format("perf_event_open: {}", std::strerror(reason)));
  }
};

class PerfSensor final : public Sensor {
 public:
  PerfSensor(std::unique_ptr<PerfCount> count, double joules_per_count)
      : count_(std::move(count)), microjoules_per_count_(1e6 * joules_per_count) {}

  Result<std::int64_t> read() override {
    SYM_ASSIGN_OR_RETURN(const std::uint64_t count, count_->read());
    const double microjoules = static_cast<double>(count) * microjoules_per_count_;
    if (microjoules > kMostMicrojoules) {
      return fail(ErrorCode::kUnavailable, fmt::format("perf event: found {} counts", count));
    }
    return std::llround(microjoules);
  }

 private:
  const std::unique_ptr<PerfCount> count_;
  const double microjoules_per_count_;
};

struct Package {
  int cpu;
  std::string name;  // "package-0", or "package-0-die-1" where packages have several
};

std::int64_t topology(const fs::path& sysroot, int cpu, std::string_view file) {
  return read_number(sysroot / fmt::format("sys/devices/system/cpu/cpu{}/topology/{}", cpu, file))
      .value_or(0);
}

// Named as powercap names them.
std::vector<Package> name_packages(const fs::path& sysroot, const std::vector<int>& cpus) {
  std::vector<std::int64_t> ids;
  for (const int cpu : cpus) ids.push_back(topology(sysroot, cpu, "physical_package_id"));
  const bool have_dies = std::set(ids.begin(), ids.end()).size() < ids.size();
  std::vector<Package> packages;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    std::string name = fmt::format("package-{}", ids[i]);
    if (have_dies) {
      name += fmt::format("-die-{}", topology(sysroot, cpus[i], "die_id"));
    }
    packages.push_back({cpus[i], std::move(name)});
  }
  return packages;
}

/// An event of the PMU: "energy-pkg".
struct EventKind {
  std::uint64_t config;
  double joules_per_count;
};

Result<EventKind> read_event(const fs::path& pmu, const std::string& name) {
  SYM_ASSIGN_OR_RETURN(const std::string text, read_line(pmu / "events" / name));
  SYM_ASSIGN_OR_RETURN(const auto terms, parse_perf_terms(text));
  EventKind kind{};
  for (const auto& [term, value] : terms) {
    SYM_ASSIGN_OR_RETURN(const std::string format, read_line(pmu / "format" / term));
    SYM_ASSIGN_OR_RETURN(const std::uint64_t bits, place_perf_field(format, value));
    kind.config |= bits;
  }
  SYM_ASSIGN_OR_RETURN(const std::string unit, read_line(pmu / "events" / (name + ".unit")));
  if (unit != "Joules") {
    return fail(ErrorCode::kUnavailable, fmt::format("found unit \"{}\", expected Joules", unit));
  }
  SYM_ASSIGN_OR_RETURN(const std::string scale, read_line(pmu / "events" / (name + ".scale")));
  SYM_ASSIGN_OR_RETURN(kind.joules_per_count, parse_perf_scale(scale));
  return kind;
}

std::string explain(const Error& error, const fs::path& sysroot) {
  if (error.code() != ErrorCode::kPermissionDenied) return error.message();
  const auto paranoid = read_line(sysroot / "proc/sys/kernel/perf_event_paranoid");
  return fmt::format(
      "{}; kernel.perf_event_paranoid is {}: set it to 0, or run with CAP_PERFMON or as root",
      error.message(), paranoid.value_or("unknown"));
}

struct Search {
  fs::path sysroot;
  fs::path pmu;
  std::uint32_t type;
  std::vector<Package> packages;
  PerfEvents& events;
  SensorSet set;

  void give_up(std::string name, const Error& error) {
    set.unavailable.push_back({std::move(name), "perf", explain(error, sysroot)});
  }

  void add(const std::string& event, std::string_view suffix) {
    const auto kind = read_event(pmu, event);
    for (const Package& package : packages) {
      std::string name = package.name + std::string(suffix);
      if (!kind) {
        give_up(std::move(name), kind.error());
        continue;
      }
      auto count = events.open({type, kind->config, package.cpu});
      if (!count) {
        give_up(std::move(name), count.error());
        continue;
      }
      set.channels.push_back(
          make_channel(std::move(name),
                       std::make_unique<PerfSensor>(*std::move(count), kind->joules_per_count)));
    }
  }

  SensorChannel make_channel(std::string name, std::unique_ptr<Sensor> sensor) const {
    const PowerBounds power = rapl_power_bounds(sysroot, name);
    SensorChannel channel;
    channel.domain.name = name;
    channel.domain.covers = {std::move(name)};
    channel.domain.source = "perf";
    channel.domain.resolution = kRefresh;
    channel.domain.max_power = power.maximum;
    channel.believable = power.believable;
    channel.counter_lag = kCounterLag;
    channel.sensor = std::move(sensor);
    return channel;
  }
};

Result<Search> begin_search(const fs::path& sysroot, PerfEvents& events) {
  const fs::path pmu = sysroot / "sys/bus/event_source/devices/power";
  std::error_code error;
  if (!fs::exists(pmu, error)) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("no {}: a virtual machine, a processor without RAPL, or a kernel "
                            "without the rapl module",
                            pmu.string()));
  }
  SYM_ASSIGN_OR_RETURN(const std::int64_t type, read_number(pmu / "type"));
  if (type > std::int64_t{UINT32_MAX}) {
    return fail(ErrorCode::kUnavailable, fmt::format("found PMU type {}", type));
  }
  SYM_ASSIGN_OR_RETURN(const std::string mask, read_line(pmu / "cpumask"));
  SYM_ASSIGN_OR_RETURN(const std::vector<int> cpus, parse_cpu_list(mask));
  return Search{sysroot, pmu,        static_cast<std::uint32_t>(type), name_packages(sysroot, cpus),
                events,  SensorSet()};
}

}  // namespace

PerfEvents& kernel_perf_events() {
  static KernelEvents events;
  return events;
}

SensorSet find_perf_sensors(const fs::path& sysroot, PerfEvents& events) {
  auto search = begin_search(sysroot, events);
  if (!search) {
    SensorSet nothing;
    nothing.unavailable.push_back({"package", "perf", search.error().message()});
    return nothing;
  }
  search->add("energy-pkg", "");
  std::error_code error;
  if (fs::exists(search->pmu / "events/energy-ram", error)) search->add("energy-ram", "/dram");
  return std::move(search->set);
}

}  // namespace symbiont::energy
