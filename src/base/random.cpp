#include "symbiont/base/random.h"

#include <bit>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace symbiont {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9E3779B97F4A7C15;

/// The output function of splitmix64 (Steele, Lea and Flood 2014; constants of Vigna).
constexpr std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

/// One absorbed word of `derive_seed`.
constexpr std::uint64_t absorb(std::uint64_t hash, std::uint64_t word) {
  return mix((hash ^ word) + kGoldenGamma);
}

struct Product {
  std::uint64_t high;
  std::uint64_t low;
};

Product multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

constexpr std::size_t kDigitsPerWord = 16;

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += kGoldenGamma;
    word = mix(seed);
  }
}

std::uint64_t Random::bits() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() {
  return static_cast<double>(bits() >> 11) * 0x1.0p-53;
}

std::uint64_t Random::below(std::uint64_t n) {
  SYM_CHECK(n > 0);
  Product product = multiply(bits(), n);
  if (product.low < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (product.low < threshold) {
      product = multiply(bits(), n);
    }
  }
  return product.high;
}

double Random::normal() {
  constexpr double kHalfWidth = 0.85776388496070679648;  // sqrt(2/e)
  while (true) {
    const double u = 1.0 - uniform();
    const double v = (2.0 * uniform() - 1.0) * kHalfWidth;
    const double x = v / u;
    if (x * x <= -4.0 * std::log(u)) {
      return x;
    }
  }
}

std::string Random::state() const {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", state_[0], state_[1], state_[2], state_[3]);
}

Result<Random> Random::restore(std::string_view state) {
  Random random(0);
  if (state.size() != random.state_.size() * kDigitsPerWord) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("random state: expected 64 hexadecimal digits, found {} characters",
                            state.size()));
  }
  const char* next = state.data();
  for (std::uint64_t& word : random.state_) {
    const char* const end = next + kDigitsPerWord;
    if (std::from_chars(next, end, word, 16).ptr != end) {
      return fail(ErrorCode::kInvalidArgument,
                  "random state: expected 64 hexadecimal digits, found another character");
    }
    next = end;
  }
  if (random.state_ == decltype(random.state_){}) {
    return fail(ErrorCode::kInvalidArgument, "random state: all zero, which only yields zeros");
  }
  return random;
}

std::uint64_t derive_seed(std::uint64_t seed, std::string_view stream, std::uint64_t index) {
  std::uint64_t hash = absorb(0, seed);
  for (const char c : stream) {
    hash = absorb(hash, static_cast<unsigned char>(c));
  }
  return absorb(absorb(hash, stream.size()), index);
}

}  // namespace symbiont
