#pragma once
/// Optimizers by name, and their state in files. Includes torch.

#include <memory>
#include <vector>

#include <torch/optim.h>

#include "options.h"
#include "torch_tensors.h"

namespace symbiont::trainer {

/// Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1, scaled by a learning
/// rate as in PyTorch: rho 0.9, epsilon 1e-6.
class Adadelta final : public torch::optim::Optimizer {
 public:
  Adadelta(std::vector<torch::Tensor> parameters, double learning_rate);
  torch::Tensor step(LossClosure closure = nullptr) override;

 private:
  double learning_rate_;
};

/// The one place where a kind becomes an optimizer.
std::unique_ptr<torch::optim::Optimizer> make_optimizer(
    OptimizerKind kind, const std::vector<NamedParameter>& parameters, double learning_rate);

/// Numbers of state per parameter: 0 for sgd-plain, 1 for sgd, 2 for the others.
int state_per_parameter(OptimizerKind kind);

/// The state by parameter: "fc1.weight.exp_avg", "fc1.weight.step", ... in PyTorch's words.
/// Empty before the first step.
graph::TensorFile optimizer_state(OptimizerKind kind, const torch::optim::Optimizer& optimizer,
                                  const std::vector<NamedParameter>& parameters);

/// Continues from a saved state. kInvalidArgument when it is not exactly that of `parameters`.
Result<void> restore_optimizer_state(OptimizerKind kind, torch::optim::Optimizer& optimizer,
                                     const std::vector<NamedParameter>& parameters,
                                     const graph::TensorFile& state);

}  // namespace symbiont::trainer
