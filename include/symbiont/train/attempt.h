#pragma once
/// One attempt: a worker process trained epoch by epoch under step leases, each slice measured.
///
/// The driver holds no policy. It starts the worker, grants leases, opens an energy window over
/// every epoch, watches deadlines, and tells an observer what happened; the observer (jobs) keeps
/// the ledger and decides whether to go on.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/base/usage.h"
#include "symbiont/train/protocol.h"

namespace symbiont::energy {
class Monitor;
}

namespace symbiont::train {

/// The worker's stdout and stderr are appended to this file of its output directory.
inline constexpr const char* kWorkerLog = "worker.log";

/// What to run and how long to wait for it.
struct AttemptOptions {
  std::vector<std::string> argv;  ///< the trainer; argv[0] found as Subprocess finds it
  /// SYMBIONT_* but the channel and the output, which the driver sets.
  std::vector<std::pair<std::string, std::string>> environment;
  std::filesystem::path working_directory;  ///< of the trainer; empty: ours
  std::filesystem::path output;      ///< SYMBIONT_OUTPUT; created when missing; holds kWorkerLog
  std::int64_t batch_size = 0;       ///< for replayed meters, which are indexed by it
  std::int64_t epochs_recorded = 0;  ///< epochs already in the ledger
  Usage carried;                     ///< usage already spent on the epoch that is resumed inside
  /// Longest the first lease, and start-up before it, may take ([train] deadline_s); later leases:
  /// ten times the longest so far, at least `least_deadline`. Evaluations, checkpoints and the
  /// writing of the final weights have deadlines of their own by the same rule.
  std::chrono::seconds first_deadline{300};
  std::chrono::seconds least_deadline{60};
  /// Set when the worker is the supervisor of a plain command (supervisor.h): how long the command
  /// may take to end once it is told to. The worker gets so much more time for its own end, and is
  /// asked to end, not killed at once, so that it ends all that the command has started.
  std::optional<std::chrono::seconds> command_grace;
  std::filesystem::path sysroot = "/";  ///< /proc and /sys are read below it, for OOM kills
};

/// An epoch as it was measured.
struct EpochResult {
  std::int64_t index = 0;  ///< 1-based
  double metric = 0.0;     ///< NaN when the worker could not compute one
  double train_seconds = 0.0;
  double evaluation_seconds = 0.0;
  /// From the end of the epoch before (its checkpoint included), or the worker's start-up, to this
  /// one's evaluation's end.
  Usage usage;
  WallTime begin;
  WallTime end;
};

/// What the observer wants after an epoch.
enum class Verdict {
  kContinue,
  kStop,  ///< no more epochs: the worker is asked for its weights and ends
};

/// How far an attempt is, several times per epoch.
struct Progress {
  std::int64_t epoch = 0;                       ///< the one in progress, 1-based
  std::int64_t steps = 0;                       ///< done of it
  std::optional<std::int64_t> steps_per_epoch;  ///< absent: the worker counts no steps
  double loss = 0.0;
  /// Spent since the last recorded epoch or checkpoint: what a kill would lose. What a checkpoint
  /// carries is not in it.
  Usage pending;
};

/// Who is told. Calls come from the driver's thread, in order. An error returned from any of them
/// kills the worker and comes back from `run_attempt` unchanged.
class AttemptObserver {
 public:
  virtual ~AttemptObserver() = default;

  /// The worker is ready; `startup` was spent from its start to here.
  virtual Result<void> on_started(const Hello& hello, const Usage& startup) = 0;
  /// After every lease, and at least once a second while one runs.
  virtual Result<void> on_progress(const Progress& progress) = 0;
  /// An epoch is complete. Make it durable, then say whether to go on. Epochs up to
  /// `epochs_recorded` are reported too when a worker had to run them again.
  virtual Result<Verdict> on_epoch(const EpochResult& epoch) = 0;
  /// A checkpoint is on disk, its path absolute; `carried` is all that was spent inside its
  /// unfinished epoch, zero at the end of an epoch.
  virtual Result<void> on_checkpoint(const Saved& saved, const Usage& carried) = 0;
  /// Asked at every lease boundary and about once a second: true makes the driver checkpoint at the
  /// next boundary and end as interrupted.
  virtual bool interrupted() = 0;
};

/// How an attempt's process ended.
struct AttemptEnd {
  enum class Kind {
    kStopped,      ///< the observer said kStop
    kExhausted,    ///< the worker ended by itself, with at least one epoch: nothing more to train
    kDiverged,     ///< a loss or metric that is NaN or infinite
    kInfeasible,   ///< out of memory, by the worker's word or the kernel's
    kInterrupted,  ///< the observer asked for it; a checkpoint is saved when it could be
    kFailed,       ///< crash, hang, garbage, disappearance: try again
  };
  Kind kind = Kind::kFailed;
  std::string reason;       ///< one line for a person
  std::string stderr_tail;  ///< last 50 lines of kWorkerLog, for kFailed
  /// Led to nothing: spent since the last recorded epoch or checkpoint, or before `on_started`.
  /// What a checkpoint carries is not in it: that is safe until the observer gives it up.
  Usage lost;
  /// Spent after the last record by a worker that was asked to stop, or had no more to do, and
  /// ended: on its final weights.
  Usage closing;
  /// Spent inside the epoch in which the model diverged, what a checkpoint carried included: used
  /// legitimately, so not lost.
  Usage unfinished;
  std::filesystem::path weights;  ///< final weights, absolute, for kStopped; empty: there are none
};

/// Runs one process of an attempt to its end. Nothing of the worker is left running on return.
/// Errors only for what is not the worker's doing: the trainer program is missing (kNotFound), the
/// meter or the observer failed.
Result<AttemptEnd> run_attempt(const AttemptOptions& options, energy::Monitor& monitor,
                               AttemptObserver& observer);

}  // namespace symbiont::train
