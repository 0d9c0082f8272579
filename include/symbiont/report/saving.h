#pragma once
/// What a run saved against the default configuration, with how sure that is.

#include <optional>
#include <span>
#include <utility>

namespace symbiont::report {

/// A 95 % interval, low first.
using Interval = std::pair<double, double>;

/// A fraction: 0.4 is 40 % less than the default, negative is worse. Nothing when it cannot be
/// said.
struct Saving {
  std::optional<double> fraction;
  std::optional<Interval> ci95;  ///< none below two baseline runs
};

/// Steady state: 1 - mean(recent)/mean(baseline). The interval is the delta method's for a ratio of
/// two independent means with Welch-Satterthwaite degrees of freedom, rounded down.
Saving steady_saving(std::span<const double> recent, std::span<const double> baseline);

/// The whole run, exploration included, against as many defaults: 1 - sum(all)/(n mean(baseline)).
/// What was paid is known; the interval is that of the baseline's mean (Student's t, n-1 degrees).
Saving total_saving(std::span<const double> all, std::span<const double> baseline);

/// Two-sided 95 % quantile of Student's t. Tabulated for whole degrees of freedom up to 30, then
/// 40, 60 and 120; between them the next lower row is taken, which widens the interval.
double student_t_975(double degrees_of_freedom);

double mean(std::span<const double> values);
/// Sample standard deviation (n-1); nothing below two values.
std::optional<double> standard_deviation(std::span<const double> values);

}  // namespace symbiont::report
