#pragma once
/// The worker's end of the protocol: what a trainer written in C++ needs.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "symbiont/base/error.h"
#include "symbiont/base/file.h"
#include "symbiont/train/protocol.h"

namespace symbiont::train {

/// What the runner passes in the environment (SYMBIONT_*; design of the worker protocol).
struct WorkerEnvironment {
  std::filesystem::path channel;          ///< SYMBIONT_CHANNEL
  std::string job;                        ///< SYMBIONT_JOB
  std::string run;                        ///< SYMBIONT_RUN
  std::string recurrence;                 ///< SYMBIONT_RECURRENCE
  std::string attempt;                    ///< SYMBIONT_ATTEMPT
  std::int64_t batch_size = 0;            ///< SYMBIONT_BATCH_SIZE, at least 1
  double learning_rate = 0.0;             ///< SYMBIONT_LEARNING_RATE, finite and above 0
  std::int64_t max_epochs = 0;            ///< SYMBIONT_MAX_EPOCHS, at least 1
  std::uint64_t seed = 0;                 ///< SYMBIONT_SEED
  std::filesystem::path initial_weights;  ///< SYMBIONT_INITIAL_WEIGHTS (safetensors), may be empty
  std::filesystem::path resume;           ///< SYMBIONT_RESUME (checkpoint directory), may be empty
  std::filesystem::path output;           ///< SYMBIONT_OUTPUT, an existing directory

  /// Reads the variables. kInvalidArgument naming the variable, what was found and expected.
  static Result<WorkerEnvironment> from_process();
  /// As `from_process` when SYMBIONT_CHANNEL is set. Otherwise nobody has started this process as a
  /// worker: `defaults`, but for those of its variables that are set, and without a channel.
  /// kInvalidArgument naming the default that is out of its range.
  static Result<WorkerEnvironment> from_process_or(const WorkerEnvironment& defaults);
};

/// The connection to the runner. Not thread-safe. From `connect` on, a background thread ends this
/// process (exit code 5, no cleanup) within a second after the runner has closed the channel, even
/// in the middle of a lease: a worker never outlives its runner.
class WorkerChannel {
 public:
  static Result<WorkerChannel> connect(const std::filesystem::path& socket);

  WorkerChannel(WorkerChannel&&) noexcept;
  WorkerChannel& operator=(WorkerChannel&&) noexcept;
  ~WorkerChannel();

  Result<void> send(const WorkerMessage& message);
  /// Blocks until the runner says something. kCancelled when it closed the channel.
  Result<RunnerMessage> receive();
  /// As `receive`; nothing when nothing came within `timeout`.
  Result<std::optional<RunnerMessage>> receive(std::chrono::milliseconds timeout);

  /// In the child of a fork: closes its copy of the connection, which belongs to the parent, and
  /// forgets the background thread, which a fork does not copy. Then only destroy it.
  void leave_to_parent();

 private:
  struct State;
  explicit WorkerChannel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::train
