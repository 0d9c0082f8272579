#include "report/draw/scale.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace symbiont::report {
namespace {

constexpr int kMostTicks = 50;

/// A prefix that the ticks of an axis share.
struct Prefix {
  double factor = 1.0;
  std::string_view name;
};

Prefix prefix_for(double most) {
  constexpr std::array kPrefixes = {Prefix{1e9, "G"}, Prefix{1e6, "M"},  Prefix{1e3, "k"},
                                    Prefix{1.0, ""},  Prefix{1e-3, "m"}, Prefix{1e-6, "µ"}};
  const auto found = std::find_if(kPrefixes.begin(), kPrefixes.end(),
                                  [&](const Prefix& prefix) { return most >= prefix.factor; });
  return found == kPrefixes.end() || most <= 0.0 ? Prefix{} : *found;
}

/// Seconds are never "ks".
Prefix prefix_for(double most, std::string_view unit) {
  return unit == "J" || unit == "g" ? prefix_for(most) : Prefix{};
}

std::string titled(std::string_view what, std::string_view unit, const Prefix& prefix) {
  return unit.empty() ? std::string(what) : fmt::format("{} ({}{})", what, prefix.name, unit);
}

double round_step(double range, int about) {
  const double raw = range / std::max(about, 1);
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power * 1.0001) {
      return factor * power;
    }
  }
  return 10.0 * power;
}

/// A tick at the end of an axis is worth half a step of empty room, not more.
double rounded_if_near(double end, double rounded, double step) {
  return std::abs(rounded - end) <= 0.5 * step ? rounded : end;
}

std::string number(double value) {
  return fmt::format("{:.10g}", std::abs(value) < 1e-12 ? 0.0 : value);
}

std::vector<double> log_values(double from, double to) {
  const int low = static_cast<int>(std::floor(std::log10(from)));
  const int high = static_cast<int>(std::ceil(std::log10(to)));
  std::vector<double> values;
  for (int power = low; power <= high; ++power) {
    for (const double factor : {1.0, 1.5, 2.0, 3.0, 5.0, 7.0}) {
      const double value = factor * std::pow(10.0, power);
      const bool coarse = factor == 2.0 || factor == 5.0;
      const bool wanted = factor == 1.0 || to < 12.0 * from || (coarse && high - low <= 3);
      if (wanted && value >= from * 0.999 && value <= to * 1.001) {
        values.push_back(value);
      }
    }
  }
  return values;
}

/// Steps that people read clocks and calendars in, seconds.
constexpr std::array kTimeSteps = {1.0,      2.0,      5.0,       10.0,      15.0,      30.0,
                                   60.0,     120.0,    300.0,     600.0,     900.0,     1800.0,
                                   3600.0,   7200.0,   10800.0,   21600.0,   43200.0,   86400.0,
                                   172800.0, 604800.0, 1209600.0, 2592000.0, 7776000.0, 31536000.0};

double time_step(double seconds) {
  const auto found = std::find_if(kTimeSteps.begin(), kTimeSteps.end(),
                                  [&](double step) { return seconds / step <= 9.0; });
  return found == kTimeSteps.end() ? seconds / 8.0 : *found;
}

std::string time_label(WallTime time, double step) {
  const std::string full = civil_time(time);
  if (step >= 86400.0) {
    return full.substr(0, 10);
  }
  if (full.substr(11) == "00:00:00") {
    return full.substr(5, 5);  // midnight is where the day begins
  }
  return step >= 60.0 ? full.substr(11, 5) : full.substr(11, 8);
}

}  // namespace

double Scale::operator()(double value) const {
  const double low = logarithmic ? std::log(from) : from;
  const double high = logarithmic ? std::log(to) : to;
  if (!(high > low)) {
    return (start + end) / 2.0;
  }
  const double at = logarithmic ? std::log(std::max(value, from * 1e-3)) : value;
  return start + (end - start) * (at - low) / (high - low);
}

std::vector<double> round_values(double from, double to, int about) {
  if (!(to > from)) {
    return {from};
  }
  const double step = round_step(to - from, about);
  std::vector<double> values;
  for (double at = std::ceil(from / step - 1e-9);
       at * step <= to + step * 1e-9 && values.size() < kMostTicks; at += 1.0) {
    values.push_back(at * step);
  }
  return values.empty() ? std::vector<double>{from} : values;
}

Axis linear_axis(double from, double to, double start, double end, std::string_view what,
                 std::string_view unit, int about) {
  if (!(to > from)) {
    const double room = from == 0.0 ? 1.0 : std::abs(from) * 0.1;
    from -= room;
    to += room;
  }
  const double step = round_step(to - from, about);
  from = rounded_if_near(from, std::floor(from / step + 1e-9) * step, step);
  to = rounded_if_near(to, std::ceil(to / step - 1e-9) * step, step);
  const Prefix prefix = prefix_for(std::max(std::abs(from), std::abs(to)), unit);
  Axis axis{{from, to, start, end, false}, {}, titled(what, unit, prefix)};
  for (const double value : round_values(from, to, about)) {
    axis.ticks.push_back({value, number(value / prefix.factor)});
  }
  return axis;
}

Axis logarithmic_axis(double from, double to, double start, double end, std::string_view what,
                      std::string_view unit) {
  const Prefix prefix = prefix_for(to, unit);
  Axis axis{{from / 1.15, to * 1.15, start, end, true}, {}, titled(what, unit, prefix)};
  for (const double value : log_values(axis.scale.from, axis.scale.to)) {
    axis.ticks.push_back({value, number(value / prefix.factor)});
  }
  return axis;
}

Axis index_axis(double first, double last, double start, double end, std::string_view what) {
  const double room = std::max(0.5, (last - first) * 0.012);
  Axis axis{{first - room, last + room, start, end, false}, {}, std::string(what)};
  for (const double value : round_values(first, last, last - first <= 30 ? 30 : 12)) {
    if (value == std::floor(value)) {
      axis.ticks.push_back({value, number(value)});
    }
  }
  return axis;
}

Axis time_axis(WallTime begin, WallTime end, double start_px, double end_px) {
  const auto seconds_since = [&](double epoch_s) {
    return epoch_s - static_cast<double>(begin.time_since_epoch().count()) * 1e-9;
  };
  const double first = static_cast<double>(begin.time_since_epoch().count()) * 1e-9;
  const double length = std::max(to_seconds(end - begin).value(), 1e-3);
  const double step = time_step(length);
  Axis axis{{0.0, length, start_px, end_px, false}, {}, ""};
  axis.title = fmt::format("time of day, UTC, from {}", civil_time(begin));
  for (double at = std::ceil(first / step) * step;
       seconds_since(at) <= length && axis.ticks.size() < kMostTicks; at += step) {
    const WallTime moment{std::chrono::seconds(static_cast<std::int64_t>(std::llround(at)))};
    axis.ticks.push_back({seconds_since(at), time_label(moment, step)});
  }
  return axis;
}

std::string civil_time(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

}  // namespace symbiont::report
