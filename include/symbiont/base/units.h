#pragma once
/// Physical quantities as types: only what physics allows compiles.
///
/// A bare `double` with a unit in its name (`energy_j`, `time_s`) appears only at the edge: CLI,
/// JSON, database columns. Inside, a joule cannot be added to a second.

#include <chrono>
#include <compare>
#include <cstdint>

namespace symbiont {

/// A `double` with a unit. Every quantity is an ordinary value: copy it, compare it, scale it.
template <typename Unit>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}

  /// The bare number, in the unit the type is named after.
  constexpr double value() const { return value_; }

  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, double factor) {
    return Quantity(a.value_ * factor);
  }
  friend constexpr Quantity operator*(double factor, Quantity a) { return a * factor; }
  friend constexpr Quantity operator/(Quantity a, double divisor) {
    return Quantity(a.value_ / divisor);
  }
  friend constexpr double operator/(Quantity a, Quantity b) { return a.value_ / b.value_; }
  friend constexpr auto operator<=>(Quantity a, Quantity b) = default;

 private:
  double value_ = 0.0;
};

using Joules = Quantity<struct JoulesUnit>;
using Watts = Quantity<struct WattsUnit>;
using Seconds = Quantity<struct SecondsUnit>;
using GramsCo2 = Quantity<struct GramsCo2Unit>;
using GramsPerKwh = Quantity<struct GramsPerKwhUnit>;  ///< carbon intensity of electricity

/// A count of bytes. Whole, so not a Quantity.
enum class Bytes : std::int64_t {};

inline constexpr double kJoulesPerKwh = 3.6e6;

constexpr Watts operator/(Joules energy, Seconds time) {
  return Watts(energy.value() / time.value());
}
constexpr Joules operator*(Watts power, Seconds time) {
  return Joules(power.value() * time.value());
}
constexpr Joules operator*(Seconds time, Watts power) {
  return power * time;
}
constexpr GramsCo2 operator*(Joules energy, GramsPerKwh intensity) {
  return GramsCo2(energy.value() * intensity.value() / kJoulesPerKwh);
}
constexpr GramsCo2 operator*(GramsPerKwh intensity, Joules energy) {
  return energy * intensity;
}

/// Seconds of a clock's integer nanoseconds.
constexpr Seconds to_seconds(std::chrono::nanoseconds duration) {
  return Seconds(static_cast<double>(duration.count()) * 1e-9);
}

}  // namespace symbiont
