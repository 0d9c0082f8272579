#pragma once
/// A network in training. Everything that touches torch is behind this header.

#include <cstdint>
#include <memory>
#include <string>

#include "options.h"
#include "symbiont/base/error.h"
#include "symbiont/data/dataset.h"
#include "symbiont/graph/safetensors.h"

namespace symbiont::trainer {

/// What is to be learnt, and how.
struct LearnerOptions {
  ModelKind model = ModelKind::kMlp;
  OptimizerKind optimizer = OptimizerKind::kAdam;
  double learning_rate = 0.0;
  std::int64_t batch_size = 0;
  std::uint64_t seed = 0;
  int threads = 1;
};

/// Sizes for those who plan with them.
struct LearnerSize {
  std::int64_t parameters = 0;
  std::int64_t steps_per_epoch = 0;
  std::int64_t persistent_bytes = 0;  ///< data, weights and optimizer state
  std::int64_t ephemeral_bytes = 0;   ///< gradients and activations of one step, estimated
};

/// Same options, data, machine, build and thread count: same weights to the last bit. Initial
/// weights and biases are uniform in +-1/sqrt(fan_in), PyTorch's default for linear and
/// convolutional layers, drawn from the stream "init" of the seed. Not thread-safe.
/// kResourceExhausted from any function means that memory did not suffice.
class Learner {
 public:
  /// kInvalidArgument when the data does not fit the model or the batch size.
  static Result<Learner> create(const LearnerOptions& options, data::Split split);

  Learner(Learner&&) noexcept;
  Learner& operator=(Learner&&) noexcept;
  ~Learner();

  /// The library and its version: "torch 1.13.0".
  static std::string framework();

  const LearnerSize& size() const;

  /// Trains steps [position, position + steps) of `epoch` (1-based); the order of the rows depends
  /// on the seed and the epoch only. Returns the sum of the steps' losses (each a mean over its
  /// batch); NaN or infinite when training diverged. All work is done on return.
  Result<double> train(std::int64_t epoch, std::int64_t position, std::int64_t steps);

  /// The fraction of evaluation rows whose class is predicted.
  Result<double> evaluate();

  graph::TensorFile weights() const;
  /// Takes over weights. kInvalidArgument unless names and shapes are exactly the model's.
  Result<void> load_weights(const graph::TensorFile& file);

  graph::TensorFile optimizer_state() const;
  Result<void> load_optimizer_state(const graph::TensorFile& file);

 private:
  struct State;
  explicit Learner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::trainer
