#include "symbiont/report/quantity_text.h"

#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

namespace symbiont::report {

std::string with_prefix(double value, std::string_view unit) {
  struct Prefix {
    double factor;
    std::string_view name;
  };
  constexpr std::array kPrefixes = {Prefix{1e6, "M"}, Prefix{1e3, "k"}, Prefix{1.0, ""},
                                    Prefix{1e-3, "m"}, Prefix{1e-6, "µ"}};
  const double magnitude = std::abs(value);
  if (magnitude == 0.0) {
    return fmt::format("0 {}", unit);
  }
  for (const Prefix& prefix : kPrefixes) {
    if (magnitude >= prefix.factor) {
      return fmt::format("{:.3g} {}{}", value / prefix.factor, prefix.name, unit);
    }
  }
  return fmt::format("{:.3g} {}", value, unit);
}

std::string duration(double seconds) {
  if (seconds < 120.0) {
    return fmt::format("{:.2f} s", seconds);
  }
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string energy_with_interval(const Usage& usage) {
  std::string energy = with_prefix(usage.energy().value(), "J");
  if (usage.energy_uj == 0 || usage.uncertainty_uj == 0) {
    return energy;
  }
  return fmt::format("{} ±{:.0f} %", energy,
                     100.0 * usage.uncertainty().value() / usage.energy().value());
}

std::string percent(double fraction) {
  return fmt::format("{:.1f} %", 100.0 * fraction);
}

std::string_view meaning(const Saving& saving) {
  if (saving.ci95 && saving.ci95->first <= 0.0 && saving.ci95->second >= 0.0) {
    return "not distinguishable from none";
  }
  return *saving.fraction < 0.0 ? "more than the default" : "";
}

}  // namespace symbiont::report
