#pragma once
/// Plain mode: a training command that knows nothing of the worker protocol, run by a supervisor
/// that speaks it on the command's behalf.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont::train {

/// What the supervisor is told on its command line; the rest is in the environment of every worker
/// (WorkerEnvironment).
struct SupervisorOptions {
  /// `{batch_size}`, `{learning_rate}`, `{max_epochs}`, `{seed}`, `{output}` and `{resume}` inside
  /// a word are replaced by the values of the environment; a word stays one word.
  std::vector<std::string> command;
  std::filesystem::path folder;            ///< where the command runs
  std::string metrics;                     ///< see MetricsFormat
  std::string metric;                      ///< its name, a key of JSON lines
  std::int64_t first_epoch = 1;            ///< the number that the command gives its first epoch
  std::int64_t recorded = 0;               ///< epochs of the attempt that are in the ledger
  std::int64_t resumed = 0;                ///< the epoch at whose end SYMBIONT_RESUME was saved
  std::chrono::seconds stop_grace{10};     ///< between SIGTERM and SIGKILL
  std::int64_t most_log_bytes = 64 << 20;  ///< of the command's output on disk
};

/// The folder in SYMBIONT_OUTPUT that a command may write checkpoints to.
inline constexpr const char* kPlainCheckpoint = "checkpoint";

/// The arguments that stand for `options`, program name not included, and back. kInvalidArgument
/// naming the argument that is missing or wrong.
std::vector<std::string> to_arguments(const SupervisorOptions& options);
Result<SupervisorOptions> parse_arguments(const std::vector<std::string>& arguments);

/// The whole supervisor, as its program calls it: runs the command under the runner's leases until
/// either ends, leaves no descendant of it behind, and gives the exit code. Single-threaded; call
/// it before any thread is started.
int supervise(const SupervisorOptions& options);

}  // namespace symbiont::train
