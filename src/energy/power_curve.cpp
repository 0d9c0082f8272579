#include "symbiont/energy/power_curve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/config.h"

namespace symbiont::energy {
namespace {

constexpr std::string_view kFilePrefix = "csv:";
constexpr Watts kMostPower{10'000.0};
constexpr double kMostUncertainty = 10.0;
constexpr std::size_t kMostPoints = 10'000;

struct Cloud {
  std::string_view name;
  Watts idle;
  Watts maximum;
};

constexpr std::array<Cloud, 4> kClouds{{
    {"generic", Watts((0.74 + 0.71 + 0.78) / 3), Watts((3.5 + 4.26 + 3.76) / 3)},
    {"aws", Watts(0.74), Watts(3.5)},
    {"gcp", Watts(0.71), Watts(4.26)},
    {"azure", Watts(0.78), Watts(3.76)},
}};

constexpr std::array<std::string_view, 4> kNames{kClouds[0].name, kClouds[1].name, kClouds[2].name,
                                                 kClouds[3].name};

/// What is wrong with a point of a curve and where.
struct Flaw {
  std::size_t point = 0;
  bool in_power = false;  // else in the utilisation
  std::string what;
};

std::optional<Flaw> flaw_of_utilisation(std::span<const PowerCurve::Point> points, std::size_t i) {
  const double found = points[i].utilisation;
  if (i == 0 && found != 0.0) return Flaw{i, false, fmt::format("found {}, expected 0", found)};
  if (i > 0 && !(found > points[i - 1].utilisation)) {
    return Flaw{i, false,
                fmt::format("found {}, expected more than the {} before it", found,
                            points[i - 1].utilisation)};
  }
  if (i + 1 == points.size() && found != 1.0) {
    return Flaw{i, false, fmt::format("found {}, expected 1 at the end", found)};
  }
  return std::nullopt;
}

std::optional<Flaw> flaw_of_power(std::span<const PowerCurve::Point> points, std::size_t i) {
  const Watts found = points[i].power;
  if (!(found >= Watts() && found <= kMostPower)) {
    return Flaw{i, true,
                fmt::format("found {}, expected 0 to {}", found.value(), kMostPower.value())};
  }
  if (i > 0 && found < points[i - 1].power) {
    return Flaw{i, true,
                fmt::format("found {}, expected no less than the {} before it", found.value(),
                            points[i - 1].power.value())};
  }
  if (i + 1 == points.size() && found == Watts()) {
    return Flaw{i, true, "found 0, expected above 0 when fully used"};
  }
  return std::nullopt;
}

std::optional<Flaw> flaw_of(std::span<const PowerCurve::Point> points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (auto flaw = flaw_of_utilisation(points, i)) return flaw;
    if (auto flaw = flaw_of_power(points, i)) return flaw;
  }
  return std::nullopt;
}

Result<double> read_uncertainty(const CsvTable& table) {
  if (!table.has_column("uncertainty")) return kEstimatorUncertainty;
  SYM_ASSIGN_OR_RETURN(const std::size_t column, table.column("uncertainty"));
  double largest = 0.0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    SYM_ASSIGN_OR_RETURN(const double found, table.number(row, column));
    if (found < 0.0 || found > kMostUncertainty) {
      return tl::unexpected(table.error_at(
          row, column, fmt::format("found {}, expected 0 to {}", found, kMostUncertainty)));
    }
    largest = std::max(largest, found);
  }
  return largest;
}

Result<void> check_size(std::string_view source, std::size_t points) {
  if (points >= 2 && points <= kMostPoints) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: found {} point{}, expected 2 to {}", source, points,
                          points == 1 ? "" : "s", kMostPoints));
}

}  // namespace

Result<PowerCurve> PowerCurve::through(std::string name, std::vector<Point> points,
                                       double uncertainty) {
  SYM_RETURN_IF_ERROR(check_size(name, points.size()));
  if (!(uncertainty >= 0.0 && uncertainty <= kMostUncertainty)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: uncertainty: found {}, expected 0 to {}", name, uncertainty,
                            kMostUncertainty));
  }
  if (const auto flaw = flaw_of(points)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: point {}: {}: {}", name, flaw->point + 1,
                            flaw->in_power ? "watts" : "utilisation", flaw->what));
  }
  return PowerCurve(std::move(name), std::move(points), uncertainty);
}

Result<PowerCurve> PowerCurve::parse(const CsvTable& table) {
  SYM_ASSIGN_OR_RETURN(const std::size_t utilisation, table.column("utilisation"));
  SYM_ASSIGN_OR_RETURN(const std::size_t watts, table.column("watts"));
  SYM_RETURN_IF_ERROR(check_size(table.source(), table.rows()));
  std::vector<Point> points;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    SYM_ASSIGN_OR_RETURN(const double at, table.number(row, utilisation));
    SYM_ASSIGN_OR_RETURN(const double power, table.number(row, watts));
    points.push_back({at, Watts(power)});
  }
  if (const auto flaw = flaw_of(points)) {
    return tl::unexpected(
        table.error_at(flaw->point, flaw->in_power ? watts : utilisation, flaw->what));
  }
  SYM_ASSIGN_OR_RETURN(const double uncertainty, read_uncertainty(table));
  return PowerCurve(std::string(kFilePrefix) + table.source(), std::move(points), uncertainty);
}

Result<PowerCurve> PowerCurve::load(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::load(path));
  return parse(table);
}

Watts PowerCurve::at(double utilisation) const {
  const auto above = std::find_if(points_.begin(), points_.end(), [&](const Point& point) {
    return point.utilisation >= utilisation;
  });
  if (above == points_.begin()) return idle();
  if (above == points_.end()) return maximum();
  const Point& low = *(above - 1);
  const double share = (utilisation - low.utilisation) / (above->utilisation - low.utilisation);
  return low.power + share * (above->power - low.power);
}

std::span<const std::string_view> power_curve_names() {
  return kNames;
}

Result<PowerCurve> find_power_curve(std::string_view name) {
  if (name.empty()) name = kNames.front();
  if (name.starts_with(kFilePrefix)) return PowerCurve::load(name.substr(kFilePrefix.size()));
  for (const Cloud& cloud : kClouds) {
    if (cloud.name != name) continue;
    return PowerCurve::through(std::string(name), {{0.0, cloud.idle}, {1.0, cloud.maximum}});
  }
  std::vector<std::string> known(kNames.begin(), kNames.end());
  const std::string nearest = nearest_word(name, known);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("unknown power curve \"{}\", expected one of {}, csv:FILE{}", name,
                          fmt::join(known, ", "),
                          nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
}

std::string resolve_curve_path(std::string_view name, const std::filesystem::path& folder) {
  if (!name.starts_with(kFilePrefix)) return std::string(name);
  return std::string(kFilePrefix) + (folder / name.substr(kFilePrefix.size())).string();
}

}  // namespace symbiont::energy
