#include "symbiont/energy/estimator_meter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/config.h"

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

constexpr std::array<PowerCurve, 4> kCurves{{
    {"generic", Watts((0.74 + 0.71 + 0.78) / 3), Watts((3.5 + 4.26 + 3.76) / 3)},
    {"aws", Watts(0.74), Watts(3.5)},
    {"gcp", Watts(0.71), Watts(4.26)},
    {"azure", Watts(0.78), Watts(3.76)},
}};

Domain cpu_domain(const PowerCurve& curve, int threads) {
  Domain domain;
  domain.name = "cpu";
  domain.covers = {"process-cpu"};
  domain.source = "estimator";
  domain.provenance = Provenance::kModelled;
  domain.scope = Scope::kProcess;
  domain.max_power = threads * curve.maximum;
  domain.relative_uncertainty = kEstimatorUncertainty;
  return domain;
}

}  // namespace

std::span<const PowerCurve> power_curves() {
  return kCurves;
}

Result<PowerCurve> find_power_curve(std::string_view name) {
  if (name.empty()) return kCurves.front();
  std::vector<std::string> known;
  for (const PowerCurve& curve : kCurves) {
    if (curve.name == name) return curve;
    known.emplace_back(curve.name);
  }
  const std::string nearest = nearest_word(name, known);
  return fail(
      ErrorCode::kInvalidArgument,
      fmt::format("unknown power curve \"{}\", expected one of {}{}", name, fmt::join(known, ", "),
                  nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
}

EstimatorMeter::EstimatorMeter(const PowerCurve& curve, int threads, const Clock& clock,
                               std::unique_ptr<CpuTimeSource> cpu_time)
    : curve_(curve),
      threads_(threads),
      clock_(clock),
      domains_{cpu_domain(curve, threads)},
      cpu_time_(std::move(cpu_time)) {
  SYM_CHECK(threads >= 1);
}

void EstimatorMeter::attach(int pid) {
  const std::lock_guard lock(mutex_);
  if (attached_) advance();
  cpu_time_->follow(pid);
  if (attached_) return;
  attached_ = true;
  last_time_ = clock_.now();
  last_cpu_time_ = cpu_time_->used();
}

void EstimatorMeter::advance() {
  const nanoseconds now = clock_.now();
  const nanoseconds cpu_time = cpu_time_->used();
  const nanoseconds capacity = threads_ * (now - last_time_);
  occupied_ += now - std::exchange(last_time_, now);
  busy_ += std::min(cpu_time - std::exchange(last_cpu_time_, cpu_time), capacity);
}

Result<std::int64_t> EstimatorMeter::read_uj(std::size_t domain) {
  SYM_CHECK(domain < domains_.size());
  const std::lock_guard lock(mutex_);
  if (!attached_) return 0;
  advance();
  const Joules idle = threads_ * curve_.minimum * to_seconds(occupied_);
  const Joules active = (curve_.maximum - curve_.minimum) * to_seconds(busy_);
  return std::llround((idle + active).value() * 1e6);
}

}  // namespace symbiont::energy
