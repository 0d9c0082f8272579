#pragma once
/// Draws written down in a test.

#include <cstdint>
#include <utility>
#include <vector>

#include "symbiont/tune/draws.h"

namespace symbiont::tune {

/// Gives `normals` in order, then zeros; always the last of n for `below`. Counts what was taken.
class ScriptedDraws final : public Draws {
 public:
  explicit ScriptedDraws(std::vector<double> normals = {}) : normals_(std::move(normals)) {}

  double normal() override {
    ++taken_;
    return next_ < normals_.size() ? normals_[next_++] : 0.0;
  }
  std::uint64_t below(std::uint64_t n) override {
    ++taken_;
    return n - 1;
  }
  int taken() const { return taken_; }

 private:
  std::vector<double> normals_;
  std::size_t next_ = 0;
  int taken_ = 0;
};

}  // namespace symbiont::tune
