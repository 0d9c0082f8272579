#include "symbiont/carbon/intensity.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "carbon/country_table.h"
#include "carbon/timestamp.h"
#include "symbiont/base/config.h"

namespace symbiont::carbon {
namespace {

using std::chrono::nanoseconds;

// Lignite emits some 1200 g/kWh. Far above it, the unit is wrong.
constexpr double kMaxIntensity = 10'000.0;
constexpr std::chrono::hours kSingleValueHold{1};
constexpr int kLargestStepOverMedian = 2;

bool is_intensity(double value) {
  return std::isfinite(value) && value >= 0.0 && value <= kMaxIntensity;
}

// The lower of two middle ones; nothing when there are fewer than two points.
std::optional<nanoseconds> median_step(const std::vector<IntensityPoint>& points) {
  std::vector<nanoseconds> steps;
  for (std::size_t i = 1; i < points.size(); ++i) {
    steps.push_back(points[i].begin - points[i - 1].begin);
  }
  if (steps.empty()) return std::nullopt;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>((steps.size() - 1) / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

// Requires duration >= 0.
WallTime saturating_add(WallTime time, nanoseconds duration) {
  return time > WallTime::max() - duration ? WallTime::max() : time + duration;
}

struct Columns {
  std::size_t time = 0;
  std::size_t value = 0;
  bool utc_by_name = false;
};

Result<Columns> find_columns(const CsvTable& table, IntensityBasis basis) {
  Columns columns;
  columns.utc_by_name = table.has_column("timestamp_utc");
  SYM_ASSIGN_OR_RETURN(columns.time,
                       table.column(columns.utc_by_name ? "timestamp_utc" : "timestamp"));
  for (const std::string_view name : {"intensity_g_per_kwh", "gco2_per_kwh", "gco2_per_kwh_lca"}) {
    if (name == "gco2_per_kwh_lca" && basis != IntensityBasis::kLifecycle) continue;
    if (!table.has_column(name)) continue;
    SYM_ASSIGN_OR_RETURN(columns.value, table.column(name));
    return columns;
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: no column of {} carbon intensity, expected intensity_g_per_kwh, "
                          "gco2_per_kwh{}; found {}",
                          table.source(), to_string(basis),
                          basis == IntensityBasis::kLifecycle ? " or gco2_per_kwh_lca" : "",
                          fmt::join(table.header(), ", ")));
}

/// The rows of a file, and whether one of them was silent about its zone.
struct Rows {
  std::vector<IntensityPoint> points;
  bool zone_assumed = false;
};

Result<IntensityPoint> parse_row(const CsvTable& table, std::size_t row, const Columns& columns,
                                 bool& zone_assumed) {
  const auto timestamp = parse_timestamp(table.text(row, columns.time));
  if (!timestamp) {
    return tl::unexpected(
        table.error_at(row, columns.time,
                       fmt::format("found \"{}\", expected a time such as 2022-01-01T00:00:00Z",
                                   table.text(row, columns.time))));
  }
  SYM_ASSIGN_OR_RETURN(const double value, table.number(row, columns.value));
  if (!is_intensity(value)) {
    return tl::unexpected(table.error_at(
        row, columns.value,
        fmt::format("found {}, expected grams per kilowatt-hour, 0 to {}", value, kMaxIntensity)));
  }
  zone_assumed = zone_assumed || (!timestamp->has_zone && !columns.utc_by_name);
  return IntensityPoint{timestamp->time, GramsPerKwh(value)};
}

Result<Rows> parse_rows(const CsvTable& table, const Columns& columns) {
  Rows rows;
  rows.points.reserve(table.rows());
  for (std::size_t i = 0; i < table.rows(); ++i) {
    SYM_ASSIGN_OR_RETURN(const IntensityPoint point,
                         parse_row(table, i, columns, rows.zone_assumed));
    if (!rows.points.empty() && point.begin <= rows.points.back().begin) {
      return tl::unexpected(
          table.error_at(i, columns.time,
                         fmt::format("found \"{}\", expected a time after that of the row before",
                                     table.text(i, columns.time))));
    }
    rows.points.push_back(point);
  }
  return rows;
}

// How many gaps were bridged, or which one may not be.
Result<int> check_gaps(const CsvTable& table, const Columns& columns,
                       const std::vector<IntensityPoint>& points,
                       const std::optional<nanoseconds>& bridge) {
  int bridged = 0;
  const nanoseconds longest = kLargestStepOverMedian * median_step(points).value_or(nanoseconds(0));
  for (std::size_t i = 1; i < points.size(); ++i) {
    const nanoseconds step = points[i].begin - points[i - 1].begin;
    if (step <= longest) continue;
    if (bridge && step <= *bridge) {
      ++bridged;
      continue;
    }
    return tl::unexpected(table.error_at(
        i, columns.time,
        fmt::format("{:.0f} s after the row before, expected at most {:.0f} s (twice the median "
                    "step{})",
                    to_seconds(step).value(),
                    to_seconds(std::max(longest, bridge.value_or(longest))).value(),
                    bridge ? ", or what may be bridged" : "")));
  }
  return bridged;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

// The code of the country whose code or name looks most like `zone`, or nothing.
std::string nearest_zone(const std::string& zone) {
  std::vector<std::string> words;
  for (const Country& country : kCountries) {
    words.emplace_back(country.alpha3);
    words.push_back(upper_case(country.name));
  }
  const std::string nearest = nearest_word(zone, words);
  for (const Country& country : kCountries) {
    if (nearest == country.alpha3 || nearest == upper_case(country.name) ||
        zone.starts_with(std::string(country.alpha2) + "-")) {
      return std::string(country.alpha2);
    }
  }
  return "";
}

}  // namespace

std::string_view to_string(IntensityKind kind) {
  return kind == IntensityKind::kAverage ? "average" : "marginal";
}

std::string_view to_string(IntensityBasis basis) {
  return basis == IntensityBasis::kDirect ? "direct" : "lifecycle";
}

IntensitySeries IntensitySeries::forever(GramsPerKwh value, std::string source) {
  IntensitySeries series;
  series.points_ = {{WallTime::min(), value}};
  series.end_ = WallTime::max();
  series.source_ = std::move(source);
  return series;
}

Result<IntensitySeries> IntensitySeries::constant(GramsPerKwh value) {
  if (!is_intensity(value.value())) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("found a carbon intensity of {}, expected grams per kilowatt-hour, 0 "
                            "to {}",
                            value.value(), kMaxIntensity));
  }
  return forever(value, fmt::format("constant {} g/kWh", value.value()));
}

Result<IntensitySeries> IntensitySeries::steps(std::vector<IntensityPoint> points,
                                               const IntensityMeaning& meaning,
                                               std::string source) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!is_intensity(points[i].value.value())) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: point {}: found {} g/kWh, expected 0 to {}", source, i + 1,
                              points[i].value.value(), kMaxIntensity));
    }
    if (i > 0 && points[i].begin <= points[i - 1].begin) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: point {} is not later than the one before", source, i + 1));
    }
  }
  IntensitySeries series;
  series.kind_ = meaning.kind;
  series.basis_ = meaning.basis;
  series.fallback_ = meaning.fallback;
  series.source_ = std::move(source);
  if (!points.empty()) {
    const nanoseconds usual = median_step(points).value_or(kSingleValueHold);
    series.end_ =
        saturating_add(points.back().begin, std::max(meaning.hold.value_or(usual), nanoseconds(0)));
  }
  series.points_ = std::move(points);
  return series;
}

Result<IntensitySeries> IntensitySeries::parse_csv(const CsvTable& table,
                                                   const IntensityMeaning& meaning) {
  SYM_ASSIGN_OR_RETURN(const Columns columns, find_columns(table, meaning.basis));
  SYM_ASSIGN_OR_RETURN(Rows rows, parse_rows(table, columns));
  if (rows.points.empty()) {
    return fail(ErrorCode::kInvalidArgument, table.source() + ": no rows below the header");
  }
  SYM_ASSIGN_OR_RETURN(const int bridged, check_gaps(table, columns, rows.points, meaning.bridge));
  std::string source = table.source();
  if (rows.zone_assumed) source += ", times without a zone read as UTC";
  if (bridged > 0) source += fmt::format(", {} gaps bridged", bridged);
  return steps(std::move(rows.points), meaning, std::move(source));
}

Result<IntensitySeries> IntensitySeries::load_csv(const std::filesystem::path& path,
                                                  const IntensityMeaning& meaning) {
  SYM_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::load(path));
  return parse_csv(table, meaning);
}

Result<IntensitySeries> IntensitySeries::for_zone(std::string_view zone) {
  const std::string code = upper_case(zone);
  for (const Country& country : kCountries) {
    if (code != country.alpha2 && code != country.alpha3) continue;
    return forever(GramsPerKwh(country.intensity_g_per_kwh),
                   fmt::format("{}, yearly average {} (Our World in Data, Ember)", country.name,
                               country.year));
  }
  const std::string nearest = nearest_zone(code);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("unknown zone \"{}\", expected the ISO 3166 code of one of {} countries, "
                          "such as DE or DEU{}; for other places give a file or a value",
                          zone, kCountries.size(),
                          nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
}

IntensitySeries IntensitySeries::world_default() {
  IntensitySeries series;
  series.source_ = "default: world average 2019 (IEA)";
  series.is_default_ = true;
  return series;
}

IntensitySeries::Step IntensitySeries::at(WallTime time) const {
  const auto next = std::upper_bound(
      points_.begin(), points_.end(), time,
      [](WallTime moment, const IntensityPoint& point) { return moment < point.begin; });
  const WallTime next_begin = next == points_.end() ? WallTime::max() : next->begin;
  if (next == points_.begin()) return {fallback_, false, next_begin};
  if (next == points_.end() && time >= end_) return {fallback_, false, WallTime::max()};
  return {std::prev(next)->value, true, next == points_.end() ? end_ : next_begin};
}

}  // namespace symbiont::carbon
