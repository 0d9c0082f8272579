#pragma once
/// Checkpoints on disk: a directory that is there whole or not at all.
///
///   checkpoint-E-P/weights.safetensors     parameters
///   checkpoint-E-P/optimizer.safetensors   the optimizer's state by parameter
///   checkpoint-E-P/state.json              what was being trained, and how far it is
///
/// E whole epochs are done and P steps of the next one. The order of an epoch follows from the seed
/// and the epoch, so no generator has to be stored.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "symbiont/base/error.h"
#include "symbiont/graph/safetensors.h"

namespace symbiont::trainer {

/// What must be the same for training to continue as if it had not stopped.
struct TrainingIdentity {
  std::string model;
  std::string optimizer;
  std::string data;
  std::optional<std::int64_t> limit;
  double learning_rate = 0.0;
  std::int64_t batch_size = 0;
  std::uint64_t seed = 0;
};

/// kInvalidArgument naming the first difference, what the checkpoint has and what was asked for.
Result<void> check_same(const TrainingIdentity& found, const TrainingIdentity& expected);

/// How far training is.
struct TrainingProgress {
  std::int64_t epoch = 0;      ///< whole epochs done
  std::int64_t position = 0;   ///< steps done of the next one
  double train_seconds = 0.0;  ///< spent on those steps
};

struct Checkpoint {
  TrainingIdentity identity;
  TrainingProgress progress;
  graph::TensorFile weights;
  graph::TensorFile optimizer;
};

/// Writes `output`/checkpoint-E-P and returns its path. Then removes all other checkpoints in
/// `output` but `previous` (may be empty): the one that the runner knows of until it has heard of
/// this one.
Result<std::filesystem::path> save_checkpoint(const std::filesystem::path& output,
                                              const Checkpoint& checkpoint,
                                              const std::filesystem::path& previous);

/// kNotFound, kInvalidArgument or kDataLoss, naming the file, when it is not a whole checkpoint.
Result<Checkpoint> load_checkpoint(const std::filesystem::path& directory);

}  // namespace symbiont::trainer
