#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "report/draw/draw.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr double kHeight = 400.0;
constexpr double kWideRange = 8.0;  ///< from this ratio on the axes are logarithmic

struct Range {
  double least = 0.0;
  double most = 0.0;
};

Range range_of(const std::vector<TimeEnergy>& points, double TimeEnergy::*quantity) {
  Range range{points.front().*quantity, points.front().*quantity};
  for (const TimeEnergy& point : points) {
    range.least = std::min(range.least, point.*quantity);
    range.most = std::max(range.most, point.*quantity);
  }
  return range;
}

Axis axis_of(const Range& range, bool logarithmic, double start, double end, std::string_view what,
             std::string_view unit) {
  return logarithmic ? logarithmic_axis(range.least, range.most, start, end, what, unit)
                     : linear_axis(0.0, range.most * 1.04, start, end, what, unit, 6);
}

std::string describe(const TimeEnergy& point) {
  return fmt::format(
      "batch size {}: {}, {}{}", point.batch_size, duration(point.time_s),
      with_prefix(point.energy_j, "J"),
      point.attempts > 1 ? fmt::format(", mean of {} attempts", point.attempts) : "");
}

bool overlap(const Box& a, const Box& b) {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/// Puts labels beside their marks where nothing else stands; one that finds no room is left out,
/// for the legend names its mark too.
class Labels {
 public:
  explicit Labels(const Box& box) : box_(box) {}

  /// Never written over.
  void keep_free(Point at) { taken_.push_back({at.x - 5.0, at.y - 5.0, at.x + 5.0, at.y + 5.0}); }
  /// Written over where there is no other room.
  void rather_not(Point at) { busy_.push_back({at.x - 3.5, at.y - 3.5, at.x + 3.5, at.y + 3.5}); }

  void place(Svg& svg, Point at, const std::string& label) {
    const double width = text_width(label);
    const std::array places = {Box{at.x + 8.0, at.y - 7.0, at.x + 8.0 + width, at.y + 6.0},
                               Box{at.x - 8.0 - width, at.y - 7.0, at.x - 8.0, at.y + 6.0},
                               Box{at.x - width / 2.0, at.y - 20.0, at.x + width / 2.0, at.y - 7.0},
                               Box{at.x - width / 2.0, at.y + 7.0, at.x + width / 2.0, at.y + 20.0},
                               Box{at.x + 6.0, at.y - 19.0, at.x + 6.0 + width, at.y - 6.0},
                               Box{at.x - 6.0 - width, at.y + 6.0, at.x - 6.0, at.y + 19.0}};
    auto found = std::find_if(places.begin(), places.end(), [&](const Box& place) {
      return is_free(place) && !overlaps_any(place, busy_);
    });
    if (found == places.end()) {
      found = std::find_if(places.begin(), places.end(),
                           [&](const Box& place) { return is_free(place); });
    }
    if (found != places.end()) {
      svg.text({(found->left + found->right) / 2.0, found->bottom - 2.5}, label, Anchor::kMiddle,
               "name");
      taken_.push_back(*found);
    }
  }

 private:
  bool is_free(const Box& place) const {
    const bool inside = place.left >= box_.left && place.right <= box_.right &&
                        place.top >= box_.top && place.bottom <= box_.bottom;
    return inside && !overlaps_any(place, taken_);
  }
  static bool overlaps_any(const Box& place, const std::vector<Box>& others) {
    return std::any_of(others.begin(), others.end(),
                       [&](const Box& other) { return overlap(place, other); });
  }

  Box box_;
  std::vector<Box> taken_;
  std::vector<Box> busy_;
};

/// Every point above and to the right of this staircase costs more than one on it.
void draw_front(Svg& svg, const Box& box, const Axis& x, const Axis& y,
                const std::vector<TimeEnergy>& front) {
  std::vector<Point> path = {{x.scale(front.front().time_s), box.top}};
  for (const TimeEnergy& point : front) {
    path.push_back({x.scale(point.time_s), path.back().y});
    path.push_back({x.scale(point.time_s), y.scale(point.energy_j)});
  }
  path.push_back({box.right, path.back().y});
  svg.polyline(path, "front");
}

}  // namespace

std::string draw(const TimeEnergyPlot& plot, const MarkKey& key) {
  Svg svg(kHalfWidth, kHeight, plot.text.caption);
  std::vector<std::int64_t> used;
  for (const TimeEnergy& mean : plot.means) {
    used.push_back(mean.batch_size);
  }
  const double legend = draw_legend(svg, 58.0, 0.0, kHalfWidth, key.entries(used));
  const Box box{58.0, legend + 8.0, kHalfWidth - 14.0, kHeight - 42.0};
  const Range time = range_of(plot.attempts, &TimeEnergy::time_s);
  const Range energy = range_of(plot.attempts, &TimeEnergy::energy_j);
  const bool wide = time.most > kWideRange * time.least || energy.most > kWideRange * energy.least;
  const Axis x = axis_of(time, wide, box.left, box.right, "time to target", "s");
  const Axis y = axis_of(energy, wide, box.bottom, box.top, "energy to target", "J");
  draw_x_axis(svg, box, x);
  draw_y_axis(svg, box, y);
  draw_front(svg, box, x, y, plot.front);
  Labels labels(box);
  for (const TimeEnergy& attempt : plot.attempts) {
    Mark mark = key.of(attempt.batch_size);
    mark.small = true;
    mark.hollow = true;
    const Point at{x.scale(attempt.time_s), y.scale(attempt.energy_j)};
    svg.mark(at, mark, describe(attempt));
    labels.rather_not(at);
  }
  for (const TimeEnergy& mean : plot.means) {
    const Point at{x.scale(mean.time_s), y.scale(mean.energy_j)};
    svg.mark(at, key.of(mean.batch_size), describe(mean));
    labels.keep_free(at);
  }
  for (const TimeEnergy& mean : plot.means) {
    labels.place(svg, {x.scale(mean.time_s), y.scale(mean.energy_j)},
                 std::to_string(mean.batch_size));
  }
  return std::move(svg).finish();
}

}  // namespace symbiont::report
