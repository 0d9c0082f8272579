#include "report/draw/svg.h"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

namespace symbiont::report {
namespace {

constexpr double kLetter = 6.6;  ///< pixels
constexpr double kLegendRow = 18.0;
constexpr double kVerticalTitle = 13.0;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the UTF-8 sequence at the start of `text`; 0 when it is none.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t count) {
    for (std::size_t i = 1; i <= count; ++i) {
      if (i >= text.size() || (byte(i) & 0xC0U) != 0x80U) return false;
    }
    return true;
  };
  const unsigned first = byte(0);
  if (first < 0x80U) return 1;
  if (first >= 0xC2U && first < 0xE0U) return follows(1) ? 2 : 0;
  if (first >= 0xE0U && first < 0xF0U && follows(2)) {
    const bool overlong = first == 0xE0U && byte(1) < 0xA0U;
    const bool surrogate = first == 0xEDU && byte(1) >= 0xA0U;
    const bool no_character = first == 0xEFU && byte(1) == 0xBFU && byte(2) >= 0xBEU;
    return overlong || surrogate || no_character ? 0 : 3;
  }
  if (first >= 0xF0U && first < 0xF5U && follows(3)) {
    const bool overlong = first == 0xF0U && byte(1) < 0x90U;
    const bool too_large = first == 0xF4U && byte(1) >= 0x90U;
    return overlong || too_large ? 0 : 4;
  }
  return 0;
}

std::string_view escaped(char letter) {
  switch (letter) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

std::string_view name_of(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "start";
}

/// Around the origin, about nine pixels wide.
constexpr std::array<std::string_view, kShapes> kShapeElements = {
    R"(<circle r="4.4"/>)",
    R"(<rect x="-4" y="-4" width="8" height="8"/>)",
    R"(<path d="M0-5.4 5 3.8H-5Z"/>)",
    R"(<path d="M0-5.6 5.6 0 0 5.6-5.6 0Z"/>)",
    R"(<path d="M0 5.4 5-3.8H-5Z"/>)",
    R"(<path d="M-5-2.6-2.6-5 0-2.4 2.6-5 5-2.6 2.4 0 5 2.6 2.6 5 0 2.4-2.6 5-5 2.6-2.4 0Z"/>)",
    R"(<path d="M-1.8-5.4H1.8V-1.8H5.4V1.8H1.8V5.4H-1.8V1.8H-5.4V-1.8H-1.8Z"/>)"};

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const char first = text[0];
    const bool control =
        (static_cast<unsigned char>(first) < 0x20U && first != '\t' && first != '\n') ||
        first == 0x7F;
    if (length == 0 || control) {
      out += kReplacement;
    } else if (const std::string_view entity = escaped(first); !entity.empty()) {
      out += entity;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

double text_width(std::string_view text) {
  const auto letters = std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  });
  return kLetter * static_cast<double>(letters);
}

Mark mark_of(std::size_t position) {
  return {position % kColors, position % kShapes, false, false};
}

std::string shape_definitions() {
  std::string out = R"(<svg class="shapes" width="0" height="0" aria-hidden="true"><defs>)";
  for (std::size_t i = 0; i < kShapes; ++i) {
    fmt::format_to(std::back_inserter(out),
                   R"x(<g id="m{0}">{1}</g><g id="s{0}"><g transform="scale(.62)">{1}</g></g>)x", i,
                   kShapeElements[i]);
  }
  out += R"(<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse")"
         R"x( patternTransform="rotate(45)"><rect class="ink" width="1.6" height="6"/></pattern>)x"
         R"(<pattern id="dots" width="5" height="5" patternUnits="userSpaceOnUse">)"
         R"(<circle class="ink" cx="2.5" cy="2.5" r="1"/></pattern>)";
  return out + "</defs></svg>\n";
}

// --- Svg ----------------------------------------------------------------------------------------

Svg::Svg(double width, double height, std::string_view label)
    : out_(fmt::format(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0f} {:.0f}" )"
                       R"(role="img" aria-label="{}">)",
                       width, height, escape(label))) {}

void Svg::rect(double x, double y, double width, double height, std::string_view style,
               std::string_view title) {
  fmt::format_to(std::back_inserter(out_),
                 R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}")", style,
                 x, y, std::max(width, 0.0), std::max(height, 0.0));
  out_ += title.empty() ? "/>" : fmt::format("><title>{}</title></rect>", escape(title));
}

void Svg::line(Point from, Point to, std::string_view style) {
  fmt::format_to(std::back_inserter(out_),
                 R"(<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>)", style,
                 from.x, from.y, to.x, to.y);
}

void Svg::shape(std::string_view tag, std::span<const Point> points, std::string_view style) {
  fmt::format_to(std::back_inserter(out_), R"(<{} class="{}" points=")", tag, style);
  for (const Point& point : points) {
    fmt::format_to(std::back_inserter(out_), "{:.1f},{:.1f} ", point.x, point.y);
  }
  out_ += "\"/>";
}

void Svg::polyline(std::span<const Point> points, std::string_view style) {
  shape("polyline", points, style);
}

void Svg::polygon(std::span<const Point> points, std::string_view style) {
  shape("polygon", points, style);
}

void Svg::text(Point at, std::string_view text, Anchor anchor, std::string_view style) {
  fmt::format_to(std::back_inserter(out_),
                 R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>)", at.x, at.y,
                 name_of(anchor), style.empty() ? "" : fmt::format(R"( class="{}")", style),
                 escape(text));
}

void Svg::vertical_text(Point at, std::string_view text) {
  fmt::format_to(std::back_inserter(out_),
                 R"x(<text class="title" transform="translate({:.1f} {:.1f}) rotate(-90)" )x"
                 R"x(text-anchor="middle">{}</text>)x",
                 at.x, at.y, escape(text));
}

void Svg::mark(Point at, const Mark& mark, std::string_view title) {
  fmt::format_to(std::back_inserter(out_),
                 R"(<use class="{}{} c{}" href="#{}{}" x="{:.1f}" y="{:.1f}")",
                 title.empty() ? "key" : "mark", mark.hollow ? " hollow" : "", mark.color,
                 mark.small ? 's' : 'm', mark.shape, at.x, at.y);
  out_ += title.empty() ? "/>" : fmt::format("><title>{}</title></use>", escape(title));
}

std::string Svg::finish() && {
  return std::move(out_) + "</svg>";
}

// --- Axes and legend ----------------------------------------------------------------------------

void draw_x_axis(Svg& svg, const Box& box, const Axis& axis) {
  double free_from = box.left - 40.0;
  for (const Tick& tick : axis.ticks) {
    const double x = axis.scale(tick.value);
    svg.line({x, box.top}, {x, box.bottom}, "grid");
    const double half = text_width(tick.label) / 2.0;
    if (x - half >= free_from) {
      svg.text({x, box.bottom + 16.0}, tick.label, Anchor::kMiddle);
      free_from = x + half + 6.0;
    }
  }
  svg.line({box.left, box.bottom}, {box.right, box.bottom}, "axis");
  svg.text({(box.left + box.right) / 2.0, box.bottom + 35.0}, axis.title, Anchor::kMiddle, "title");
}

void draw_y_axis(Svg& svg, const Box& box, const Axis& axis) {
  double free_below = box.bottom + 40.0;
  for (const Tick& tick : axis.ticks) {
    const double y = axis.scale(tick.value);
    svg.line({box.left, y}, {box.right, y}, "grid");
    if (y + 6.0 <= free_below) {
      svg.text({box.left - 7.0, y + 4.0}, tick.label, Anchor::kEnd);
      free_below = y - 7.0;
    }
  }
  svg.line({box.left, box.top}, {box.left, box.bottom}, "axis");
  svg.vertical_text({kVerticalTitle, (box.top + box.bottom) / 2.0}, axis.title);
}

double draw_legend(Svg& svg, double left, double top, double right,
                   std::span<const LegendEntry> entries) {
  double x = left;
  double y = top;
  for (const LegendEntry& entry : entries) {
    const double width = 16.0 + text_width(entry.label) + 14.0;
    if (x > left && x + width > right) {
      x = left;
      y += kLegendRow;
    }
    svg.mark({x + 6.0, y + 8.0}, entry.mark, "");
    svg.text({x + 16.0, y + 12.0}, entry.label, Anchor::kStart);
    x += width;
  }
  return y + kLegendRow - top;
}

}  // namespace symbiont::report
