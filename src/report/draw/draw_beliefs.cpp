#include <algorithm>

#include <fmt/format.h>

#include "report/draw/draw.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr double kLeft = 62.0;
constexpr double kRight = kHalfWidth - 116.0;  // states stand beyond
constexpr double kTop = 14.0;

double row_height(std::size_t rows) {
  return rows < 3 ? 45.0 : std::clamp(260.0 / static_cast<double>(rows), 15.0, 30.0);
}

Axis cost_axis(const BeliefPlot& plot, const Box& box) {
  double least = 0.0;
  double most = 0.0;
  bool first = true;
  const auto include = [&](double value) {
    least = first ? value : std::min(least, value);
    most = first ? value : std::max(most, value);
    first = false;
  };
  for (const BeliefRow& row : plot.rows) {
    std::for_each(row.reached_j.begin(), row.reached_j.end(), include);
    std::for_each(row.stopped_j.begin(), row.stopped_j.end(), include);
    if (row.mean_j) {
      include(std::max(*row.mean_j - row.half_width_j.value_or(0.0), 0.0));
      include(*row.mean_j + row.half_width_j.value_or(0.0));
    }
  }
  return linear_axis(least > 0.6 * most ? least * 0.98 : 0.0, most * 1.02, box.left, box.right,
                     "cost of an attempt", "J", 6);
}

std::string state_text(const BeliefRow& row) {
  switch (row.state) {
    case BeliefRow::State::kCandidate:
      return row.observations > 0 ? fmt::format("n = {}", row.observations) : "no data";
    case BeliefRow::State::kPruned:
      return "pruned";
    case BeliefRow::State::kInfeasible:
      return "infeasible";
    case BeliefRow::State::kUntried:
      return "not tried";
  }
  return "";
}

std::string describe(const BeliefRow& row) {
  return fmt::format("batch size {}: believed mean cost {}{}, {} observations, recurrence {}",
                     row.batch_size, with_prefix(*row.mean_j, "J"),
                     row.half_width_j ? " ± " + with_prefix(*row.half_width_j, "J") : "",
                     row.observations, row.recurrence);
}

void draw_observations(Svg& svg, const BeliefRow& row, const Axis& x, double y, Mark mark) {
  mark.shape = 0;
  mark.small = true;
  for (const bool hollow : {false, true}) {
    mark.hollow = hollow;
    for (const double cost : hollow ? row.stopped_j : row.reached_j) {
      svg.mark({x.scale(cost), y + 5.0}, mark,
               fmt::format("batch size {}: {}{}", row.batch_size, with_prefix(cost, "J"),
                           hollow ? ", stopped short of the target" : ""));
    }
  }
}

void draw_row(Svg& svg, const BeliefRow& row, const Axis& x, double y, const Mark& mark,
              bool chosen) {
  svg.text({kLeft - 8.0, y + 4.0}, std::to_string(row.batch_size), Anchor::kEnd,
           chosen ? "name" : "");
  svg.text({kRight + 8.0, y + 4.0}, state_text(row) + (chosen ? ", chosen" : ""), Anchor::kStart,
           chosen ? "name" : "");
  draw_observations(svg, row, x, y, mark);
  if (!row.mean_j) {
    return;
  }
  if (row.half_width_j) {
    const double low = x.scale(std::max(*row.mean_j - *row.half_width_j, x.scale.from));
    const double high = x.scale(*row.mean_j + *row.half_width_j);
    const std::string style = fmt::format("interval c{}", mark.color);
    svg.line({low, y - 4.0}, {high, y - 4.0}, style);
    svg.line({low, y - 8.0}, {low, y}, style);
    svg.line({high, y - 8.0}, {high, y}, style);
  }
  Mark mean = mark;
  mean.hollow = row.state != BeliefRow::State::kCandidate;
  svg.mark({x.scale(*row.mean_j), y - 4.0}, mean, describe(row));
}

}  // namespace

std::string draw(const BeliefPlot& plot, const MarkKey& key) {
  const double height = row_height(plot.rows.size());
  const Box box{kLeft, kTop, kRight, kTop + height * static_cast<double>(plot.rows.size())};
  Svg svg(kHalfWidth, box.bottom + 42.0, plot.text.caption);
  const Axis x = cost_axis(plot, box);
  draw_x_axis(svg, box, x);
  svg.line({box.left, box.top}, {box.left, box.bottom}, "axis");
  svg.vertical_text({13.0, (box.top + box.bottom) / 2.0}, "batch size");
  double y = box.top + height / 2.0;
  for (const BeliefRow& row : plot.rows) {
    draw_row(svg, row, x, y, key.of(row.batch_size), row.batch_size == plot.chosen);
    y += height;
  }
  return std::move(svg).finish();
}

}  // namespace symbiont::report
