#include <algorithm>

#include <fmt/format.h>

#include "report/draw/draw.h"

namespace symbiont::report {
namespace {

constexpr double kHeight = 230.0;

double seconds_since(WallTime begin, WallTime time) {
  return to_seconds(time - begin).value();
}

double most_of(const IntensityPlot& plot) {
  double most = 0.0;
  for (const IntensityStep& step : plot.steps) {
    most = std::max(most, step.g_per_kwh);
  }
  return most;
}

WallTime end_of(const IntensityPlot& plot) {
  WallTime end = plot.steps.front().end;
  for (const IntensityStep& step : plot.steps) {
    end = std::max(end, step.end);
  }
  return end;
}

}  // namespace

std::string draw(const IntensityPlot& plot) {
  Svg svg(kFullWidth, kHeight, plot.text.caption);
  const Box box{66.0, 12.0, kFullWidth - 138.0, kHeight - 42.0};
  const WallTime begin = plot.steps.front().begin;
  const Axis x = time_axis(begin, end_of(plot), box.left, box.right);
  const Axis y = linear_axis(0.0, std::max(most_of(plot) * 1.05, 1.0), box.bottom, box.top,
                             "CO₂ intensity", "g/kWh", 5);
  draw_x_axis(svg, box, x);
  draw_y_axis(svg, box, y);
  for (const IntensityStep& step : plot.steps) {
    const double left = x.scale(seconds_since(begin, step.begin));
    const double right = std::max(x.scale(seconds_since(begin, step.end)), left + 1.0);
    const double top = y.scale(step.g_per_kwh);
    svg.rect(left, top, right - left, box.bottom - top, "area mark",
             fmt::format("{}: {:.4g} g/kWh", civil_time(step.begin), step.g_per_kwh));
    svg.line({left, top}, {right, top}, "step");
  }
  const double mean = y.scale(plot.mean_g_per_kwh);
  svg.line({box.left, mean}, {box.right, mean}, "baseline");
  svg.text({box.right + 6.0, mean + 4.0}, fmt::format("mean {:.4g}", plot.mean_g_per_kwh),
           Anchor::kStart, "baseline-label");
  return std::move(svg).finish();
}

}  // namespace symbiont::report
