#pragma once
/// Where a policy's randomness comes from: a seeded generator when live, a tape in a replay.

#include <cstdint>
#include <utility>

#include "symbiont/base/random.h"

namespace symbiont::tune {

/// A source of random draws. Policies take every draw from here and keep none of their own, so the
/// caller decides how a generator is seeded and stored. Not thread-safe.
class Draws {
 public:
  virtual ~Draws() = default;
  /// A standard normal variate.
  virtual double normal() = 0;
  /// Uniform in [0, n). Requires n > 0.
  virtual std::uint64_t below(std::uint64_t n) = 0;
};

/// Draws from a seeded generator. Store `random().state()` with the controller's state.
class SeededDraws final : public Draws {
 public:
  explicit SeededDraws(Random random) : random_(random) {}

  double normal() override { return random_.normal(); }
  std::uint64_t below(std::uint64_t n) override { return random_.below(n); }

  const Random& random() const { return random_; }

 private:
  Random random_;
};

}  // namespace symbiont::tune
