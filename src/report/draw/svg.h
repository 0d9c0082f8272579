#pragma once
/// Pictures as text: a few shapes in SVG, styled by classes that the page's style sheet defines.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/draw/scale.h"

namespace symbiont::report {

/// Text for HTML and XML, in elements and in attributes. What neither allows (bytes that are not
/// UTF-8, control characters) becomes U+FFFD.
std::string escape(std::string_view text);

/// Width of a text in the page's font at its size in plots, pixels: an estimate, rather too wide.
double text_width(std::string_view text);

/// A data point's look: colour and shape both tell batch sizes apart.
struct Mark {
  std::size_t color = 0;  ///< 0..8, a class "c0"
  std::size_t shape = 0;  ///< 0..6
  bool hollow = false;
  bool small = false;
};

inline constexpr std::size_t kColors = 9;
inline constexpr std::size_t kShapes = 7;

/// The mark of the n-th batch size. The first 63 differ.
Mark mark_of(std::size_t position);

/// The shapes, once a page, for the marks of all its pictures.
std::string shape_definitions();

enum class Anchor { kStart, kMiddle, kEnd };

struct Point {
  double x = 0.0;
  double y = 0.0;
};

class Svg {
 public:
  /// `label` is what a screen reader says instead of the picture.
  Svg(double width, double height, std::string_view label);

  void rect(double x, double y, double width, double height, std::string_view style,
            std::string_view title = {});
  void line(Point from, Point to, std::string_view style);
  void polyline(std::span<const Point> points, std::string_view style);
  void polygon(std::span<const Point> points, std::string_view style);
  void text(Point at, std::string_view text, Anchor anchor, std::string_view style = {});
  /// Reads upwards.
  void vertical_text(Point at, std::string_view text);
  /// `title` shows when a pointer rests on it; without one it is a key of a legend, not data.
  void mark(Point at, const Mark& mark, std::string_view title);

  std::string finish() &&;

 private:
  void shape(std::string_view tag, std::span<const Point> points, std::string_view style);
  std::string out_;
};

/// The plotting area.
struct Box {
  double left = 0.0;
  double top = 0.0;
  double right = 0.0;
  double bottom = 0.0;
};

/// Grid, ticks, labels (those that would touch are left out) and titles.
void draw_x_axis(Svg& svg, const Box& box, const Axis& axis);
void draw_y_axis(Svg& svg, const Box& box, const Axis& axis);

struct LegendEntry {
  Mark mark;
  std::string label;
};
/// In rows from (left, top) on; gives the height it took.
double draw_legend(Svg& svg, double left, double top, double right,
                   std::span<const LegendEntry> entries);

}  // namespace symbiont::report
