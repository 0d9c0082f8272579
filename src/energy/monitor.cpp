#include "symbiont/energy/monitor.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/config.h"
#include "symbiont/energy/estimator_meter.h"
#include "symbiont/energy/rapl_meter.h"
#include "symbiont/energy/replay_device.h"

namespace symbiont::energy {

struct Monitor::State {
  /// A kind of meter as a job file names it: "rapl", or "replay:FILE" where it takes an argument.
  struct Kind {
    std::string_view name;
    std::string_view argument;  // what to write after the colon; empty: nothing
    bool argument_is_path;
    Result<void> (State::*add)(const MonitorOptions&, std::string_view);

    std::string spelling() const {
      return argument.empty() ? std::string(name) : fmt::format("{}:{}", name, argument);
    }
  };
  static std::span<const Kind> kinds();

  /// The kind that a job file's word names, and its argument. kInvalidArgument when there is none.
  static Result<std::pair<const Kind*, std::string_view>> find_kind(std::string_view word);

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
  EstimatorMeter* estimator = nullptr;  // owned by `meters`, as the next
  ReplayDevice* replay = nullptr;

  /// Each opens one kind of meter; `argument` is what follows "name:".
  Result<void> add_auto(const MonitorOptions& options, std::string_view argument);
  Result<void> add_rapl(const MonitorOptions& options, std::string_view argument);
  Result<void> add_estimator(const MonitorOptions& options, std::string_view argument);
  Result<void> add_replay(const MonitorOptions& options, std::string_view path);
  Result<void> take(std::unique_ptr<Meter> meter);
  Result<void> check_fits(const Domain& domain) const;
  Result<std::vector<std::int64_t>> read() const;
};

// A new kind of meter is a line here, and a function below.
std::span<const Monitor::State::Kind> Monitor::State::kinds() {
  static constexpr Kind kKinds[] = {
      {"auto", "", false, &State::add_auto},
      {"rapl", "", false, &State::add_rapl},
      {"estimator", "", false, &State::add_estimator},
      {"replay", "FILE", true, &State::add_replay},
  };
  return kKinds;
}

namespace {

std::string reasons(std::span<const Unavailable> unavailable) {
  std::vector<std::string> lines;
  for (const Unavailable& each : unavailable) lines.push_back(each.name + ": " + each.why);
  return fmt::format("{}", fmt::join(lines, "; "));
}

}  // namespace

Result<std::pair<const Monitor::State::Kind*, std::string_view>> Monitor::State::find_kind(
    std::string_view word) {
  const std::size_t colon = std::min(word.find(':'), word.size());
  const std::string_view argument = word.substr(std::min(colon + 1, word.size()));
  std::vector<std::string> known;
  for (const Kind& kind : kinds()) {
    if (kind.name == word.substr(0, colon) && kind.argument.empty() == argument.empty()) {
      return std::pair(&kind, argument);
    }
    known.push_back(kind.spelling());
  }
  const std::string nearest = nearest_word(word, known);
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("unknown meter \"{}\", expected one of {}{}", word, fmt::join(known, ", "),
                  nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)));
}

Result<void> Monitor::State::add_auto(const MonitorOptions& options, std::string_view) {
  auto rapl = RaplMeter::open(options.sysroot, system_clock());
  if (!rapl->domains().empty()) return take(std::move(rapl));
  const auto missing = rapl->unavailable();
  unavailable.insert(unavailable.end(), missing.begin(), missing.end());
  return add_estimator(options, {});
}

Result<void> Monitor::State::add_rapl(const MonitorOptions& options, std::string_view) {
  auto rapl = RaplMeter::open(options.sysroot, system_clock());
  if (rapl->domains().empty()) {
    return fail(ErrorCode::kUnavailable, "rapl: " + reasons(rapl->unavailable()));
  }
  return take(std::move(rapl));
}

Result<void> Monitor::State::add_estimator(const MonitorOptions& options, std::string_view) {
  SYM_ASSIGN_OR_RETURN(PowerCurve curve, find_power_curve(options.curve));
  if (options.threads < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the estimator needs at least 1 thread, found {}", options.threads));
  }
  auto meter = std::make_unique<EstimatorMeter>(
      std::move(curve), options.threads, system_clock(),
      std::make_unique<ProcessTreeCpuTime>(options.sysroot / "proc"));
  estimator = meter.get();
  return take(std::move(meter));
}

Result<void> Monitor::State::add_replay(const MonitorOptions&, std::string_view path) {
  auto trace = ReplayTrace::load(path);
  if (!trace && trace.error().code() == ErrorCode::kInvalidArgument) {
    return tl::unexpected(std::move(trace).error().while_doing("replay"));
  }
  if (!trace) {
    return fail(ErrorCode::kInvalidArgument, "replay: " + trace.error().message());
  }
  auto device = std::make_unique<ReplayDevice>(*std::move(trace), system_clock().wall_now());
  replay = device.get();
  clock = device.get();
  return take(std::move(device));
}

Result<void> Monitor::State::take(std::unique_ptr<Meter> meter) {
  for (std::size_t i = 0; i < meter->domains().size(); ++i) {
    SYM_RETURN_IF_ERROR(check_fits(meter->domains()[i]));
    domains.push_back(meter->domains()[i]);
    channels.push_back({meter.get(), i});
  }
  const auto missing = meter->unavailable();
  unavailable.insert(unavailable.end(), missing.begin(), missing.end());
  meters.push_back(std::move(meter));
  return {};
}

// A sum is only a sum when nothing is in it twice and all of it speaks of the same thing.
Result<void> Monitor::State::check_fits(const Domain& domain) const {
  for (const Domain& other : domains) {
    if (other.scope != domain.scope) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} speaks of the {} and {} of the {}: choose one", other.source,
                              to_string(other.scope), domain.source, to_string(domain.scope)));
    }
    for (const std::string& component : domain.covers) {
      if (std::find(other.covers.begin(), other.covers.end(), component) == other.covers.end()) {
        continue;
      }
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{} ({}) and {} ({}) both cover {}: it would count twice", other.name,
                              other.source, domain.name, domain.source, component));
    }
  }
  return {};
}

Result<std::vector<std::int64_t>> Monitor::State::read() const {
  std::vector<std::int64_t> readings;
  readings.reserve(channels.size());
  for (const Channel& channel : channels) {
    SYM_ASSIGN_OR_RETURN(const std::int64_t reading, channel.meter->read_uj(channel.index));
    readings.push_back(reading);
  }
  return readings;
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
  for (const std::string& word : options.meters) {
    SYM_ASSIGN_OR_RETURN(const auto found, State::find_kind(word));
    const auto& [kind, argument] = found;
    SYM_RETURN_IF_ERROR((state.get()->*kind->add)(options, argument));
  }
  return Monitor(std::move(state));
}

Result<void> Monitor::check_meter_name(std::string_view word) {
  SYM_RETURN_IF_ERROR(State::find_kind(word));
  return {};
}

std::string Monitor::resolve_meter_path(std::string_view word,
                                        const std::filesystem::path& folder) {
  const auto found = State::find_kind(word);
  if (!found || !found->first->argument_is_path) return std::string(word);
  const auto& [kind, path] = *found;
  return fmt::format("{}:{}", kind->name, (folder / path).string());
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
  if (state_->estimator != nullptr) state_->estimator->attach(pid);
  if (state_->replay != nullptr) state_->replay->begin_attempt();
}

void Monitor::progress(std::int64_t batch_size, std::int64_t epoch, double fraction) {
  if (state_->replay == nullptr) return;
  // The next reading reports a position that the trace does not have.
  static_cast<void>(state_->replay->advance(batch_size, epoch, fraction));
}

Result<Window> Monitor::open_window() const {
  Window window;
  window.monitor_ = this;
  window.wall_begin_ = clock().wall_now();
  window.start_time_ = clock().now();
  auto readings = state_->read();
  if (!readings) return tl::unexpected(std::move(readings).error().while_doing("open window"));
  window.start_uj_ = *std::move(readings);
  return window;
}

Result<Usage> Window::usage() const {
  auto readings = monitor_->state_->read();
  if (!readings) return tl::unexpected(std::move(readings).error().while_doing("read window"));
  Usage usage;
  usage.time = monitor_->clock().now() - start_time_;
  usage.provenance = monitor_->provenance();
  usage.scope = monitor_->scope();
  for (std::size_t i = 0; i < start_uj_.size(); ++i) {
    const std::int64_t used_uj = (*readings)[i] - start_uj_[i];
    usage.energy_uj += used_uj;
    usage.uncertainty_uj +=
        std::llround(monitor_->domains()[i].relative_uncertainty * static_cast<double>(used_uj));
  }
  return usage;
}

}  // namespace symbiont::energy
