#include "symbiont/carbon/emissions.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace symbiont::carbon {
namespace {

/// Energy of the computers, before PUE.
struct Account {
  GramsCo2 grams;
  Joules covered;
  Joules total;

  void book(Joules energy, const IntensitySeries::Step& step) {
    grams += energy * step.value;
    total += energy;
    if (step.covered) covered += energy;
  }
};

void book(Account& account, const EnergyInterval& interval, const IntensitySeries& intensity) {
  SYM_CHECK(interval.begin <= interval.end && interval.energy >= Joules(0.0));
  const Seconds length = to_seconds(interval.end - interval.begin);
  for (WallTime time = interval.begin; time < interval.end;) {
    const IntensitySeries::Step step = intensity.at(time);
    const WallTime until = std::min(step.end, interval.end);
    account.book(interval.energy * (to_seconds(until - time) / length), step);
    time = until;
  }
  if (interval.begin == interval.end) account.book(interval.energy, intensity.at(interval.begin));
}

}  // namespace

Result<void> check_pue(double pue) {
  if (std::isfinite(pue) && pue >= 1.0) return {};
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("found a PUE of {}, expected at least 1: a building uses what its "
                          "computers use, and more",
                          pue));
}

Emissions emitted(std::span<const EnergyInterval> intervals, const IntensitySeries& intensity,
                  double pue) {
  SYM_CHECK(check_pue(pue));
  Account account;
  for (const EnergyInterval& interval : intervals) book(account, interval, intensity);
  if (account.total == Joules(0.0)) return {};
  return {account.grams * pue, std::min(account.covered / account.total, 1.0)};
}

}  // namespace symbiont::carbon
