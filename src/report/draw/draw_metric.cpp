#include <algorithm>

#include <fmt/format.h>

#include "report/draw/draw.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr double kHeight = 400.0;
constexpr double kWideRange = 8.0;  ///< of durations: from there on the axis is logarithmic
constexpr std::size_t kMarksOfACurve = 24;

struct Extent {
  double shortest = 0.0;  ///< first point of a curve
  double longest = 0.0;
  double least_end = 0.0;  ///< shortest attempt
  double low = 0.0;
  double high = 0.0;
};

Extent extent_of(const MetricPlot& plot) {
  const MetricPoint& any = plot.curves.front().points.front();
  Extent extent{any.seconds, any.seconds, plot.curves.front().points.back().seconds, any.metric,
                any.metric};
  for (const MetricCurve& curve : plot.curves) {
    extent.least_end = std::min(extent.least_end, curve.points.back().seconds);
    for (const MetricPoint& point : curve.points) {
      extent.shortest = std::min(extent.shortest, point.seconds);
      extent.longest = std::max(extent.longest, point.seconds);
      extent.low = std::min(extent.low, point.metric);
      extent.high = std::max(extent.high, point.metric);
    }
  }
  if (plot.target) {
    extent.low = std::min(extent.low, *plot.target);
    extent.high = std::max(extent.high, *plot.target);
  }
  return extent;
}

std::vector<std::int64_t> sizes_of(const MetricPlot& plot) {
  std::vector<std::int64_t> sizes;
  for (const MetricCurve& curve : plot.curves) {
    sizes.push_back(curve.batch_size);
  }
  return sizes;
}

void draw_curve(Svg& svg, const Axis& x, const Axis& y, const MetricCurve& curve, Mark mark,
                const std::string& metric) {
  std::vector<Point> path;
  for (const MetricPoint& point : curve.points) {
    path.push_back({x.scale(point.seconds), y.scale(point.metric)});
  }
  svg.polyline(path, fmt::format("curve c{}{}", mark.color, curve.typical ? " typical" : ""));
  mark.small = true;
  const std::size_t step = curve.typical ? 1 + path.size() / kMarksOfACurve : path.size();
  for (std::size_t i = (path.size() - 1) % step; i < path.size(); i += step) {
    mark.hollow = !curve.reached;
    const bool last = i + 1 == path.size();
    Mark one = mark;
    one.small = !(last && curve.typical);
    svg.mark(path[i], one,
             fmt::format("batch size {}: {} {:.4g} after {}{}", curve.batch_size, metric,
                         curve.points[i].metric, duration(curve.points[i].seconds),
                         last && !curve.reached ? ", stopped" : ""));
  }
}

}  // namespace

std::string draw(const MetricPlot& plot, const MarkKey& key) {
  Svg svg(kHalfWidth, kHeight, plot.text.caption);
  const double legend = draw_legend(svg, 58.0, 0.0, kHalfWidth, key.entries(sizes_of(plot)));
  const Box box{58.0, legend + 8.0, kHalfWidth - 14.0, kHeight - 42.0};
  const Extent extent = extent_of(plot);
  const bool wide = extent.longest > kWideRange * extent.least_end && extent.shortest > 0.0;
  const Axis x =
      wide ? logarithmic_axis(extent.shortest, extent.longest, box.left, box.right, "time", "s")
           : linear_axis(0.0, extent.longest, box.left, box.right, "time", "s", 7);
  const double room = 0.03 * (extent.high - extent.low);
  const Axis y =
      linear_axis(extent.low - room, extent.high + room, box.bottom, box.top, plot.metric, "", 6);
  draw_x_axis(svg, box, x);
  draw_y_axis(svg, box, y);
  if (plot.target) {
    const double at = y.scale(*plot.target);
    svg.line({box.left, at}, {box.right, at}, "baseline");
    svg.text({box.left + 6.0, at - 5.0}, fmt::format("target {:.4g}", *plot.target), Anchor::kStart,
             "baseline-label");
  }
  for (const MetricCurve& curve : plot.curves) {
    draw_curve(svg, x, y, curve, key.of(curve.batch_size), plot.metric);
  }
  return std::move(svg).finish();
}

}  // namespace symbiont::report
