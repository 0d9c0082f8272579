#pragma once
/// The worker protocol: what a runner and a trainer process say to each other.
///
/// One JSON object per line over a Unix stream socket, each with "v":1 and "type". The runner
/// grants leases; the worker reports. Between leases the worker holds no device work in flight, so
/// whoever grants leases can measure, stop, preempt or resize at each boundary.
/// docs/reference/worker-protocol.md describes the wire for authors of workers.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "symbiont/base/error.h"

namespace symbiont::train {

inline constexpr int kProtocolVersion = 1;
inline constexpr std::size_t kMaxMessageBytes = 64 << 10;  ///< a longer line is garbage

// --- Worker to runner ---------------------------------------------------------------------------

/// The first message: the worker is ready for its first lease. What it does not know is absent.
struct Hello {
  std::string framework;                   ///< "torch 1.13.1"
  std::string device;                      ///< "cpu"
  std::optional<std::int64_t> parameters;  ///< trainable numbers in the model
  /// Absent: the worker counts no steps, and every lease goes to the end of the epoch.
  std::optional<std::int64_t> steps_per_epoch;
  std::optional<std::int64_t> memory_persistent_bytes;  ///< weights, optimiser state, data
  std::optional<std::int64_t> memory_ephemeral_bytes;   ///< activations, gradients of one step
  std::int64_t resumed_epoch = 0;                       ///< whole epochs already done (0: fresh)
  std::int64_t resumed_position = 0;  ///< steps already done of the epoch after them
};

/// The end of a lease, or the part of it that ended with the epoch.
struct Ran {
  std::int64_t steps = 0;
  std::int64_t samples = 0;
  double seconds = 0.0;
  /// Mean over the lease; on the wire null when not finite, NaN here. Of no meaning from a worker
  /// that counts no steps.
  double loss = 0.0;
  bool epoch_end = false;  ///< an `EpochDone` follows after the evaluation
};

/// An epoch's training and evaluation are complete.
struct EpochDone {
  std::int64_t index = 0;  ///< 1-based over the life of the attempt
  double metric = 0.0;     ///< on the wire null when not finite, NaN here
  double train_seconds = 0.0;
  double evaluation_seconds = 0.0;
};

/// A checkpoint is complete on disk.
struct Saved {
  std::string path;  ///< a directory under SYMBIONT_OUTPUT; empty: there is nothing to go on from
  std::int64_t epoch = 0;     ///< whole epochs done
  std::int64_t position = 0;  ///< steps done of the next one
};

/// The answer to `stop`: final weights (safetensors) are written, the worker ends now. In answer to
/// `run`, from a worker that counts no steps: it has nothing more to train.
struct Done {
  std::string weights;  ///< path; empty when there are none
};

/// The worker cannot go on. `code` is "out_of_memory" when memory did not suffice; anything else is
/// treated as an infrastructure failure.
struct Failed {
  std::string code;
  std::string message;
};

using WorkerMessage = std::variant<Hello, Ran, EpochDone, Saved, Done, Failed>;

// --- Runner to worker ---------------------------------------------------------------------------

/// A lease of `steps` training steps, or to the end of the epoch when absent. A lease never crosses
/// an epoch's end.
struct Run {
  std::optional<std::int64_t> steps;
};
/// Save a checkpoint now; answered by `Saved`.
struct Checkpoint {};
/// Write the final weights and end; answered by `Done`.
struct Stop {
  std::string reason;
};

using RunnerMessage = std::variant<Run, Checkpoint, Stop>;

/// One line without its newline.
std::string encode(const WorkerMessage& message);
std::string encode(const RunnerMessage& message);

/// Parses one line without its newline. kInvalidArgument naming the field, what was found and what
/// was expected; kUnimplemented for another protocol version. Unknown fields are ignored (newer
/// workers may say more), unknown types are refused, counts must be within [0, 2^53].
Result<WorkerMessage> decode_worker_message(std::string_view line);
Result<RunnerMessage> decode_runner_message(std::string_view line);

}  // namespace symbiont::train
