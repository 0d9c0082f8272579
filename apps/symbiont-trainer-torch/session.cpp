#include "session.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <string>
#include <utility>
#include <variant>

#include "symbiont/base/clock.h"
#include "symbiont/base/failpoint.h"
#include "symbiont/base/log.h"
#include "symbiont/base/units.h"

namespace symbiont::trainer {
namespace {

namespace fs = std::filesystem;

// Nothing, or what to tell the runner before ending.
using Outcome = tl::expected<void, train::Failed>;

tl::unexpected<train::Failed> failed(std::string code, const Error& error) {
  return tl::unexpected(train::Failed{std::move(code), error.message()});
}

// Only the learner runs out of memory by what it was asked to train; a full disk is not that.
tl::unexpected<train::Failed> learner_failed(std::string code, const Error& error) {
  const bool memory = error.code() == ErrorCode::kResourceExhausted;
  return failed(memory ? "out_of_memory" : std::move(code), error);
}

TrainingIdentity identity_of(const Options& options, const train::WorkerEnvironment& environment) {
  return {to_string(options.model), to_string(options.optimizer), options.data.set,
          options.data.limit,       environment.learning_rate,    environment.batch_size,
          environment.seed};
}

class Stopwatch {
 public:
  double seconds() const { return to_seconds(system_clock().now() - start_).value(); }

 private:
  std::chrono::nanoseconds start_ = system_clock().now();
};

class Session {
 public:
  Session(const train::WorkerEnvironment& environment, train::WorkerChannel& channel,
          TrainingIdentity identity, Learner learner)
      : environment_(environment),
        channel_(channel),
        identity_(std::move(identity)),
        learner_(std::move(learner)) {}

  // Takes over a checkpoint or initial weights when the runner named some.
  Outcome begin() {
    if (!environment_.resume.empty()) {
      Result<void> resumed = resume();
      return resumed ? Outcome() : learner_failed("bad_checkpoint", resumed.error());
    }
    if (!environment_.initial_weights.empty()) {
      Result<void> loaded = load_initial_weights();
      return loaded ? Outcome() : learner_failed("bad_weights", loaded.error());
    }
    return {};
  }

  bool say_hello() {
    const LearnerSize& size = learner_.size();
    train::Hello hello;
    hello.framework = Learner::framework();
    hello.device = "cpu";
    hello.parameters = size.parameters;
    hello.steps_per_epoch = size.steps_per_epoch;
    hello.memory_persistent_bytes = size.persistent_bytes;
    hello.memory_ephemeral_bytes = size.ephemeral_bytes;
    hello.resumed_epoch = progress_.epoch;
    hello.resumed_position = progress_.position;
    return send(hello);
  }

  // Serves until `stop`, a failure, or the end of the channel (then `runner_gone`).
  Outcome serve() {
    while (!stopped_ && !runner_gone_) {
      const Result<train::RunnerMessage> message = channel_.receive();
      if (!message && message.error().code() == ErrorCode::kCancelled) {
        runner_gone_ = true;
        return {};
      }
      if (!message) {
        return failed("bad_message", message.error());
      }
      Outcome outcome = std::visit([this](const auto& request) { return on(request); }, *message);
      if (!outcome) {
        return outcome;
      }
    }
    return {};
  }

  bool runner_gone() const { return runner_gone_; }

 private:
  bool send(const train::WorkerMessage& message) {
    runner_gone_ = runner_gone_ || !channel_.send(message);
    return !runner_gone_;
  }

  Result<void> resume() {
    Result<Checkpoint> checkpoint = load_checkpoint(environment_.resume);
    const std::string intent = "resume from " + environment_.resume.string();
    if (!checkpoint) {
      return tl::unexpected(std::move(checkpoint).error().while_doing(intent));
    }
    Result<void> taken = take_over(*checkpoint);
    if (!taken) {
      return tl::unexpected(std::move(taken).error().while_doing(intent));
    }
    last_checkpoint_ = environment_.resume;
    return {};
  }

  Result<void> take_over(const Checkpoint& checkpoint) {
    SYM_RETURN_IF_ERROR(check_same(checkpoint.identity, identity_));
    const TrainingProgress& progress = checkpoint.progress;
    if (progress.epoch < 0 || progress.position < 0 ||
        progress.position >= learner_.size().steps_per_epoch) {
      return fail(ErrorCode::kInvalidArgument,
                  "state.json: epoch " + std::to_string(progress.epoch) + " and position " +
                      std::to_string(progress.position) + " do not fit " +
                      std::to_string(learner_.size().steps_per_epoch) + " steps per epoch");
    }
    SYM_RETURN_IF_ERROR(learner_.load_weights(checkpoint.weights));
    SYM_RETURN_IF_ERROR(learner_.load_optimizer_state(checkpoint.optimizer));
    progress_ = progress;
    return {};
  }

  Result<void> load_initial_weights() {
    const fs::path& path = environment_.initial_weights;
    SYM_ASSIGN_OR_RETURN(const graph::TensorFile file, graph::load_safetensors(path));
    Result<void> loaded = learner_.load_weights(file);
    if (!loaded) {
      return tl::unexpected(std::move(loaded).error().while_doing(path.string()));
    }
    return {};
  }

  Outcome on(const train::Run& lease) {
    const std::int64_t left = learner_.size().steps_per_epoch - progress_.position;
    const std::int64_t steps = std::min(lease.steps.value_or(left), left);
    const Stopwatch watch;
    const Result<double> loss_sum = train_lease(steps);
    if (!loss_sum) {
      return learner_failed("training", loss_sum.error());
    }
    train::Ran ran;
    ran.steps = steps;
    ran.samples = steps * environment_.batch_size;
    ran.seconds = watch.seconds();
    ran.loss = steps == 0 ? 0.0 : *loss_sum / static_cast<double>(steps);
    ran.epoch_end = steps == left;
    progress_.position += steps;
    progress_.train_seconds += ran.seconds;
    if (!send(ran) || !ran.epoch_end) {
      return {};
    }
    return end_epoch();
  }

  // In two halves, so that a fault test can end the process inside a lease.
  Result<double> train_lease(std::int64_t steps) {
    const std::int64_t epoch = progress_.epoch + 1;
    const std::int64_t half = steps / 2;
    SYM_ASSIGN_OR_RETURN(const double first, learner_.train(epoch, progress_.position, half));
    failpoint("worker.lease.middle");
    SYM_ASSIGN_OR_RETURN(const double second,
                         learner_.train(epoch, progress_.position + half, steps - half));
    return first + second;
  }

  Outcome end_epoch() {
    const Stopwatch watch;
    const Result<double> metric = learner_.evaluate();
    if (!metric) {
      return learner_failed("evaluation", metric.error());
    }
    train::EpochDone done;
    done.index = progress_.epoch + 1;
    done.metric = *metric;
    done.train_seconds = progress_.train_seconds;
    done.evaluation_seconds = watch.seconds();
    progress_ = {done.index, 0, 0.0};
    if (send(done)) {
      failpoint("worker.epoch.sent");
    }
    return {};
  }

  Outcome on(const train::Checkpoint&) {
    const Checkpoint checkpoint{identity_, progress_, learner_.weights(),
                                learner_.optimizer_state()};
    Result<fs::path> saved = save_checkpoint(environment_.output, checkpoint, last_checkpoint_);
    if (!saved) {
      return failed("save_failed", saved.error());
    }
    last_checkpoint_ = *saved;
    send(train::Saved{saved->string(), progress_.epoch, progress_.position});
    return {};
  }

  Outcome on(const train::Stop&) {
    failpoint("worker.stop.before_weights");
    const fs::path path = environment_.output / "weights.safetensors";
    const Result<void> saved = graph::save_safetensors(path, learner_.weights());
    if (!saved) {
      return failed("save_failed", saved.error());
    }
    stopped_ = true;
    send(train::Done{path.string()});
    return {};
  }

  const train::WorkerEnvironment& environment_;
  train::WorkerChannel& channel_;
  TrainingIdentity identity_;
  Learner learner_;
  TrainingProgress progress_;
  fs::path last_checkpoint_;
  bool stopped_ = false;
  bool runner_gone_ = false;
};

tl::expected<Learner, train::Failed> prepare(const Options& options,
                                             const train::WorkerEnvironment& environment) {
  Result<data::Split> split = data::load(options.data);
  if (!split) {
    return failed("bad_data", split.error());
  }
  const LearnerOptions wanted{options.model,          options.optimizer, environment.learning_rate,
                              environment.batch_size, environment.seed,  options.threads};
  Result<Learner> learner = Learner::create(wanted, std::move(*split));
  if (!learner) {
    return learner_failed("bad_options", learner.error());
  }
  return std::move(*learner);
}

// Whether the runner was there to the end, or why the worker cannot go on.
tl::expected<SessionEnd, train::Failed> run(const Options& options,
                                            const train::WorkerEnvironment& environment,
                                            train::WorkerChannel& channel) {
  SYM_ASSIGN_OR_RETURN(Learner learner, prepare(options, environment));
  Session session(environment, channel, identity_of(options, environment), std::move(learner));
  SYM_RETURN_IF_ERROR(session.begin());
  if (session.say_hello()) {
    SYM_RETURN_IF_ERROR(session.serve());
  }
  return session.runner_gone() ? SessionEnd::kRunnerGone : SessionEnd::kDone;
}

tl::expected<SessionEnd, train::Failed> run_within_memory(
    const Options& options, const train::WorkerEnvironment& environment,
    train::WorkerChannel& channel) {
  try {
    return run(options, environment, channel);
  } catch (const std::bad_alloc&) {
    return tl::unexpected(train::Failed{"out_of_memory", "out of memory"});
  }
}

}  // namespace

SessionEnd serve(const Options& options, const train::WorkerEnvironment& environment,
                 train::WorkerChannel& channel) {
  const auto end = run_within_memory(options, environment, channel);
  if (end) {
    return *end;
  }
  log::error(end.error().code + ": " + end.error().message);
  return channel.send(end.error()) ? SessionEnd::kFailed : SessionEnd::kRunnerGone;
}

}  // namespace symbiont::trainer
