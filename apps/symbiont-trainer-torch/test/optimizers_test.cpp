#include "optimizers.h"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace symbiont::trainer {
namespace {

using testing::HasSubstr;

std::vector<NamedParameter> one_parameter(std::vector<float> numbers) {
  torch::Tensor value = torch::tensor(numbers);
  return {{"w", value.requires_grad_()}};
}

void step_with_gradient(torch::optim::Optimizer& optimizer, const NamedParameter& parameter,
                        std::vector<float> gradient) {
  parameter.value.mutable_grad() = torch::tensor(gradient);
  optimizer.step();
}

float first_of(const NamedParameter& parameter) {
  return parameter.value.data_ptr<float>()[0];
}

TEST(Adadelta, FollowsZeilersAlgorithmByHand) {
  // E[g2] and E[dx2] start at 0; rho 0.9, epsilon 1e-6, rate 1 (Zeiler 2012, algorithm 1).
  double weight = 1.0;
  double square = 0.0;
  double delta_square = 0.0;
  auto parameters = one_parameter({1.0F});
  const auto optimizer = make_optimizer(OptimizerKind::kAdadelta, parameters, 1.0);
  for (const double gradient : {0.5, -0.25, 2.0, 2.0}) {
    square = 0.9 * square + 0.1 * gradient * gradient;
    const double delta = -std::sqrt(delta_square + 1e-6) / std::sqrt(square + 1e-6) * gradient;
    delta_square = 0.9 * delta_square + 0.1 * delta * delta;
    weight += delta;
    step_with_gradient(*optimizer, parameters[0], {static_cast<float>(gradient)});
    EXPECT_NEAR(first_of(parameters[0]), weight, 1e-6);
  }
}

TEST(Adadelta, MovesByAboutTheRootOfEpsilonAtFirst) {
  // sqrt(1e-6) / sqrt(0.1 g2 + 1e-6) * g = 0.00316... for any g that is large against epsilon.
  for (const float gradient : {0.1F, 100.0F}) {
    auto parameters = one_parameter({0.0F});
    const auto optimizer = make_optimizer(OptimizerKind::kAdadelta, parameters, 1.0);
    step_with_gradient(*optimizer, parameters[0], {gradient});
    EXPECT_NEAR(first_of(parameters[0]), -0.0031623, 2e-6) << gradient;
  }
}

TEST(MakeOptimizer, GivesSgdItsMomentum) {
  auto parameters = one_parameter({0.0F});
  const auto optimizer = make_optimizer(OptimizerKind::kSgd, parameters, 0.1);
  step_with_gradient(*optimizer, parameters[0], {1.0F});
  step_with_gradient(*optimizer, parameters[0], {1.0F});
  EXPECT_NEAR(first_of(parameters[0]), -(0.1 + 0.19), 1e-6);
}

TEST(MakeOptimizer, GivesPlainSgdNone) {
  auto parameters = one_parameter({0.0F});
  const auto optimizer = make_optimizer(OptimizerKind::kSgdPlain, parameters, 0.1);
  step_with_gradient(*optimizer, parameters[0], {1.0F});
  step_with_gradient(*optimizer, parameters[0], {1.0F});
  EXPECT_NEAR(first_of(parameters[0]), -0.2, 1e-6);
}

class OptimizerState : public testing::TestWithParam<OptimizerKind> {};

TEST_P(OptimizerState, ContinuesToTheLastBit) {
  auto original = one_parameter({1.0F, -2.0F});
  const auto straight = make_optimizer(GetParam(), original, 0.01);
  for (const float gradient : {0.3F, -0.7F}) {
    step_with_gradient(*straight, original[0], {gradient, 2 * gradient});
  }
  std::vector<NamedParameter> copy = {{"w", original[0].value.detach().clone().requires_grad_()}};
  const auto resumed = make_optimizer(GetParam(), copy, 0.01);
  const graph::TensorFile state = optimizer_state(GetParam(), *straight, original);
  ASSERT_TRUE(restore_optimizer_state(GetParam(), *resumed, copy, state));

  step_with_gradient(*straight, original[0], {0.1F, 0.2F});
  step_with_gradient(*resumed, copy[0], {0.1F, 0.2F});
  EXPECT_TRUE(torch::equal(original[0].value, copy[0].value));
  EXPECT_EQ(optimizer_state(GetParam(), *straight, original),
            optimizer_state(GetParam(), *resumed, copy));
}

TEST_P(OptimizerState, IsEmptyBeforeTheFirstStep) {
  auto parameters = one_parameter({1.0F});
  const auto optimizer = make_optimizer(GetParam(), parameters, 0.01);
  const graph::TensorFile state = optimizer_state(GetParam(), *optimizer, parameters);
  EXPECT_TRUE(state.tensors.empty());
  EXPECT_TRUE(restore_optimizer_state(GetParam(), *optimizer, parameters, state));
}

TEST_P(OptimizerState, OfAnotherModelIsRefused) {
  auto parameters = one_parameter({1.0F});
  const auto optimizer = make_optimizer(GetParam(), parameters, 0.01);
  const std::vector<float> values(3);
  const graph::TensorFile foreign{{graph::make_tensor("other.exp_avg", {3}, values)}, {}};
  EXPECT_FALSE(restore_optimizer_state(GetParam(), *optimizer, parameters, foreign));
}

INSTANTIATE_TEST_SUITE_P(Kinds, OptimizerState,
                         testing::Values(OptimizerKind::kSgd, OptimizerKind::kSgdPlain,
                                         OptimizerKind::kAdam, OptimizerKind::kAdamW,
                                         OptimizerKind::kAdadelta),
                         [](const auto& kind) {
                           std::string name = to_string(kind.param);
                           std::erase(name, '-');
                           return name;
                         });

TEST(RestoreOptimizerState, OfAnotherShapeIsRefusedByName) {
  auto wide = one_parameter({1.0F, 2.0F});
  const auto source = make_optimizer(OptimizerKind::kAdam, wide, 0.01);
  step_with_gradient(*source, wide[0], {1.0F, 1.0F});
  auto narrow = one_parameter({1.0F});
  const auto target = make_optimizer(OptimizerKind::kAdam, narrow, 0.01);
  const auto restored = restore_optimizer_state(
      OptimizerKind::kAdam, *target, narrow, optimizer_state(OptimizerKind::kAdam, *source, wide));
  ASSERT_FALSE(restored);
  EXPECT_THAT(restored.error().message(),
              HasSubstr("tensor \"w.exp_avg\" has shape [2], expected [1]"));
}

}  // namespace
}  // namespace symbiont::trainer
