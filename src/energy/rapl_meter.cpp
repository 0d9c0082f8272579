#include "symbiont/energy/rapl_meter.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "energy/rapl_zones.h"
#include "energy/sysfs.h"
#include "symbiont/base/log.h"

namespace symbiont::energy {

struct RaplMeter::Zone : RaplZone {
  Result<std::int64_t> energy_uj;  ///< whether it can be read, and if not why
};

namespace {

using std::chrono::nanoseconds;

// The hardware refreshes its counter every millisecond or so; readings closer than that can see a
// whole step at once.
constexpr std::chrono::milliseconds kCounterLag{10};
constexpr std::chrono::milliseconds kShortestPeriod{10};

std::string what_to_do(const Error& error) {
  if (error.code() != ErrorCode::kPermissionDenied) return error.message();
  return error.message() +
         "; energy counters are for root only since CVE-2020-8694: run as root, or let an "
         "administrator make energy_uj readable for a group";
}

}  // namespace

RaplMeter::RaplMeter(const Clock& clock) : clock_(clock) {}

RaplMeter::~RaplMeter() = default;  // ends the thread, whatever it waits for

std::unique_ptr<RaplMeter> RaplMeter::open(const std::filesystem::path& sysroot,
                                           const Clock& clock) {
  std::map<std::string, Zone> zones;  // by name: a zone may be shown twice
  for (const RaplZone& shown : list_rapl_zones(sysroot)) {
    Zone zone{shown, read_number(shown.path / "energy_uj").map_error(unreadable)};
    const auto [known, is_new] = zones.try_emplace(zone.name, zone);
    if (is_new) continue;
    const bool better = zone.energy_uj.has_value() != known->second.energy_uj.has_value()
                            ? zone.energy_uj.has_value()
                            : zone.mmio && !known->second.mmio;
    if (better) known->second = std::move(zone);
  }

  std::unique_ptr<RaplMeter> meter(new RaplMeter(clock));
  for (const auto& [name, zone] : zones) meter->add(zone);
  if (zones.empty()) {
    meter->unavailable_.push_back(
        {"package", "rapl",
         fmt::format("no package under {}: a virtual machine, a processor without RAPL, or a "
                     "kernel without the intel_rapl driver",
                     (sysroot / "sys/class/powercap/intel-rapl*").string())});
  }
  meter->start_sampling();
  return meter;
}

void RaplMeter::add(const Zone& zone) {
  if (!zone.energy_uj) {
    unavailable_.push_back({zone.name, "rapl", what_to_do(zone.energy_uj.error())});
    return;
  }
  const PowerBounds power = power_bounds(zone.path);
  Domain domain;
  domain.name = zone.name;
  domain.covers = {zone.name};
  domain.source = "rapl";
  domain.resolution = std::chrono::milliseconds(1);
  domain.max_power = power.maximum;
  domains_.push_back(std::move(domain));

  CounterLimits limits;
  limits.range_uj = read_number(zone.path / "max_energy_range_uj").value_or(0);
  limits.max_power = power.believable;
  limits.slack = kCounterLag;
  Source source{zone.path / "energy_uj", RaplCounter(limits)};
  source.counter.sample(clock_.now(), *zone.energy_uj);
  if (const std::optional<nanoseconds> period = source.counter.sampling_period()) {
    period_ = std::max<nanoseconds>(std::min(period_.value_or(*period), *period), kShortestPeriod);
  }
  sources_.push_back(std::move(source));
}

Result<void> RaplMeter::sample(std::size_t domain) {
  Source& source = sources_[domain];
  Result<std::int64_t> value = read_number(source.energy_file).map_error(unreadable);
  const auto interval =
      source.counter.sample(clock_.now(), value ? std::optional(*value) : std::nullopt);
  const std::string_view doubt = interval ? describe_doubt(*interval) : std::string_view();
  if (!doubt.empty() && !std::exchange(source.warned, true)) {
    log::warning(fmt::format("{}: {}", source.energy_file.string(), doubt));
  }
  if (!value) {
    return tl::unexpected(std::move(value).error().while_doing("read " + domains_[domain].name));
  }
  return {};
}

Result<std::int64_t> RaplMeter::read_uj(std::size_t domain) {
  SYM_CHECK(domain < domains_.size());
  const std::lock_guard lock(mutex_);
  SYM_RETURN_IF_ERROR(sample(domain));
  return sources_[domain].counter.total_uj();
}

void RaplMeter::start_sampling() {
  if (!period_) return;
  sampler_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void RaplMeter::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    wake_.wait_for(lock, stop, *period_, [] { return false; });
    if (stop.stop_requested()) return;
    // A failed read is a hole that the counter knows of; the next window reports it.
    for (std::size_t i = 0; i < sources_.size(); ++i) static_cast<void>(sample(i));
  }
}

}  // namespace symbiont::energy
