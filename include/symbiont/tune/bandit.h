#pragma once
/// Gaussian Thompson sampling: draw a plausible mean cost per arm, take the lowest.
///
/// The cost of an arm is normal with unknown mean and variance; the belief about the mean is normal
/// too (Zeus, NSDI 2023, algorithms 1 and 2). Beliefs are always fitted afresh from the remembered
/// observations, never updated in place, because the variance estimate changes with each of them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "symbiont/base/units.h"
#include "symbiont/tune/draws.h"
#include "symbiont/tune/policy.h"

namespace symbiont::tune {

/// What is believed about the mean of a quantity.
struct Belief {
  double mean = 0.0;
  double variance = 0.0;  ///< 0: a point mass
};

/// Normal posterior of a mean, with the population variance of `observations` as known variance:
/// precision = prior + n/s^2. Equal observations give a point mass at their mean. A flat prior has
/// precision 0. Requires at least one observation.
Belief posterior(std::span<const double> observations, double prior_mean = 0.0,
                 double prior_precision = 0.0);

/// The outcome of one draw per arm.
struct Sampled {
  std::size_t chosen = 0;     ///< index of the lowest cost; the first of equals
  std::vector<double> costs;  ///< as drawn
};

/// Takes one normal variate per belief, in order, point masses included. A variate z moves the
/// *reward* (minus the cost) up by z deviations, as published; so it moves the cost down. Requires
/// at least one belief.
Sampled sample_cheapest(std::span<const Belief> beliefs, Draws& draws);

/// What a job has seen so far, as far as its window remembers.
class CostHistory {
 public:
  struct Entry {
    std::int64_t batch_size = 0;
    Joules cost;
  };

  /// `window` 0 remembers everything.
  CostHistory(std::int64_t window, WindowScope scope) : window_(window), scope_(scope) {}

  void add(std::int64_t batch_size, Joules cost);
  /// Remembered costs of one batch size, oldest first, in joules.
  std::vector<double> costs_of(std::int64_t batch_size) const;
  std::span<const Entry> entries() const { return entries_; }

 private:
  std::int64_t window_;
  WindowScope scope_;
  std::vector<Entry> entries_;  // oldest first
};

}  // namespace symbiont::tune
