#include "symbiont/tune/learning_rate.h"

#include <cmath>
#include <string>

#include <fmt/format.h>

namespace symbiont::tune {
namespace {

struct Entry {
  std::string_view optimizer;
  LearningRateRule rule;
};

constexpr Entry kRules[] = {
    {"adadelta", LearningRateRule::kSquareRoot}, {"adam", LearningRateRule::kSquareRoot},
    {"adamw", LearningRateRule::kSquareRoot},    {"sgd", LearningRateRule::kLinear},
    {"sgd-plain", LearningRateRule::kLinear},
};

std::string known_optimizers() {
  std::string known;
  for (const Entry& entry : kRules) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.optimizer);
  }
  return known;
}

/// What the rate is multiplied by when the batch size is.
double growth(LearningRateRule rule, double ratio) {
  switch (rule) {
    case LearningRateRule::kLinear:
      return ratio;
    case LearningRateRule::kSquareRoot:
      break;
  }
  return std::sqrt(ratio);
}

}  // namespace

Result<LearningRateRule> learning_rate_rule(std::string_view optimizer) {
  for (const Entry& entry : kRules) {
    if (entry.optimizer == optimizer) {
      return entry.rule;
    }
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("no rule scales the learning rate of optimizer \"{}\" with the batch "
                          "size; there are rules for {}",
                          optimizer, known_optimizers()));
}

Result<double> scaled_learning_rate(std::string_view optimizer, double base_rate,
                                    std::int64_t base_batch_size, std::int64_t batch_size) {
  SYM_ASSIGN_OR_RETURN(const LearningRateRule rule, learning_rate_rule(optimizer));
  if (!(base_rate > 0.0) || !std::isfinite(base_rate)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("learning rate: a positive number expected, found {}", base_rate));
  }
  if (base_batch_size <= 0 || batch_size <= 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("batch size: a positive number expected, found {}",
                            base_batch_size <= 0 ? base_batch_size : batch_size));
  }
  const double ratio = static_cast<double>(batch_size) / static_cast<double>(base_batch_size);
  return base_rate * growth(rule, ratio);
}

}  // namespace symbiont::tune
