#include "symbiont/energy/monitor.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "energy/meter_kinds.h"

namespace symbiont::energy {

struct Monitor::State {
  /// A domain and where to read it.
  struct Channel {
    Meter* meter;
    std::size_t index;
  };

  std::vector<std::unique_ptr<Meter>> meters;
  std::vector<Domain> domains;
  std::vector<Channel> channels;  // one for each domain
  std::vector<Unavailable> unavailable;
  const Clock* clock = &system_clock();

  Result<void> add(std::string_view word, const MonitorOptions& options);
  Result<void> add_auto(const MonitorOptions& options);
  Result<void> take(std::unique_ptr<Meter> meter);
  void keep_reasons(const Meter& meter);
  Result<void> check_fits(const Domain& domain) const;
  Result<std::vector<std::int64_t>> read(std::optional<std::chrono::nanoseconds> at = {}) const;
  std::vector<std::int64_t> read_doubt() const;
};

namespace {

std::string reasons(std::span<const Unavailable> unavailable) {
  std::vector<std::string> lines;
  for (const Unavailable& each : unavailable) lines.push_back(each.name + ": " + each.why);
  return fmt::format("{}", fmt::join(lines, "; "));
}

bool covers(const Domain& domain, std::string_view component) {
  return std::find(domain.covers.begin(), domain.covers.end(), component) != domain.covers.end();
}

// Of two domains with the same scope. The whole machine contains whatever the other one covers.
std::string shared_component(const Domain& a, const Domain& b) {
  if (covers(a, kWholeMachine) && !b.covers.empty()) return b.covers.front();
  for (const std::string& component : a.covers) {
    if (covers(b, component) || covers(b, kWholeMachine)) return component;
  }
  return {};
}

}  // namespace

Result<void> Monitor::State::add(std::string_view word, const MonitorOptions& options) {
  SYM_ASSIGN_OR_RETURN(const MeterWord parsed, parse_meter_word(word));
  if (parsed.kind->open == nullptr) return add_auto(options);
  SYM_ASSIGN_OR_RETURN(auto meter, parsed.kind->open(options, parsed.argument));
  if (meter->domains().empty()) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("{}: {}", parsed.kind->name, reasons(meter->unavailable())));
  }
  return take(std::move(meter));
}

// What is measured beats what is modelled. Of two kinds that measure the same, the first is taken.
Result<void> Monitor::State::add_auto(const MonitorOptions& options) {
  for (const MeterKind& kind : meter_kinds()) {
    if (!kind.is_measured_by_default) continue;
    SYM_ASSIGN_OR_RETURN(auto meter, kind.open(options, {}));
    const auto found = meter->domains();
    if (found.empty()) {
      keep_reasons(*meter);
    } else if (std::all_of(found.begin(), found.end(),
                           [&](const Domain& domain) { return check_fits(domain).has_value(); })) {
      SYM_RETURN_IF_ERROR(take(std::move(meter)));
    }
  }
  return domains.empty() ? add("estimator", options) : Result<void>();
}

Result<void> Monitor::State::take(std::unique_ptr<Meter> meter) {
  for (std::size_t i = 0; i < meter->domains().size(); ++i) {
    SYM_RETURN_IF_ERROR(check_fits(meter->domains()[i]));
    domains.push_back(meter->domains()[i]);
    channels.push_back({meter.get(), i});
  }
  keep_reasons(*meter);
  if (meter->own_clock() != nullptr) clock = meter->own_clock();
  meters.push_back(std::move(meter));
  return {};
}

void Monitor::State::keep_reasons(const Meter& meter) {
  const auto missing = meter.unavailable();
  unavailable.insert(unavailable.end(), missing.begin(), missing.end());
}

// A sum is only a sum when nothing is in it twice and all of it speaks of the same thing.
Result<void> Monitor::State::check_fits(const Domain& domain) const {
  for (const Domain& other : domains) {
    if (other.scope != domain.scope) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} speaks of the {} and {} of the {}: choose one", other.source,
                              to_string(other.scope), domain.source, to_string(domain.scope)));
    }
    const std::string shared = shared_component(other, domain);
    if (shared.empty()) continue;
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} ({}) and {} ({}) both cover {}: it would count twice", other.name,
                            other.source, domain.name, domain.source, shared));
  }
  return {};
}

Result<std::vector<std::int64_t>> Monitor::State::read(
    std::optional<std::chrono::nanoseconds> at) const {
  std::vector<std::int64_t> readings;
  readings.reserve(channels.size());
  for (const Channel& channel : channels) {
    SYM_ASSIGN_OR_RETURN(
        const std::int64_t reading,
        at ? channel.meter->read_uj_at(channel.index, *at) : channel.meter->read_uj(channel.index));
    readings.push_back(reading);
  }
  return readings;
}

std::vector<std::int64_t> Monitor::State::read_doubt() const {
  std::vector<std::int64_t> doubt;
  doubt.reserve(channels.size());
  for (const Channel& channel : channels) {
    doubt.push_back(channel.meter->uncertainty_uj(channel.index));
  }
  return doubt;
}

namespace {

std::int64_t half_width_uj(const Domain& domain, std::int64_t used_uj, std::int64_t doubt_uj,
                           std::chrono::nanoseconds time) {
  const std::int64_t width_uj =
      doubt_uj + std::llround(domain.relative_uncertainty * static_cast<double>(used_uj));
  if (time >= domain.resolution) return width_uj;
  return std::max<std::int64_t>(width_uj,
                                std::llround((domain.max_power * to_seconds(time)).value() * 1e6));
}

}  // namespace

Result<MeterSurvey> survey_meters(const MonitorOptions& options) {
  MeterSurvey survey;
  for (const MeterKind& kind : meter_kinds()) {
    if (kind.open == nullptr || !kind.argument.empty()) continue;
    SYM_ASSIGN_OR_RETURN(const auto meter, kind.open(options, {}));
    const auto domains = meter->domains();
    const auto missing = meter->unavailable();
    survey.domains.insert(survey.domains.end(), domains.begin(), domains.end());
    survey.unavailable.insert(survey.unavailable.end(), missing.begin(), missing.end());
  }
  return survey;
}

Monitor::Monitor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

Result<Monitor> Monitor::open(const MonitorOptions& options) {
  if (options.meters.empty()) {
    return fail(ErrorCode::kInvalidArgument, "no meters named, expected for example [\"auto\"]");
  }
  auto state = std::make_unique<State>();
  for (const std::string& word : options.meters) SYM_RETURN_IF_ERROR(state->add(word, options));
  return Monitor(std::move(state));
}

Result<void> Monitor::check_meter_name(std::string_view word) {
  SYM_RETURN_IF_ERROR(parse_meter_word(word));
  return {};
}

std::string Monitor::resolve_meter_path(std::string_view word,
                                        const std::filesystem::path& folder) {
  const auto found = parse_meter_word(word);
  if (!found || !found->kind->argument_is_path) return std::string(word);
  return fmt::format("{}:{}", found->kind->name, (folder / found->argument).string());
}

const std::vector<Domain>& Monitor::domains() const {
  return state_->domains;
}
const std::vector<Unavailable>& Monitor::unavailable() const {
  return state_->unavailable;
}
const Clock& Monitor::clock() const {
  return *state_->clock;
}
Scope Monitor::scope() const {
  return state_->domains.front().scope;
}

Provenance Monitor::provenance() const {
  Provenance provenance = state_->domains.front().provenance;
  for (const Domain& domain : state_->domains) provenance = combine(provenance, domain.provenance);
  return provenance;
}

Watts Monitor::max_power() const {
  Watts sum;
  for (const Domain& domain : state_->domains) sum += domain.max_power;
  return sum;
}

std::string Monitor::describe() const {
  std::string text(to_string(provenance()));
  if (provenance() == Provenance::kReplayed) return text;
  double uncertainty = 0.0;
  for (const Domain& domain : state_->domains) {
    uncertainty = std::max(uncertainty, domain.relative_uncertainty);
  }
  if (uncertainty > 0.0) text += fmt::format(" ±{:.0f} %", 100.0 * uncertainty);
  return text + (scope() == Scope::kMachine ? ", this machine" : ", this process");
}

void Monitor::attach(int pid) {
  for (const auto& meter : state_->meters) meter->attach(pid);
}

void Monitor::progress(std::int64_t batch_size, std::int64_t epoch, double fraction) {
  for (const auto& meter : state_->meters) meter->progress(batch_size, epoch, fraction);
}

Result<Window> Monitor::open_window() const {
  Window window;
  window.monitor_ = this;
  window.wall_begin_ = clock().wall_now();
  window.start_time_ = clock().now();
  auto readings = state_->read();
  if (!readings) return tl::unexpected(std::move(readings).error().while_doing("open window"));
  window.start_uj_ = *std::move(readings);
  window.start_doubt_uj_ = state_->read_doubt();
  return window;
}

Result<std::vector<Usage>> Window::usage_by_domain() const {
  auto readings = monitor_->state_->read();
  if (!readings) return tl::unexpected(std::move(readings).error().while_doing("read window"));
  return usages(*readings, monitor_->clock().now() - start_time_);
}

Result<std::vector<Usage>> Window::usage_by_domain_at(std::chrono::nanoseconds time) const {
  auto readings = monitor_->state_->read(time);
  if (!readings) return tl::unexpected(std::move(readings).error().while_doing("read window"));
  return usages(*readings, time - start_time_);
}

std::vector<Usage> Window::usages(const std::vector<std::int64_t>& readings,
                                  std::chrono::nanoseconds time) const {
  std::vector<Usage> usages;
  const std::vector<std::int64_t> doubt_uj = monitor_->state_->read_doubt();
  for (std::size_t i = 0; i < start_uj_.size(); ++i) {
    const Domain& domain = monitor_->domains()[i];
    const std::int64_t used_uj = readings[i] - start_uj_[i];
    usages.push_back(
        {.energy_uj = used_uj,
         .uncertainty_uj = half_width_uj(domain, used_uj, doubt_uj[i] - start_doubt_uj_[i], time),
         .time = time,
         .provenance = domain.provenance,
         .scope = domain.scope});
  }
  return usages;
}

Result<Usage> Window::usage() const {
  SYM_ASSIGN_OR_RETURN(const std::vector<Usage> usages, usage_by_domain());
  Usage sum;
  sum.time = usages.front().time;
  sum.provenance = monitor_->provenance();
  sum.scope = monitor_->scope();
  for (const Usage& usage : usages) {
    sum.energy_uj += usage.energy_uj;
    sum.uncertainty_uj += usage.uncertainty_uj;
  }
  return sum;
}

}  // namespace symbiont::energy
