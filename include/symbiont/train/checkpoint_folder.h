#pragma once
/// Checkpoints that appear all at once, whatever kills the worker that writes them.

#include <cstdint>
#include <filesystem>

#include "symbiont/base/error.h"

namespace symbiont::train {

/// How far a training is.
struct WorkerProgress {
  std::int64_t epoch = 0;      ///< whole epochs done
  std::int64_t position = 0;   ///< steps done of the next one
  double train_seconds = 0.0;  ///< spent on those steps

  friend bool operator==(const WorkerProgress&, const WorkerProgress&) = default;
};

/// A checkpoint in the making: a directory beside its place, removed unless it is committed.
/// Move-only, not thread-safe.
///
///   SYM_ASSIGN_OR_RETURN(auto checkpoint, CheckpointFolder::begin(output, progress));
///   ... write files into checkpoint.path() ...
///   SYM_ASSIGN_OR_RETURN(path, checkpoint.commit(previous));
class CheckpointFolder {
 public:
  /// Makes an empty directory below `output` for the checkpoint `output`/checkpoint-E-P.
  static Result<CheckpointFolder> begin(const std::filesystem::path& output,
                                        const WorkerProgress& progress);

  CheckpointFolder(CheckpointFolder&& other) noexcept;
  CheckpointFolder& operator=(CheckpointFolder&& other) noexcept;
  ~CheckpointFolder();

  /// Where its files go. `progress.json` is taken.
  const std::filesystem::path& path() const { return unfinished_; }

  /// Adds the progress, flushes all files to the disk and renames the directory to its place, which
  /// is returned. Then removes all other checkpoints in `output` but `previous` (may be empty): the
  /// one that the runner knows of until it has heard of this one.
  Result<std::filesystem::path> commit(const std::filesystem::path& previous);

 private:
  CheckpointFolder(std::filesystem::path output, const WorkerProgress& progress);

  std::filesystem::path output_;
  std::filesystem::path unfinished_;  // empty once committed or moved from
  std::filesystem::path place_;
  WorkerProgress progress_;
};

/// Removes every checkpoint in `output` but `kept`, which may be empty: those that a worker killed
/// between two of them left. What cannot be removed costs disk space only.
void remove_other_checkpoints(const std::filesystem::path& output,
                              const std::filesystem::path& kept);

/// How far a committed checkpoint is. kNotFound, kInvalidArgument or kDataLoss, naming the file,
/// when it is not a whole checkpoint.
Result<WorkerProgress> read_progress(const std::filesystem::path& checkpoint);

}  // namespace symbiont::train
