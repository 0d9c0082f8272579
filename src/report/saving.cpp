#include "symbiont/report/saving.h"

#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace symbiont::report {
namespace {

/// Quantiles 0.975 of Student's t for 1 to 30 degrees of freedom (any statistics handbook).
constexpr std::array kStudentT = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                  2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                  2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                  2.060,  2.056, 2.052, 2.048, 2.045, 2.042};

/// Squared standard error of a mean.
double squared_error(std::span<const double> values) {
  const auto deviation = standard_deviation(values);
  return deviation ? *deviation * *deviation / static_cast<double>(values.size()) : 0.0;
}

}  // namespace

double student_t_975(double degrees_of_freedom) {
  if (degrees_of_freedom >= 120) return 1.980;
  if (degrees_of_freedom >= 60) return 2.000;
  if (degrees_of_freedom >= 40) return 2.021;
  const double row = std::min(std::max(std::floor(degrees_of_freedom), 1.0), 30.0);
  return kStudentT[static_cast<std::size_t>(row) - 1];
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::optional<double> standard_deviation(std::span<const double> values) {
  if (values.size() < 2) {
    return std::nullopt;
  }
  const double center = mean(values);
  double squares = 0.0;
  for (const double value : values) {
    squares += (value - center) * (value - center);
  }
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

Saving steady_saving(std::span<const double> recent, std::span<const double> baseline) {
  if (recent.empty() || baseline.empty() || mean(baseline) <= 0.0) {
    return {};
  }
  const double ratio = mean(recent) / mean(baseline);
  Saving saving{1.0 - ratio, std::nullopt};
  if (baseline.size() < 2 || recent.size() < 2 || mean(recent) <= 0.0) {
    return saving;
  }
  // Both terms as fractions of their means: var(ratio) = ratio^2 (u + v).
  const double u = squared_error(recent) / (mean(recent) * mean(recent));
  const double v = squared_error(baseline) / (mean(baseline) * mean(baseline));
  if (u + v == 0.0) {
    saving.ci95 = Interval{1.0 - ratio, 1.0 - ratio};
    return saving;
  }
  const double degrees = (u + v) * (u + v) /
                         (u * u / static_cast<double>(recent.size() - 1) +
                          v * v / static_cast<double>(baseline.size() - 1));
  const double half_width = student_t_975(degrees) * std::abs(ratio) * std::sqrt(u + v);
  saving.ci95 = Interval{1.0 - ratio - half_width, 1.0 - ratio + half_width};
  return saving;
}

Saving total_saving(std::span<const double> all, std::span<const double> baseline) {
  if (all.empty() || baseline.empty() || mean(baseline) <= 0.0) {
    return {};
  }
  const double ratio = mean(all) / mean(baseline);
  Saving saving{1.0 - ratio, std::nullopt};
  if (baseline.size() < 2) {
    return saving;
  }
  const double relative_error = std::sqrt(squared_error(baseline)) / mean(baseline);
  const double half_width =
      student_t_975(static_cast<double>(baseline.size() - 1)) * ratio * relative_error;
  saving.ci95 = Interval{1.0 - ratio - half_width, 1.0 - ratio + half_width};
  return saving;
}

}  // namespace symbiont::report
