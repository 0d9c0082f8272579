#pragma once
/// How much carbon a kilowatt-hour costs, where and when.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/csv.h"
#include "symbiont/base/error.h"
#include "symbiont/base/units.h"

namespace symbiont::carbon {

/// Whose emissions a figure speaks of. Kinds are never mixed in one total.
enum class IntensityKind {
  kAverage,   ///< of all generation, per kilowatt-hour
  kMarginal,  ///< of the generation that one more kilowatt-hour would start
};

/// What a figure includes. Bases are never mixed in one total.
enum class IntensityBasis {
  kDirect,     ///< combustion only
  kLifecycle,  ///< building, fuel supply and dismantling too
};

/// "average", "marginal"; "direct", "lifecycle".
std::string_view to_string(IntensityKind kind);
std::string_view to_string(IntensityBasis basis);

/// World average of 2019 (International Energy Agency): for energy whose place or time is unknown.
inline constexpr GramsPerKwh kWorldIntensity{475.0};

/// From `begin` on, the grid emits `value`.
struct IntensityPoint {
  WallTime begin;
  GramsPerKwh value;
};

/// What the numbers of a series mean and how far they reach.
struct IntensityMeaning {
  IntensityKind kind = IntensityKind::kAverage;
  IntensityBasis basis = IntensityBasis::kLifecycle;
  /// How long the last value is believed. Absent: as long as the median step between values, or one
  /// hour when there is only one.
  std::optional<std::chrono::nanoseconds> hold = std::nullopt;
  /// Values further apart than twice the median step are refused, unless no more than this: then
  /// the earlier value is held across the gap, and the source says that it was.
  std::optional<std::chrono::nanoseconds> bridge = std::nullopt;
  /// Used where the series says nothing.
  GramsPerKwh fallback = kWorldIntensity;
};

/// Carbon intensity as a step function of civil time: each value is valid from its time to the
/// next, the last one for `hold`. A value; thread-safe to read.
class IntensitySeries {
 public:
  /// What holds at one moment, and until when at least.
  struct Step {
    GramsPerKwh value;
    bool covered = false;  ///< false: the series says nothing here and `value` is the fallback
    WallTime end;          ///< later than the moment asked for
  };

  /// The same value at all times. kInvalidArgument unless 0 <= value <= 10000.
  static Result<IntensitySeries> constant(GramsPerKwh value);

  /// A step function. kInvalidArgument unless times increase strictly and values are in 0..10000.
  /// No points: the fallback, at all times. `bridge` is not looked at: given steps are meant.
  static Result<IntensitySeries> steps(std::vector<IntensityPoint> points,
                                       const IntensityMeaning& meaning, std::string source);

  /// A file with the columns
  ///   `timestamp` or `timestamp_utc`: ISO 8601, "2022-01-01T00:00:00Z" or with an offset "+01:00"
  ///       (seconds may be absent or have decimals). One without a zone is read as UTC, and unless
  ///       the column says so, the source says it was;
  ///   `intensity_g_per_kwh`, `gco2_per_kwh` or, for the lifecycle basis, `gco2_per_kwh_lca`: the
  ///       first of these that is there.
  /// Other columns are ignored. kInvalidArgument naming file, line and column, also for times that
  /// do not increase strictly and for gaps (see IntensityMeaning::bridge).
  static Result<IntensitySeries> parse_csv(const CsvTable& table,
                                           const IntensityMeaning& meaning = {});
  /// Reads a file, gzip or plain. Errors of `parse_csv`, kNotFound, kPermissionDenied.
  static Result<IntensitySeries> load_csv(const std::filesystem::path& path,
                                          const IntensityMeaning& meaning = {});

  /// The yearly average of a country, by its ISO 3166 code of two or three letters ("DE", "DEU").
  /// 40 countries; sources: Our World in Data and Ember. kInvalidArgument naming the nearest code.
  static Result<IntensitySeries> for_zone(std::string_view zone);

  /// kWorldIntensity at all times, and `is_default()`: nobody said where the energy comes from.
  static IntensitySeries world_default();

  Step at(WallTime time) const;

  IntensityKind kind() const { return kind_; }
  IntensityBasis basis() const { return basis_; }
  /// Where the numbers come from, for people.
  const std::string& source() const { return source_; }
  /// Whether the whole series stands in for one that nobody gave.
  bool is_default() const { return is_default_; }

 private:
  IntensitySeries() = default;
  static IntensitySeries forever(GramsPerKwh value, std::string source);

  IntensityKind kind_ = IntensityKind::kAverage;
  IntensityBasis basis_ = IntensityBasis::kLifecycle;
  std::vector<IntensityPoint> points_;
  WallTime end_;  // of the last value
  GramsPerKwh fallback_ = kWorldIntensity;
  std::string source_;
  bool is_default_ = false;
};

}  // namespace symbiont::carbon
