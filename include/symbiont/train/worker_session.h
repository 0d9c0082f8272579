#pragma once
/// The worker's half of the conversation with a runner: what a training loop asks and answers.
///
///   SYM_ASSIGN_OR_RETURN(WorkerSession session, WorkerSession::open(environment));
///   ... make the model, load session.environment().resume if there is one ...
///   SYM_RETURN_IF_ERROR(session.start(hello));
///   while (true) {
///     SYM_ASSIGN_OR_RETURN(const WorkerSession::Task task, session.next());
///     switch (task.kind) {
///       case kTrain:    train up to task.steps steps;        session.trained(...);    break;
///       case kEvaluate: evaluate the model;                  session.evaluated(...);  break;
///       case kSave:     write files into task.folder;        session.saved();         break;
///       case kFinish:   write the final weights;             session.finished(...);   return;
///     }
///   }
///
/// Without a runner (no channel in the environment) the session grants itself whole epochs, as many
/// as the environment allows, and asks for no checkpoints: the same program then simply trains.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "symbiont/base/error.h"
#include "symbiont/train/checkpoint_folder.h"
#include "symbiont/train/protocol.h"
#include "symbiont/train/worker_channel.h"

namespace symbiont::train {

/// Counts steps, times them, keeps checkpoints whole and says each message at its moment.
/// Move-only. Not thread-safe. Every function fails with kCancelled once the runner has gone (the
/// process then ends by itself, see WorkerChannel), and with kFailedPrecondition when it answers
/// what was not asked. Where the session itself cannot go on (a checkpoint that cannot be read or
/// written, a message that is none) it has told the runner so before it returns the error.
class WorkerSession {
 public:
  /// What is to be done next.
  struct Task {
    enum class Kind {
      kTrain,     ///< `steps` more steps of the current epoch may run now
      kEvaluate,  ///< the epoch's steps are done
      kSave,      ///< all that is needed to go on goes into the directory `folder`
      kFinish,    ///< `reason` says why no more is wanted; the final weights are
    };
    Kind kind = Kind::kTrain;
    std::int64_t steps = 0;
    std::filesystem::path folder;
    std::string reason;
  };

  /// Connects to the runner, if the environment names one, and reads how far the checkpoint in
  /// `environment.resume` is, if there is one.
  static Result<WorkerSession> open(WorkerEnvironment environment);

  const WorkerEnvironment& environment() const { return environment_; }
  /// Whether there is no runner.
  bool standalone() const { return !channel_.has_value(); }
  /// Before `start`: how far the checkpoint to resume from is. Then: how far the training is.
  const WorkerProgress& progress() const { return progress_; }

  /// The checkpoint cannot be used: train from the beginning. Before `start`.
  void start_over() { progress_ = WorkerProgress(); }

  /// Says hello: the model is there and what is to be resumed is loaded. `resumed_*` of `hello` are
  /// filled in. kInvalidArgument when the epoch has no steps, or fewer than the checkpoint has run.
  Result<void> start(Hello hello);

  /// Blocks until there is something to do. The same task is returned until it is answered.
  Result<Task> next();
  /// As `next`; nothing when nothing has come within `timeout`.
  Result<std::optional<Task>> next(std::chrono::milliseconds timeout);

  /// Answers kTrain: that many steps were run, at most what it allowed, all work done. The runner
  /// hears of them when the lease is used up. `loss_sum` is the sum of their losses; the mean over
  /// a lease ends the training as diverged when it is not finite.
  Result<void> trained(std::int64_t steps, std::int64_t samples, double loss_sum);
  /// Answers kEvaluate. A metric that is not finite ends the training as diverged.
  Result<void> evaluated(double metric);
  /// Answers kSave: the files are written. Makes them a checkpoint.
  Result<void> saved();
  /// Answers kFinish with the file of the final weights, below the output directory; empty when
  /// there are none. Nothing may follow.
  Result<void> finished(const std::filesystem::path& weights);

  /// Instead of any answer: the worker cannot go on. "out_of_memory" says that the batch size does
  /// not fit. Nothing may follow. Says nothing to a session that has ended.
  Result<void> failed(std::string code, std::string message);

  /// In the child of a fork: the connection belongs to the parent. Closes the child's copy.
  void leave_to_parent();

 private:
  /// The lease that is being worked off.
  struct Lease {
    std::int64_t granted = 0;
    std::int64_t done = 0;
    std::int64_t samples = 0;
    double loss_sum = 0.0;
    std::chrono::nanoseconds begin{0};
  };

  explicit WorkerSession(WorkerEnvironment environment) : environment_(std::move(environment)) {}

  Result<std::optional<RunnerMessage>> receive(std::optional<std::chrono::milliseconds> timeout);
  RunnerMessage own_request() const;
  Result<std::optional<Task>> wait(std::optional<std::chrono::milliseconds> timeout);
  Result<void> take(const Run& request);
  Result<void> take(const Checkpoint& request);
  Result<void> take(const Stop& request);
  Result<void> end_lease();
  Result<void> check_asked(Task::Kind kind, const char* answer) const;
  Result<void> send(const WorkerMessage& message);
  tl::unexpected<Error> give_up(std::string code, Error error);

  WorkerEnvironment environment_;
  std::optional<WorkerChannel> channel_;
  WorkerProgress progress_;
  std::filesystem::path last_checkpoint_;
  std::int64_t steps_per_epoch_ = 0;  // 0 before `start`
  bool ended_ = false;

  std::optional<Task> task_;  // asked for and not yet answered
  Lease lease_;
  std::chrono::nanoseconds evaluation_begin_{0};
  std::optional<CheckpointFolder> checkpoint_;
};

}  // namespace symbiont::train
