#include "symbiont/tune/bandit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "symbiont/base/error.h"

namespace symbiont::tune {

Belief posterior(std::span<const double> observations, double prior_mean, double prior_precision) {
  SYM_CHECK(!observations.empty());
  const double n = static_cast<double>(observations.size());
  const double sum = std::accumulate(observations.begin(), observations.end(), 0.0);
  const double mean = sum / n;
  double squares = 0.0;
  for (const double value : observations) {
    squares += (value - mean) * (value - mean);
  }
  const double variance = squares / n;
  if (variance == 0.0) {
    return {mean, 0.0};
  }
  const double precision = prior_precision + n / variance;
  return {(prior_precision * prior_mean + sum / variance) / precision, 1.0 / precision};
}

Sampled sample_cheapest(std::span<const Belief> beliefs, Draws& draws) {
  SYM_CHECK(!beliefs.empty());
  Sampled sampled;
  sampled.costs.reserve(beliefs.size());
  for (const Belief& belief : beliefs) {
    sampled.costs.push_back(belief.mean - std::sqrt(belief.variance) * draws.normal());
  }
  const auto lowest = std::min_element(sampled.costs.begin(), sampled.costs.end());
  sampled.chosen = static_cast<std::size_t>(lowest - sampled.costs.begin());
  return sampled;
}

void CostHistory::add(std::int64_t batch_size, Joules cost) {
  entries_.push_back({batch_size, cost});
  if (window_ == 0) {
    return;
  }
  const auto counts = [&](const Entry& entry) {
    return scope_ == WindowScope::kGlobal || entry.batch_size == batch_size;
  };
  if (std::count_if(entries_.begin(), entries_.end(), counts) > window_) {
    entries_.erase(std::find_if(entries_.begin(), entries_.end(), counts));
  }
}

std::vector<double> CostHistory::costs_of(std::int64_t batch_size) const {
  std::vector<double> costs;
  for (const Entry& entry : entries_) {
    if (entry.batch_size == batch_size) {
      costs.push_back(entry.cost.value());
    }
  }
  return costs;
}

}  // namespace symbiont::tune
