#include <array>

#include <fmt/format.h>

#include "report/draw/draw.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr double kLeft = 58.0;
constexpr double kRight = kHalfWidth - 6.0;
constexpr double kBarHeight = 38.0;
constexpr double kRow = 21.0;

/// Fill and, where colour alone would not do, a pattern on it.
struct Look {
  std::string_view fill;
  std::string_view pattern;
};

Look look_of(Spending spending) {
  switch (spending) {
    case Spending::kUseful:
      return {"c2", ""};
    case Spending::kExploringReached:
      return {"c5", ""};
    case Spending::kExploringStopped:
      return {"c1", "hatched"};
    case Spending::kUnfinished:
      return {"c6", "dotted"};
    case Spending::kLost:
      return {"c3", "dotted"};
    case Spending::kStartup:
      return {"cn", ""};
    case Spending::kBaseline:
      return {"c4", "hatched"};
  }
  return {};
}

void draw_swatch(Svg& svg, const Box& box, const Look& look, std::string_view title) {
  svg.rect(box.left, box.top, box.right - box.left, box.bottom - box.top,
           fmt::format("segment {}", look.fill), title);
  if (!look.pattern.empty()) {
    svg.rect(box.left, box.top, box.right - box.left, box.bottom - box.top, look.pattern, title);
  }
}

void draw_bar(Svg& svg, double top, std::string_view name, const SpendingPlot& plot,
              double SpendingPart::*quantity, double total, std::string_view unit) {
  svg.text({kLeft - 8.0, top + kBarHeight / 2.0 + 4.0}, name, Anchor::kEnd);
  double left = kLeft;
  for (const SpendingPart& part : plot.parts) {
    const double width = (kRight - kLeft) * part.*quantity / total;
    if (width <= 0.0) {
      continue;
    }
    draw_swatch(svg, {left, top, left + width, top + kBarHeight}, look_of(part.spending),
                fmt::format("{}: {} ({})", to_string(part.spending),
                            with_prefix(part.*quantity, unit), percent(part.*quantity / total)));
    if (const std::string label = percent(part.*quantity / total);
        width > text_width(label) + 10.0) {
      svg.rect(left + width / 2.0 - text_width(label) / 2.0 - 2.0, top + kBarHeight / 2.0 - 8.0,
               text_width(label) + 4.0, 16.0, "plate");
      svg.text({left + width / 2.0, top + kBarHeight / 2.0 + 4.0}, label, Anchor::kMiddle, "name");
    }
    left += width;
  }
}

void draw_row(Svg& svg, double top, const SpendingPart& part, const SpendingPlot& plot) {
  draw_swatch(svg, {kLeft, top + 3.0, kLeft + 22.0, top + 16.0}, look_of(part.spending), "");
  svg.text({kLeft + 30.0, top + 14.0}, to_string(part.spending), Anchor::kStart);
  svg.text({kLeft + 250.0, top + 14.0}, with_prefix(part.energy_j, "J"), Anchor::kEnd);
  svg.text({kLeft + 320.0, top + 14.0}, percent(part.energy_j / plot.energy_j), Anchor::kEnd);
  if (plot.emitted_g) {
    svg.text(
        {kRight, top + 14.0},
        fmt::format("{}{}", part.grams_estimated ? "≈ " : "", with_prefix(part.emitted_g, "g")),
        Anchor::kEnd);
  }
}

}  // namespace

std::string draw(const SpendingPlot& plot) {
  std::vector<SpendingPart> shown;
  for (const SpendingPart& part : plot.parts) {
    const bool optional =
        part.spending == Spending::kUnfinished || part.spending == Spending::kBaseline;
    if (part.energy_j > 0.0 || !optional) {
      shown.push_back(part);
    }
  }
  const double bars = plot.emitted_g ? 2.0 * kBarHeight + 12.0 : kBarHeight;
  const double rows = static_cast<double>(shown.size() + 1) * kRow;
  Svg svg(kHalfWidth, 10.0 + bars + 16.0 + rows + 6.0, plot.text.caption);
  draw_bar(svg, 10.0, "energy", plot, &SpendingPart::energy_j, plot.energy_j, "J");
  if (plot.emitted_g && *plot.emitted_g > 0.0) {
    draw_bar(svg, 10.0 + kBarHeight + 12.0, "CO₂", plot, &SpendingPart::emitted_g, *plot.emitted_g,
             "g");
  }
  double top = 10.0 + bars + 16.0;
  for (const SpendingPart& part : shown) {
    draw_row(svg, top, part, plot);
    top += kRow;
  }
  svg.line({kLeft, top + 1.0}, {kRight, top + 1.0}, "axis");
  svg.text({kLeft + 30.0, top + 16.0}, "all", Anchor::kStart, "name");
  svg.text({kLeft + 250.0, top + 16.0}, with_prefix(plot.energy_j, "J"), Anchor::kEnd, "name");
  if (plot.emitted_g) {
    svg.text({kRight, top + 16.0}, with_prefix(*plot.emitted_g, "g"), Anchor::kEnd, "name");
  }
  return std::move(svg).finish();
}

}  // namespace symbiont::report
