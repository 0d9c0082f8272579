#pragma once
/// Fitting the estimator's curve to a machine that has a meter, for machines like it that have
/// none.

#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/units.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/energy/power_curve.h"

namespace symbiont::energy {

/// What was seen during a stretch of steady load, of one processor.
struct LoadSample {
  std::size_t level = 0;     ///< which step of the sweep it belongs to, from 0
  double utilisation = 0.0;  ///< reached, 0 to 1
  Watts power;
};

/// A curve through the steps of a sweep: the mean of each, averaged with its neighbours where power
/// would fall (isotonic regression by pooling adjacent violators: Ayer et al., 1955), and drawn on
/// in a straight line to utilisation 0 and 1. Its uncertainty is the largest relative distance of a
/// sample from it. kUnavailable when the sweep is none: fewer than two steps, steps that do not
/// rise, or that leave out more than 10 % at either end, because other work held the processors.
Result<PowerCurve> fit_power_curve(std::string name, std::span<const LoadSample> samples);

/// Keeps processors busy.
class LoadGenerator {
 public:
  virtual ~LoadGenerator() = default;

  /// How many processors it keeps busy: all that count.
  virtual int processors() const = 0;
  /// Occupies each of them for this part (0 to 1) of about `duration`, and returns after it. The
  /// processor time that this took.
  virtual std::chrono::nanoseconds run(double utilisation, std::chrono::nanoseconds duration) = 0;
};

/// Threads that compute and sleep in turn. Requires processors >= 1.
class BusyProcessors final : public LoadGenerator {
 public:
  explicit BusyProcessors(int processors) : processors_(processors) {}

  int processors() const override { return processors_; }
  std::chrono::nanoseconds run(double utilisation, std::chrono::nanoseconds duration) override;

 private:
  const int processors_;
};

/// The steps of a sweep.
struct Sweep {
  std::vector<double> levels = {0.0, 0.25, 0.5, 0.75, 1.0};
  int samples = 3;  ///< of each level
  std::chrono::nanoseconds sample_duration{1'000'000'000};
  std::chrono::nanoseconds settling{200'000'000};  ///< at a new level, before it is measured
  /// Called before each sample: its level, and its number from 0.
  std::function<void(double level, int sample)> on_sample = [](double, int) {};
};

/// Runs the sweep. `monitor` should be of machine scope and see nothing but the processors and what
/// goes with them. kFailedPrecondition when it speaks of a process; a reading's error.
Result<std::vector<LoadSample>> measure_load(const Monitor& monitor, LoadGenerator& load,
                                             const Sweep& sweep);

}  // namespace symbiont::energy
