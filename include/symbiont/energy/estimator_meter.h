#pragma once
/// Energy of a process tree from its processor time, for machines without a meter.
///
/// Power is linear in utilisation, per virtual processor (Cloud Carbon Footprint, "Methodology:
/// Energy Estimate (Watt-Hours)"): P = threads * (minimum + (maximum - minimum) * u). So over an
/// interval: E = threads * minimum * dt + (maximum - minimum) * min(cpu time, threads * dt).
/// Memory, storage, network and accelerators are not in it.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/energy/cpu_time.h"
#include "symbiont/energy/meter.h"

namespace symbiont::energy {

/// Power of one virtual processor, idle and fully used.
struct PowerCurve {
  std::string_view name;
  Watts minimum;
  Watts maximum;
};

/// Half-width of the estimate as a fraction. A line over the rated power missed the measured power
/// of two servers it was not fitted to (EPYC 8024P, Xeon E5-2620 v3; load sweeps published by
/// mlco2/codecarbon) by 26 to 41 % on average: no fixed curve is good to better than this.
inline constexpr double kEstimatorUncertainty = 0.40;

/// "generic" (the mean of the clouds), "aws", "gcp", "azure": the average coefficients that Cloud
/// Carbon Footprint publishes for each cloud.
std::span<const PowerCurve> power_curves();

/// The curve of that name; "generic" when it is empty. kInvalidArgument naming the nearest.
Result<PowerCurve> find_power_curve(std::string_view name);

/// The estimator: one domain, "cpu", modelled, process scope. Thread-safe.
class EstimatorMeter final : public Meter {
 public:
  /// Requires threads >= 1. `clock` must outlive the meter.
  EstimatorMeter(const PowerCurve& curve, int threads, const Clock& clock,
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
  std::chrono::nanoseconds occupied_{0};  // wall time of one processor since attached
  std::chrono::nanoseconds busy_{0};      // processor time, at most `threads_` at once
};

}  // namespace symbiont::energy
