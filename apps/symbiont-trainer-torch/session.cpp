#include "session.h"

#include <new>
#include <string>
#include <utility>

#include "checkpoint.h"
#include "learner.h"
#include "symbiont/base/failpoint.h"
#include "symbiont/base/log.h"

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

class Training {
 public:
  Training(train::WorkerSession& session, TrainingIdentity identity, Learner learner)
      : session_(session),
        environment_(session.environment()),
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

  Outcome say_hello() {
    const LearnerSize& size = learner_.size();
    train::Hello hello;
    hello.framework = Learner::framework();
    hello.device = "cpu";
    hello.parameters = size.parameters;
    hello.steps_per_epoch = size.steps_per_epoch;
    hello.memory_persistent_bytes = size.persistent_bytes;
    hello.memory_ephemeral_bytes = size.ephemeral_bytes;
    return told(session_.start(hello), "bad_checkpoint");
  }

  // Does what is asked until `stop`, a failure, or the end of the channel (then `runner_gone`).
  Outcome serve() {
    while (!stopped_ && !runner_gone_) {
      const Result<Task> task = session_.next();
      SYM_RETURN_IF_ERROR(task ? perform(*task)
                               : told(tl::unexpected(task.error()), "bad_message"));
    }
    return {};
  }

  bool runner_gone() const { return runner_gone_; }

 private:
  using Task = train::WorkerSession::Task;

  // What the session said: that the runner has gone is no failure of ours.
  Outcome told(const Result<void>& answer, std::string code) {
    runner_gone_ = runner_gone_ || (!answer && answer.error().code() == ErrorCode::kCancelled);
    return answer || runner_gone_ ? Outcome() : failed(std::move(code), answer.error());
  }

  Outcome perform(const Task& task) {
    switch (task.kind) {
      case Task::Kind::kTrain:
        return train(task.steps);
      case Task::Kind::kEvaluate:
        return evaluate();
      case Task::Kind::kSave:
        return save(task.folder);
      case Task::Kind::kFinish:
        return finish();
    }
    SYM_CHECK(false);
  }

  Result<void> resume() {
    Result<Checkpoint> checkpoint = load_checkpoint(environment_.resume);
    Result<void> taken = checkpoint ? take_over(*checkpoint)
                                    : Result<void>(tl::unexpected(std::move(checkpoint).error()));
    if (!taken) {
      return tl::unexpected(
          std::move(taken).error().while_doing("resume from " + environment_.resume.string()));
    }
    return {};
  }

  Result<void> take_over(const Checkpoint& checkpoint) {
    SYM_RETURN_IF_ERROR(check_same(checkpoint.identity, identity_));
    SYM_RETURN_IF_ERROR(learner_.load_weights(checkpoint.weights));
    return learner_.load_optimizer_state(checkpoint.optimizer);
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

  Outcome train(std::int64_t steps) {
    const Result<double> loss_sum = train_lease(steps);
    if (!loss_sum) {
      return learner_failed("training", loss_sum.error());
    }
    return told(session_.trained(steps, steps * environment_.batch_size, *loss_sum), "training");
  }

  // In two halves, so that a fault test can end the process inside a lease.
  Result<double> train_lease(std::int64_t steps) {
    const auto [done, position, seconds] = session_.progress();
    const std::int64_t half = steps / 2;
    SYM_ASSIGN_OR_RETURN(const double first, learner_.train(done + 1, position, half));
    failpoint("worker.lease.middle");
    SYM_ASSIGN_OR_RETURN(const double second,
                         learner_.train(done + 1, position + half, steps - half));
    return first + second;
  }

  Outcome evaluate() {
    const Result<double> metric = learner_.evaluate();
    if (!metric) {
      return learner_failed("evaluation", metric.error());
    }
    return told(session_.evaluated(*metric), "evaluation");
  }

  Outcome save(const fs::path& folder) {
    const Result<void> saved =
        save_checkpoint(folder, {identity_, learner_.weights(), learner_.optimizer_state()});
    return saved ? told(session_.saved(), "save_failed") : failed("save_failed", saved.error());
  }

  Outcome finish() {
    const fs::path path = environment_.output / "weights.safetensors";
    const Result<void> saved = graph::save_safetensors(path, learner_.weights());
    if (!saved) {
      return failed("save_failed", saved.error());
    }
    stopped_ = true;
    return told(session_.finished(path), "save_failed");
  }

  train::WorkerSession& session_;
  const train::WorkerEnvironment& environment_;
  TrainingIdentity identity_;
  Learner learner_;
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
tl::expected<SessionEnd, train::Failed> run(const Options& options, train::WorkerSession& session) {
  SYM_ASSIGN_OR_RETURN(Learner learner, prepare(options, session.environment()));
  Training training(session, identity_of(options, session.environment()), std::move(learner));
  SYM_RETURN_IF_ERROR(training.begin());
  SYM_RETURN_IF_ERROR(training.say_hello());
  SYM_RETURN_IF_ERROR(training.serve());
  return training.runner_gone() ? SessionEnd::kRunnerGone : SessionEnd::kDone;
}

tl::expected<SessionEnd, train::Failed> run_within_memory(const Options& options,
                                                          train::WorkerSession& session) {
  try {
    return run(options, session);
  } catch (const std::bad_alloc&) {
    return tl::unexpected(train::Failed{"out_of_memory", "out of memory"});
  }
}

}  // namespace

SessionEnd serve(const Options& options, train::WorkerSession& session) {
  const auto end = run_within_memory(options, session);
  if (end) {
    return *end;
  }
  log::error(end.error().code + ": " + end.error().message);
  return session.failed(end.error().code, end.error().message) ? SessionEnd::kFailed
                                                               : SessionEnd::kRunnerGone;
}

}  // namespace symbiont::trainer
