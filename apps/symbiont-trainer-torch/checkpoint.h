#pragma once
/// What the trainer puts into a checkpoint, beside the progress that train::CheckpointFolder keeps.
///
///   weights.safetensors     parameters
///   optimizer.safetensors   the optimizer's state by parameter
///   state.json              what was being trained
///
/// The order of an epoch follows from the seed and the epoch, so no generator has to be stored.

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

struct Checkpoint {
  TrainingIdentity identity;
  graph::TensorFile weights;
  graph::TensorFile optimizer;
};

/// Writes the files into `directory`, each flushed to the disk.
Result<void> save_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint);

/// kNotFound, kInvalidArgument or kDataLoss, naming the file, when it is not a whole checkpoint.
Result<Checkpoint> load_checkpoint(const std::filesystem::path& directory);

}  // namespace symbiont::trainer
