#include "symbiont/energy/estimator_meter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace symbiont::energy {
namespace {

using std::chrono::nanoseconds;

Domain cpu_domain(const PowerCurve& curve, int threads) {
  Domain domain;
  domain.name = "cpu";
  domain.covers = {"process-cpu"};
  domain.source = "estimator";
  domain.provenance = Provenance::kModelled;
  domain.scope = Scope::kProcess;
  domain.max_power = threads * curve.maximum();
  domain.relative_uncertainty = curve.uncertainty();
  return domain;
}

}  // namespace

EstimatorMeter::EstimatorMeter(PowerCurve curve, int threads, const Clock& clock,
                               std::unique_ptr<CpuTimeSource> cpu_time)
    : curve_(std::move(curve)),
      threads_(threads),
      clock_(clock),
      domains_{cpu_domain(curve_, threads)},
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
  const nanoseconds capacity = threads_ * (now - std::exchange(last_time_, now));
  const nanoseconds known = cpu_time - std::exchange(last_cpu_time_, cpu_time);
  const nanoseconds busy = std::min(known, capacity);
  if (capacity > nanoseconds(0)) {
    const double utilisation =
        static_cast<double>(busy.count()) / static_cast<double>(capacity.count());
    energy_ += curve_.at(utilisation) * to_seconds(capacity);
    unused_ += capacity - busy;
  }
  // A child's time may become known only when it is reaped: it was spent earlier then.
  const nanoseconds late = std::min(known - busy, unused_);
  energy_ += (curve_.maximum() - curve_.idle()) * to_seconds(late);
  unused_ -= late;
}

Result<std::int64_t> EstimatorMeter::read_uj(std::size_t domain) {
  SYM_CHECK(domain < domains_.size());
  const std::lock_guard lock(mutex_);
  if (!attached_) return 0;
  advance();
  return std::llround(energy_.value() * 1e6);
}

}  // namespace symbiont::energy
