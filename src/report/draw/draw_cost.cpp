#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "report/draw/draw.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr double kCostHeight = 240.0;
constexpr double kGap = 16.0;
constexpr double kTop = 14.0;
constexpr double kLeft = 66.0;
constexpr double kRight = kFullWidth - 138.0;  // labels of the lines stand beyond
constexpr std::size_t kManyPoints = 90;
constexpr double kLabelDistance = 15.0;

/// A line across the cost panel, labelled in the right margin.
struct Level {
  double cost_j = 0.0;
  std::string label;
  std::string_view style;
};

double row_height(std::size_t rows) {
  return rows < 4 ? 22.0 : std::clamp(150.0 / static_cast<double>(rows), 5.0, 18.0);
}

std::string describe(const CostPoint& point) {
  const std::string which = point.first == point.last
                                ? fmt::format("recurrence {}", point.first)
                                : fmt::format("recurrences {} to {}", point.first, point.last);
  return fmt::format(
      "{}: batch size {}, cost {}{}{}", which, point.batch_size, with_prefix(point.cost_j, "J"),
      point.attempts > point.last - point.first + 1 ? fmt::format(", {} attempts", point.attempts)
                                                    : "",
      point.reached ? "" : ", target not reached");
}

double center(const CostPoint& point) {
  return static_cast<double>(point.first + point.last) / 2.0;
}

std::vector<Level> levels_of(const CostPlot& plot) {
  std::vector<Level> levels;
  if (plot.baseline) {
    levels.push_back({plot.baseline->mean_j,
                      fmt::format("default ({}) {}", plot.baseline->batch_size,
                                  with_prefix(plot.baseline->mean_j, "J")),
                      "baseline"});
  }
  if (plot.steady_j) {
    levels.push_back({*plot.steady_j, "last five " + with_prefix(*plot.steady_j, "J"), "steady"});
  }
  std::sort(levels.begin(), levels.end(),
            [](const Level& a, const Level& b) { return a.cost_j > b.cost_j; });
  return levels;
}

/// Higher costs stand higher; labels keep a distance from each other.
void draw_levels(Svg& svg, const Box& box, const Axis& y, const CostPlot& plot) {
  if (plot.baseline && plot.baseline->sd_j > 0.0) {
    const double high = std::max(y.scale(plot.baseline->mean_j + plot.baseline->sd_j), box.top);
    const double low = y.scale(std::max(plot.baseline->mean_j - plot.baseline->sd_j, 0.0));
    svg.rect(box.left, high, box.right - box.left, low - high, "band");
  }
  double free_from = box.top;
  for (const Level& level : levels_of(plot)) {
    const double at = y.scale(level.cost_j);
    svg.line({box.left, at}, {box.right, at}, level.style);
    const double label_at = std::max(at, free_from);
    svg.text({box.right + 6.0, label_at + 4.0}, level.label, Anchor::kStart,
             fmt::format("{}-label", level.style));
    free_from = label_at + kLabelDistance;
  }
}

Axis cost_axis(const CostPlot& plot, const Box& box) {
  double most = plot.baseline ? plot.baseline->mean_j + plot.baseline->sd_j : 0.0;
  for (const CostPoint& point : plot.points) {
    most = std::max(most, point.most_j);
  }
  return linear_axis(0.0, most * 1.04, box.bottom, box.top, "cost", "J", 6);
}

void draw_costs(Svg& svg, const Box& box, const Axis& x, const CostPlot& plot, const MarkKey& key) {
  const Axis y = cost_axis(plot, box);
  draw_y_axis(svg, box, y);
  for (const Tick& tick : x.ticks) {
    svg.line({x.scale(tick.value), box.top}, {x.scale(tick.value), box.bottom}, "grid");
  }
  draw_levels(svg, box, y, plot);
  for (const CostPoint& point : plot.points) {
    if (point.first < point.last) {
      svg.line({x.scale(center(point)), y.scale(point.least_j)},
               {x.scale(center(point)), y.scale(point.most_j)}, "range");
    }
  }
  for (const CostPoint& point : plot.points) {
    Mark mark = key.of(point.batch_size);
    mark.hollow = !point.reached;
    mark.small = plot.points.size() > kManyPoints;
    svg.mark({x.scale(center(point)), y.scale(point.cost_j)}, mark, describe(point));
  }
}

/// The choices: a row per batch size, larger ones higher.
void draw_choices(Svg& svg, const Box& box, const Axis& x, const CostPlot& plot,
                  const MarkKey& key) {
  const double rows = static_cast<double>(key.sizes().size());
  Axis y{{-0.5, rows - 0.5, box.bottom, box.top, false}, {}, "batch size"};
  for (std::size_t row = 0; row < key.sizes().size(); ++row) {
    y.ticks.push_back({static_cast<double>(row), std::to_string(key.sizes()[row])});
  }
  draw_y_axis(svg, box, y);
  draw_x_axis(svg, box, x);
  const auto row_of = [&](std::int64_t size) {
    const auto found = std::lower_bound(key.sizes().begin(), key.sizes().end(), size);
    return y.scale(static_cast<double>(found - key.sizes().begin()));
  };
  svg.text({box.right + 6.0, row_of(key.default_size()) + 4.0}, "default", Anchor::kStart,
           "baseline-label");
  std::vector<Point> path;
  for (const CostPoint& point : plot.points) {
    path.push_back({x.scale(center(point)), row_of(point.batch_size)});
  }
  svg.polyline(path, "path");
  for (std::size_t i = 0; i < path.size(); ++i) {
    Mark mark = key.of(plot.points[i].batch_size);
    mark.hollow = !plot.points[i].reached;
    mark.small = true;
    svg.mark(path[i], mark, describe(plot.points[i]));
  }
}

}  // namespace

std::string draw(const CostPlot& plot, const MarkKey& key) {
  const double choices = row_height(key.sizes().size()) * static_cast<double>(key.sizes().size());
  const Box costs{kLeft, kTop, kRight, kTop + kCostHeight};
  const Box sizes{kLeft, costs.bottom + kGap, kRight,
                  costs.bottom + kGap + std::max(choices, 60.0)};
  Svg svg(kFullWidth, sizes.bottom + 42.0, plot.text.caption);
  const Axis x =
      index_axis(static_cast<double>(plot.points.front().first),
                 static_cast<double>(plot.points.back().last), kLeft, kRight, "recurrence");
  draw_costs(svg, costs, x, plot, key);
  draw_choices(svg, sizes, x, plot, key);
  return std::move(svg).finish();
}

}  // namespace symbiont::report
