#include "symbiont/energy/sensor_meter.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/log.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds kCounterPeriod{1};
constexpr std::chrono::milliseconds kShortestPeriod{10};
constexpr std::chrono::seconds kLongestPeriod{5};
constexpr std::chrono::seconds kLongestGap{30};

std::variant<RaplCounter, GaugeIntegral> rules_for(const SensorChannel& channel,
                                                   const Sampling& sampling) {
  if (channel.domain.kind == DomainKind::kGauge) {
    return GaugeIntegral({.period = sampling.period,
                          .max_power = channel.domain.max_power,
                          .believable = channel.believable});
  }
  return RaplCounter(
      {.range_uj = channel.counter_range_uj,
       .max_power = channel.believable,
       .slack = channel.counter_lag,
       .falls_are_resets = channel.counter_range_uj == 0 && !channel.counter_may_wrap});
}

Watts watts(std::int64_t microwatts) {
  return Watts(static_cast<double>(microwatts) * 1e-6);
}

// A counter forgets nothing in between, unless it wraps; at a reset, what was used since the last
// look is lost.
nanoseconds period_of(const std::variant<RaplCounter, GaugeIntegral>& rules,
                      const Sampling& sampling) {
  const auto* const counter = std::get_if<RaplCounter>(&rules);
  if (counter == nullptr) return sampling.period;
  const nanoseconds unwrapped = std::max<nanoseconds>(sampling.period, kCounterPeriod);
  return std::clamp<nanoseconds>(counter->sampling_period().value_or(unwrapped), kShortestPeriod,
                                 kLongestPeriod);
}

// Signals are for the threads of whoever opened the meter.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

std::optional<std::int64_t> value_of(const Result<std::int64_t>& value) {
  return value ? std::optional(*value) : std::nullopt;
}

}  // namespace

SensorMeter::SensorMeter(SensorSet sensors, Sampling sampling, const Clock& clock)
    : clock_(clock), sampling_(sampling), unavailable_(std::move(sensors.unavailable)) {
  SYM_CHECK(sampling.period.count() > 0);
  for (SensorChannel& channel : sensors.channels) add(std::move(channel));
  if (channels_.empty() || !sampling.in_background) return;
  sampler_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SensorMeter::~SensorMeter() = default;  // ends the thread, whatever it waits for

void SensorMeter::add(SensorChannel channel) {
  const Result<std::int64_t> first = channel.sensor->read();
  if (!first) {
    unavailable_.push_back({channel.domain.name, channel.domain.source, first.error().message()});
    return;
  }
  const auto rules = rules_for(channel, sampling_);
  thread_period_ = std::min(thread_period_, period_of(rules, sampling_));
  channels_.push_back({std::move(channel.sensor), rules, std::nullopt, {}});
  domains_.push_back(std::move(channel.domain));
  record(domains_.size() - 1, first);
}

void SensorMeter::record(std::size_t domain, const Result<std::int64_t>& value) {
  Channel& channel = channels_[domain];
  channel.failure = value ? std::nullopt : std::optional(value.error());
  const nanoseconds now = clock_.now();
  if (auto* const gauge = std::get_if<GaugeIntegral>(&channel.energy)) {
    const nanoseconds missing = gauge->missing();
    gauge->sample(now, value ? std::optional(watts(*value)) : std::nullopt);
    if (gauge->missing() > missing) {
      warn_once(domain, "could not be read for a while; what was used meanwhile is not counted");
    }
    return;
  }
  const auto interval = std::get<RaplCounter>(channel.energy).sample(now, value_of(value));
  const std::string_view doubt = interval ? describe_doubt(*interval) : std::string_view();
  if (!doubt.empty()) warn_once(domain, doubt);
}

void SensorMeter::warn_once(std::size_t domain, std::string_view doubt) {
  std::vector<std::string_view>& said = channels_[domain].said;
  if (std::find(said.begin(), said.end(), doubt) != said.end()) return;
  said.push_back(doubt);
  log::warning(fmt::format("{} ({}): {}", domains_[domain].name, domains_[domain].source, doubt));
}

void SensorMeter::sample() {
  for (std::size_t i = 0; i < channels_.size(); ++i) static_cast<void>(ask(i));
}

Result<std::int64_t> SensorMeter::read_uj(std::size_t domain) {
  SYM_CHECK(domain < channels_.size());
  auto done = sampling_.at_reading ? ask(domain) : hold(domain);
  if (!done) {
    return tl::unexpected(std::move(done).error().while_doing("read " + domains_[domain].name));
  }
  const std::lock_guard lock(mutex_);
  return std::visit([](const auto& energy) { return energy.total_uj(); }, channels_[domain].energy);
}

Result<std::int64_t> SensorMeter::read_uj_at(std::size_t domain, nanoseconds time) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t now_uj, read_uj(domain));
  const std::lock_guard lock(mutex_);
  const auto* const gauge = std::get_if<GaugeIntegral>(&channels_[domain].energy);
  return gauge == nullptr ? now_uj : gauge->total_uj_at(time);
}

Result<void> SensorMeter::ask(std::size_t domain) {
  const std::lock_guard asking(asking_);
  const Result<std::int64_t> value = channels_[domain].sensor->read();
  const std::lock_guard lock(mutex_);
  record(domain, value);
  if (value || bridges(domain, value.error())) return {};
  if (value.error().code() != ErrorCode::kNotFound) return tl::unexpected(value.error());
  return fail(ErrorCode::kUnavailable, value.error().message());
}

// A counter that is gone or denied does not come back by waiting.
bool SensorMeter::bridges(std::size_t domain, const Error& error) {
  auto* const counter = std::get_if<RaplCounter>(&channels_[domain].energy);
  const nanoseconds now = clock_.now();
  if (counter == nullptr || error.code() != ErrorCode::kUnavailable ||
      !counter->has_sample_within(kLongestGap, now)) {
    return false;
  }
  counter->hold(now);
  warn_once(domain, "could not be read for a moment; the next reading counts what it missed");
  return true;
}

// Without asking: the last power counts on, as long as it is recent.
Result<void> SensorMeter::hold(std::size_t domain) {
  const std::lock_guard lock(mutex_);
  auto* const gauge = std::get_if<GaugeIntegral>(&channels_[domain].energy);
  if (gauge == nullptr) return {};
  if (!gauge->is_current(clock_.now())) {
    return tl::unexpected(channels_[domain].failure.value_or(
        Error(ErrorCode::kUnavailable, "no reading for more than 5 sampling periods")));
  }
  gauge->hold(clock_.now());
  return {};
}

std::int64_t SensorMeter::uncertainty_uj(std::size_t domain) {
  SYM_CHECK(domain < channels_.size());
  const std::lock_guard lock(mutex_);
  return std::visit([](const auto& energy) { return energy.uncertainty_uj(); },
                    channels_[domain].energy);
}

nanoseconds SensorMeter::missing(std::size_t domain) {
  SYM_CHECK(domain < channels_.size());
  const std::lock_guard lock(mutex_);
  const auto* const gauge = std::get_if<GaugeIntegral>(&channels_[domain].energy);
  return gauge == nullptr ? nanoseconds(0) : gauge->missing();
}

std::optional<nanoseconds> SensorMeter::sampling_period() const {
  return sampler_.joinable() ? std::optional(thread_period_) : std::nullopt;
}

void SensorMeter::run(const std::stop_token& stop) {
  block_signals();
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, thread_period_, [] { return false; });
    }
    if (!stop.stop_requested()) sample();
  }
}

}  // namespace symbiont::energy
