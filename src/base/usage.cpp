#include "symbiont/base/usage.h"

#include "symbiont/base/error.h"

namespace symbiont {
namespace {

bool is_nothing(const Usage& usage) {
  return usage.energy_uj == 0 && usage.uncertainty_uj == 0 && usage.time.count() == 0;
}

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  if (is_nothing(other)) return *this;
  if (is_nothing(*this)) return *this = other;
  SYM_CHECK(scope == other.scope);
  energy_uj += other.energy_uj;
  uncertainty_uj += other.uncertainty_uj;
  time += other.time;
  provenance = combine(provenance, other.provenance);
  return *this;
}

}  // namespace symbiont
