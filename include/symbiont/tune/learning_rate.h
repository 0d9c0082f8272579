#pragma once
/// The learning rate follows the batch size, by a rule that depends on the optimizer.

#include <cstdint>
#include <string_view>

#include "symbiont/base/error.h"

namespace symbiont::tune {

enum class LearningRateRule {
  kLinear,      ///< rate * b/b0: plain gradient descent, with momentum or without
  kSquareRoot,  ///< rate * sqrt(b/b0): optimizers that adapt a rate per parameter
};

/// The rule for an optimizer, by its lower-case name. kInvalidArgument listing those known for any
/// other: guessing would make runs at different batch sizes incomparable. How to add one:
/// CONTRIBUTING.md, "Add a learning-rate rule".
Result<LearningRateRule> learning_rate_rule(std::string_view optimizer);

/// The learning rate for `batch_size`, given that `base_rate` suits `base_batch_size`.
/// kInvalidArgument for an unknown optimizer, a rate that is not positive and finite, or a batch
/// size that is not positive.
Result<double> scaled_learning_rate(std::string_view optimizer, double base_rate,
                                    std::int64_t base_batch_size, std::int64_t batch_size);

}  // namespace symbiont::tune
