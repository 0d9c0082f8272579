#pragma once
/// Seeded randomness that is the same on every machine, and whose state can be stored.
///
/// The standard library's distributions differ between implementations, so ours are spelled out:
///   integers  xoshiro256** (Blackman and Vigna 2018), seeded through splitmix64;
///   uniform   the top 53 bits times 2^-53, in [0, 1);
///   below(n)  Lemire's multiplication with rejection (2019), no modulo bias;
///   normal    Kinderman and Monahan's ratio of uniforms (1977): u in (0, 1], v in
///             [-sqrt(2/e), sqrt(2/e)), x = v/u, accepted when x^2 <= -4 ln u. The value comes from
///             one division, so it is identical everywhere; the logarithm only decides acceptance.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"

namespace symbiont {

/// A stream of random numbers. A value: copying it forks the same stream. Not thread-safe.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  /// The next 64 random bits.
  std::uint64_t bits();
  /// Uniform in [0, 1).
  double uniform();
  /// Uniform in [0, n). Requires n > 0.
  std::uint64_t below(std::uint64_t n);
  /// Standard normal variate.
  double normal();

  /// The state as 64 hexadecimal digits; `restore` gives back a generator that continues it.
  std::string state() const;
  /// kInvalidArgument for anything else, and for the state of all zeros, which never leaves it.
  static Result<Random> restore(std::string_view state);

  friend bool operator==(const Random&, const Random&) = default;

 private:
  std::array<std::uint64_t, 4> state_{};
};

/// A seed for an independent stream: a hash of the parent seed, a name and a number. Use it to give
/// each attempt or each shuffle its own stream, so that adding one never shifts another.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view stream, std::uint64_t index = 0);

}  // namespace symbiont
