#pragma once
/// Each plot as a picture. Nothing is computed here that a reader would take for a result.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "report/draw/svg.h"
#include "symbiont/report/plots.h"

namespace symbiont::report {

inline constexpr double kFullWidth = 1060.0;
inline constexpr double kHalfWidth = 520.0;

/// Which mark stands for which batch size, the same in every plot.
class MarkKey {
 public:
  MarkKey(std::vector<std::int64_t> batch_sizes, std::int64_t default_size)
      : sizes_(std::move(batch_sizes)), default_size_(default_size) {}

  Mark of(std::int64_t batch_size) const;
  std::span<const std::int64_t> sizes() const { return sizes_; }
  std::int64_t default_size() const { return default_size_; }
  /// Legend entries of those sizes, in ascending order.
  std::vector<LegendEntry> entries(std::span<const std::int64_t> used) const;

 private:
  std::vector<std::int64_t> sizes_;  // ascending
  std::int64_t default_size_;
};

std::string draw(const CostPlot& plot, const MarkKey& key);
std::string draw(const TimeEnergyPlot& plot, const MarkKey& key);
std::string draw(const MetricPlot& plot, const MarkKey& key);
std::string draw(const SpendingPlot& plot);
std::string draw(const BeliefPlot& plot, const MarkKey& key);
std::string draw(const IntensityPlot& plot);

}  // namespace symbiont::report
