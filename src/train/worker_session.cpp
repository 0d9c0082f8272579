#include "symbiont/train/worker_session.h"

#include <algorithm>
#include <utility>

#include "symbiont/base/clock.h"
#include "symbiont/base/failpoint.h"
#include "symbiont/base/units.h"

namespace symbiont::train {
namespace {

using Milliseconds = std::chrono::milliseconds;

double seconds_since(std::chrono::nanoseconds begin) {
  return to_seconds(system_clock().now() - begin).value();
}

}  // namespace

Result<WorkerSession> WorkerSession::open(WorkerEnvironment environment) {
  WorkerSession session(std::move(environment));
  const WorkerEnvironment& given = session.environment_;
  if (!given.channel.empty()) {
    SYM_ASSIGN_OR_RETURN(session.channel_, WorkerChannel::connect(given.channel));
  }
  if (!given.resume.empty()) {
    Result<WorkerProgress> progress = read_progress(given.resume);
    if (!progress) {
      Error error = std::move(progress).error().while_doing("resume from " + given.resume.string());
      // The runner is gone if it cannot be told, and that ends this process anyway.
      static_cast<void>(session.failed("bad_checkpoint", error.message()));
      return tl::unexpected(std::move(error));
    }
    session.progress_ = *progress;
    session.last_checkpoint_ = given.resume;
  }
  return session;
}

Result<void> WorkerSession::start(Hello hello) {
  if (steps_per_epoch_ != 0 || ended_) {
    return fail(ErrorCode::kFailedPrecondition,
                ended_ ? "the session has ended" : "the session has started before");
  }
  const std::int64_t steps_per_epoch = hello.steps_per_epoch.value_or(0);
  if (steps_per_epoch < 1) {
    return fail(
        ErrorCode::kInvalidArgument,
        "steps per epoch: found " + std::to_string(steps_per_epoch) + ", expected at least 1");
  }
  if (progress_.position >= steps_per_epoch) {
    return give_up("bad_checkpoint",
                   Error(ErrorCode::kInvalidArgument,
                         "resume from " + environment_.resume.string() + ": position " +
                             std::to_string(progress_.position) + " does not fit " +
                             std::to_string(steps_per_epoch) + " steps per epoch"));
  }
  hello.resumed_epoch = progress_.epoch;
  hello.resumed_position = progress_.position;
  SYM_RETURN_IF_ERROR(send(hello));
  if (!environment_.resume.empty()) {
    remove_other_checkpoints(environment_.output, environment_.resume);
  }
  steps_per_epoch_ = steps_per_epoch;
  return {};
}

Result<WorkerSession::Task> WorkerSession::next() {
  SYM_ASSIGN_OR_RETURN(std::optional<Task> task, wait(std::nullopt));
  SYM_CHECK(task.has_value());  // without a timeout there is a task or an error
  return std::move(*task);
}

Result<std::optional<WorkerSession::Task>> WorkerSession::next(Milliseconds timeout) {
  return wait(timeout);
}

Result<std::optional<WorkerSession::Task>> WorkerSession::wait(
    std::optional<Milliseconds> timeout) {
  if (steps_per_epoch_ == 0 || ended_) {
    return fail(ErrorCode::kFailedPrecondition,
                ended_ ? "the session has ended" : "the session has not started");
  }
  while (!task_) {
    Result<std::optional<RunnerMessage>> message = receive(timeout);
    if (!message) {
      return give_up("bad_message", std::move(message).error());
    }
    if (!*message) {
      return std::nullopt;
    }
    SYM_RETURN_IF_ERROR(
        std::visit([this](const auto& request) { return take(request); }, **message));
  }
  return task_;
}

Result<std::optional<RunnerMessage>> WorkerSession::receive(std::optional<Milliseconds> timeout) {
  if (!channel_) {
    return own_request();
  }
  if (timeout) {
    return channel_->receive(*timeout);
  }
  SYM_ASSIGN_OR_RETURN(RunnerMessage message, channel_->receive());
  return message;
}

// What a runner would want that has all the time of the world.
RunnerMessage WorkerSession::own_request() const {
  if (progress_.epoch < environment_.max_epochs) {
    return Run{};
  }
  return Stop{"all " + std::to_string(environment_.max_epochs) + " epochs are done"};
}

Result<void> WorkerSession::take(const Run& request) {
  const std::int64_t left = steps_per_epoch_ - progress_.position;
  lease_ = Lease();
  lease_.granted = std::min(request.steps.value_or(left), left);
  lease_.begin = system_clock().now();
  task_ = Task{Task::Kind::kTrain, lease_.granted, {}, {}};
  return lease_.granted == 0 ? end_lease() : Result<void>();
}

Result<void> WorkerSession::take(const Checkpoint&) {
  Result<CheckpointFolder> checkpoint = CheckpointFolder::begin(environment_.output, progress_);
  if (!checkpoint) {
    return give_up("save_failed", std::move(checkpoint).error());
  }
  checkpoint_ = std::move(*checkpoint);
  task_ = Task{Task::Kind::kSave, 0, checkpoint_->path(), {}};
  return {};
}

Result<void> WorkerSession::take(const Stop& request) {
  failpoint("worker.stop.before_weights");
  task_ = Task{Task::Kind::kFinish, 0, {}, request.reason};
  return {};
}

Result<void> WorkerSession::check_asked(Task::Kind kind, const char* answer) const {
  if (task_ && task_->kind == kind) {
    return {};
  }
  return fail(ErrorCode::kFailedPrecondition,
              std::string(answer) + " is not what was asked for; ask what is next");
}

Result<void> WorkerSession::trained(std::int64_t steps, std::int64_t samples, double loss_sum) {
  SYM_RETURN_IF_ERROR(check_asked(Task::Kind::kTrain, "trained"));
  if (steps < 0 || steps > task_->steps || samples < 0) {
    return fail(ErrorCode::kInvalidArgument, "trained: found " + std::to_string(steps) +
                                                 " steps, expected 0 to " +
                                                 std::to_string(task_->steps));
  }
  lease_.done += steps;
  lease_.samples += samples;
  lease_.loss_sum += loss_sum;
  progress_.position += steps;
  task_->steps -= steps;
  return task_->steps == 0 ? end_lease() : Result<void>();
}

Result<void> WorkerSession::end_lease() {
  Ran ran;
  ran.steps = lease_.done;
  ran.samples = lease_.samples;
  ran.seconds = seconds_since(lease_.begin);
  ran.loss = lease_.done == 0 ? 0.0 : lease_.loss_sum / static_cast<double>(lease_.done);
  ran.epoch_end = progress_.position == steps_per_epoch_;
  progress_.train_seconds += ran.seconds;
  task_.reset();
  SYM_RETURN_IF_ERROR(send(ran));
  if (ran.epoch_end) {
    evaluation_begin_ = system_clock().now();
    task_ = Task{Task::Kind::kEvaluate, 0, {}, {}};
  }
  return {};
}

Result<void> WorkerSession::evaluated(double metric) {
  SYM_RETURN_IF_ERROR(check_asked(Task::Kind::kEvaluate, "evaluated"));
  EpochDone done;
  done.index = progress_.epoch + 1;
  done.metric = metric;
  done.train_seconds = progress_.train_seconds;
  done.evaluation_seconds = seconds_since(evaluation_begin_);
  progress_ = {done.index, 0, 0.0};
  task_.reset();
  SYM_RETURN_IF_ERROR(send(done));
  failpoint("worker.epoch.sent");
  return {};
}

Result<void> WorkerSession::saved() {
  SYM_RETURN_IF_ERROR(check_asked(Task::Kind::kSave, "saved"));
  Result<std::filesystem::path> place = checkpoint_->commit(last_checkpoint_);
  if (!place) {
    return give_up("save_failed", std::move(place).error());
  }
  last_checkpoint_ = std::move(*place);
  checkpoint_.reset();
  task_.reset();
  return send(Saved{last_checkpoint_.string(), progress_.epoch, progress_.position});
}

Result<void> WorkerSession::finished(const std::filesystem::path& weights) {
  SYM_RETURN_IF_ERROR(check_asked(Task::Kind::kFinish, "finished"));
  task_.reset();
  ended_ = true;
  return send(Done{weights.string()});
}

Result<void> WorkerSession::failed(std::string code, std::string message) {
  if (ended_) {
    return {};
  }
  checkpoint_.reset();
  task_.reset();
  ended_ = true;
  return send(Failed{std::move(code), std::move(message)});
}

tl::unexpected<Error> WorkerSession::give_up(std::string code, Error error) {
  // The runner is gone if it cannot be told, and that ends this process anyway.
  static_cast<void>(failed(std::move(code), error.message()));
  return tl::unexpected(std::move(error));
}

void WorkerSession::leave_to_parent() {
  ended_ = true;
  if (channel_) {
    channel_->leave_to_parent();
  }
}

Result<void> WorkerSession::send(const WorkerMessage& message) {
  return channel_ ? channel_->send(message) : Result<void>();
}

}  // namespace symbiont::train
