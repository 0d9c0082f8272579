#pragma once
/// Power of a processor over how busy it is.

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbiont/base/csv.h"
#include "symbiont/base/error.h"
#include "symbiont/base/units.h"

namespace symbiont::energy {

/// Half-width of an estimate by a curve that was fitted to no machine in particular, as a fraction.
/// A line over the rated power missed the measured power of two servers (EPYC 8024P, Xeon E5-2620
/// v3; load sweeps published by mlco2/codecarbon) by 26 to 41 % on average: no fixed curve is good
/// to better than this.
inline constexpr double kEstimatorUncertainty = 0.40;

/// Watts of one virtual processor as a function of its utilisation: straight lines between points.
/// A value.
class PowerCurve {
 public:
  struct Point {
    double utilisation = 0.0;  ///< 0: idle, 1: always busy
    Watts power;

    friend bool operator==(const Point&, const Point&) = default;
  };

  /// At least two points, from utilisation 0 to 1, utilisation rising strictly, power never
  /// falling, at most 10 kW and above 0 somewhere; 0 <= uncertainty <= 10. kInvalidArgument
  /// otherwise.
  static Result<PowerCurve> through(std::string name, std::vector<Point> points,
                                    double uncertainty = kEstimatorUncertainty);

  /// A file with the columns `utilisation` (0 to 1) and `watts` (of one processor), and if it has
  /// it `uncertainty` (a fraction, its largest counts; without it, kEstimatorUncertainty). The
  /// conditions of `through`; kInvalidArgument names file, line and column.
  static Result<PowerCurve> parse(const CsvTable& table);
  /// Reads a file. As `parse`; kNotFound, kPermissionDenied.
  static Result<PowerCurve> load(const std::filesystem::path& path);

  const std::string& name() const { return name_; }
  std::span<const Point> points() const { return points_; }
  Watts idle() const { return points_.front().power; }
  Watts maximum() const { return points_.back().power; }
  double uncertainty() const { return uncertainty_; }

  /// Requires a number; below 0 is as 0, above 1 as 1.
  Watts at(double utilisation) const;

 private:
  PowerCurve(std::string name, std::vector<Point> points, double uncertainty)
      : name_(std::move(name)), points_(std::move(points)), uncertainty_(uncertainty) {}

  std::string name_;
  std::vector<Point> points_;
  double uncertainty_;
};

/// The curves that come along: "generic" (the mean of the clouds), "aws", "gcp", "azure". Lines
/// through the average coefficients that Cloud Carbon Footprint publishes for each cloud
/// ("Methodology: Energy Estimate (Watt-Hours)").
std::span<const std::string_view> power_curve_names();

/// The curve of that name, "generic" when it is empty; "csv:FILE" loads a file. kInvalidArgument,
/// for an unknown name naming the nearest; for a file that cannot be read its error.
Result<PowerCurve> find_power_curve(std::string_view name);

/// "csv:FILE" with the relative path put below `folder`; any other name as it is.
std::string resolve_curve_path(std::string_view name, const std::filesystem::path& folder);

}  // namespace symbiont::energy
