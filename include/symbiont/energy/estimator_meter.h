#pragma once
/// Energy of a process tree from its processor time, for machines without a meter.
///
/// Over the interval between two readings, with u = min(cpu time / (threads * dt), 1):
///   E = threads * curve(u) * dt
/// For a curve that is one straight line it does not matter how often it is read; for others, u is
/// the mean of the interval. Processor time that becomes known late is charged as far as earlier
/// intervals have room for it, at the curve's mean slope. Memory, storage, network and accelerators
/// are not in it.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/energy/cpu_time.h"
#include "symbiont/energy/meter.h"
#include "symbiont/energy/power_curve.h"

namespace symbiont::energy {

/// The estimator: one domain, "cpu", modelled, process scope. Thread-safe.
class EstimatorMeter final : public Meter {
 public:
  /// Requires threads >= 1. `clock` must outlive the meter.
  EstimatorMeter(PowerCurve curve, int threads, const Clock& clock,
                 std::unique_ptr<CpuTimeSource> cpu_time);

  /// Which process tree is meant from now on. Nothing is counted before the first call; the idle
  /// part is counted from then on, whether or not the process still lives.
  void attach(int pid) override;

  std::span<const Domain> domains() const override { return domains_; }
  std::span<const Unavailable> unavailable() const override { return {}; }
  /// Never fails.
  Result<std::int64_t> read_uj(std::size_t domain) override;

 private:
  void advance();

  const PowerCurve curve_;
  const int threads_;
  const Clock& clock_;
  const std::vector<Domain> domains_;

  std::mutex mutex_;  // guards all below
  std::unique_ptr<CpuTimeSource> cpu_time_;
  bool attached_ = false;
  std::chrono::nanoseconds last_time_{0};
  std::chrono::nanoseconds last_cpu_time_{0};
  std::chrono::nanoseconds unused_{0};  // capacity that nothing is known to have used
  Joules energy_;
};

}  // namespace symbiont::energy
