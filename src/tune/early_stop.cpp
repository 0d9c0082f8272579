#include "symbiont/tune/early_stop.h"

#include <cmath>
#include <string_view>

#include <nlohmann/json.hpp>

#include "symbiont/base/error.h"

namespace symbiont::tune {
namespace {

using nlohmann::ordered_json;

ordered_json or_null(std::optional<Joules> joules) {
  return joules ? ordered_json(joules->value()) : ordered_json(nullptr);
}

std::string_view reason(bool bounded, bool predicted, bool stop) {
  if (!bounded) {
    return "no bound";
  }
  if (!predicted) {
    return "the cost of an epoch is not known yet";
  }
  return stop ? "the next epoch would reach the bound" : "the next epoch stays below the bound";
}

}  // namespace

std::optional<Joules> EarlyStop::predict(std::int64_t epochs, Joules cost) const {
  if (epochs > 0) {
    return cost + cost / static_cast<double>(epochs);
  }
  return known_epoch_cost_;
}

StopDecision EarlyStop::before_epoch(std::int64_t epochs, Joules cost) const {
  StopDecision decision;
  decision.predicted_cost = predict(epochs, cost);
  decision.stop = bound_ && decision.predicted_cost && *decision.predicted_cost >= *bound_;
  decision.why =
      ordered_json{{"stop", decision.stop},
                   {"epochs", epochs},
                   {"cost_j", cost.value()},
                   {"predicted_cost_j", or_null(decision.predicted_cost)},
                   {"bound_j", or_null(bound_)},
                   {"reason",
                    reason(bound_.has_value(), decision.predicted_cost.has_value(), decision.stop)}}
          .dump();
  return decision;
}

std::int64_t affordable_epochs(std::optional<Joules> bound, Joules epoch_cost,
                               std::int64_t max_epochs) {
  if (!bound) {
    return max_epochs;
  }
  const double dividend = bound->value();
  const double divisor = epoch_cost.value();
  SYM_CHECK(dividend >= 0.0 && divisor > 0.0 && max_epochs >= 0);
  // The remainder is exact, so what is left divides without crossing a whole number.
  const double whole = std::round((dividend - std::fmod(dividend, divisor)) / divisor);
  return whole >= static_cast<double>(max_epochs) ? max_epochs : static_cast<std::int64_t>(whole);
}

}  // namespace symbiont::tune
