#include "symbiont/train/attempt.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <type_traits>
#include <utility>
#include <variant>

#include "patience.h"
#include "symbiont/base/failpoint.h"
#include "symbiont/base/file.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/energy/monitor.h"
#include "worker.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using Kind = AttemptEnd::Kind;
using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kTick{1000};       // how often the observer hears of a running lease
constexpr Milliseconds kExitGrace{5000};  // for a worker that has said its last word
constexpr double kLeaseSeconds = 10.0;    // a lease should not take longer
constexpr std::int64_t kLeasesPerEpoch = 8;
constexpr int kTailLines = 50;

/// Why the conversation with a worker is over: how the attempt ended, or an error of our own side.
using ConversationEnd = std::variant<Outcome, Error>;

/// What a step of the conversation gives, unless it ended it.
template <typename T>
using Step = tl::expected<T, ConversationEnd>;

tl::unexpected<ConversationEnd> end(Kind kind, std::string reason) {
  return tl::unexpected<ConversationEnd>(Outcome{kind, std::move(reason)});
}

tl::unexpected<ConversationEnd> garbage(const std::string& what) {
  return end(Kind::kFailed, "garbage: " + what);
}

// What could not be understood, rather than what our own system could not do.
bool is_of_the_workers_making(const Error& error) {
  return error.code() == ErrorCode::kInvalidArgument || error.code() == ErrorCode::kUnimplemented;
}

// A worker's words may be of any length and hold any character.
std::string one_line(std::string text) {
  constexpr std::size_t kMaxReason = 500;
  if (text.size() > kMaxReason) {
    text = text.substr(0, kMaxReason) + "...";
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
  return text;
}

const char* name_of(const WorkerMessage& message) {
  constexpr const char* kNames[] = {"hello", "ran", "epoch", "saved", "done", "failed"};
  return kNames[message.index()];
}

// A path that a worker named: of this type and below its output directory, wherever symbolic links
// lead.
std::optional<fs::path> named_path(const fs::path& output, const std::string& text,
                                   fs::file_type type) {
  std::error_code error;
  const fs::path root = fs::canonical(output, error);
  const fs::path path = error ? fs::path() : fs::canonical(root / text, error);
  if (error || fs::status(path, error).type() != type) {
    return std::nullopt;
  }
  return is_inside(path, root) && path != root ? std::optional(path) : std::nullopt;
}

/// One process of an attempt, from its start to its end.
class Driver {
 public:
  Driver(const AttemptOptions& options, energy::Monitor& monitor, AttemptObserver& observer,
         Worker worker, energy::Window startup)
      : options_(options),
        monitor_(monitor),
        observer_(observer),
        worker_(std::move(worker)),
        window_(std::move(startup)),
        carried_(options.carried),
        startup_patience_(options.first_deadline, options.least_deadline),
        lease_patience_(startup_patience_),
        evaluation_patience_(startup_patience_),
        checkpoint_patience_(startup_patience_),
        stop_patience_(options.first_deadline + grace(), options.least_deadline + grace()) {}

  Result<AttemptEnd> run();

 private:
  ConversationEnd converse();
  Step<void> start_up();
  Step<void> check_hello(const Hello& hello) const;
  Step<void> run_lease();
  Step<void> run_to_epoch_end();
  Step<void> check_index(std::int64_t index) const;
  Step<void> finish_epoch();
  Step<void> save_checkpoint();
  Step<void> stop(const std::string& reason);
  Step<void> end_interrupted();
  Step<void> end_interrupted_inside_epoch();
  tl::unexpected<ConversationEnd> exhausted(const Done& done);
  Step<void> keep_weights(const Done& done);

  template <typename Message>
  Step<Message> await(Patience& patience, const std::string& what);
  Step<std::optional<WorkerMessage>> listen(Milliseconds slice);
  Step<void> tick();
  Step<void> report_progress();

  std::int64_t lease_steps() const;
  void tell_meters() const;
  Result<Usage> start_next_window();
  void measure();
  Result<AttemptEnd> account(Outcome outcome) const;

  bool counts_steps() const { return hello_.steps_per_epoch.has_value(); }
  // Without steps to count, an epoch is one.
  std::int64_t steps_per_epoch() const { return hello_.steps_per_epoch.value_or(1); }
  double fraction() const {
    return static_cast<double>(position_) / static_cast<double>(steps_per_epoch());
  }
  std::chrono::seconds grace() const {
    return options_.command_grace.value_or(std::chrono::seconds(0));
  }

  const AttemptOptions& options_;
  energy::Monitor& monitor_;
  AttemptObserver& observer_;
  Worker worker_;

  // Open all the time: over start-up, then over each epoch, without a gap between epochs. A
  // checkpoint inside an epoch cuts it in two.
  energy::Window window_;
  Usage carried_;        // of the current epoch, before the window: safe in its last checkpoint
  Result<Usage> spent_;  // the last reading of the window, once the conversation is over

  bool started_ = false;
  bool interrupted_ = false;
  bool asked_to_stop_ = false;  // and may end by itself
  bool unsaved_ = false;        // steps were run since the last checkpoint
  bool gave_up_epoch_ = false;  // to end at once, because the worker cannot save inside an epoch
  bool in_first_epoch_ = true;  // of this process
  Hello hello_;
  std::int64_t epochs_done_ = 0;
  std::int64_t position_ = 0;  // steps done of the epoch after them
  double loss_ = 0.0;
  std::optional<std::chrono::duration<double>> step_time_;  // by the latest lease
  fs::path weights_;

  Patience startup_patience_;
  Patience lease_patience_;
  Patience evaluation_patience_;
  Patience checkpoint_patience_;
  Patience stop_patience_;
};

Result<AttemptEnd> Driver::run() {
  ConversationEnd ending = converse();
  if (Error* error = std::get_if<Error>(&ending)) {
    return tl::unexpected(std::move(*error));
  }
  Outcome& outcome = std::get<Outcome>(ending);
  worker_.finish(asked_to_stop_ ? kExitGrace + grace() : Milliseconds(0), [this] { measure(); });
  return account(std::move(outcome));
}

ConversationEnd Driver::converse() {
  Step<void> step = start_up();
  while (step) {
    interrupted_ = interrupted_ || observer_.interrupted();
    if (interrupted_) {
      step = end_interrupted();
    } else {
      step = counts_steps() ? run_lease() : run_to_epoch_end();
    }
  }
  return std::move(step).error();
}

Step<void> Driver::start_up() {
  SYM_ASSIGN_OR_RETURN(hello_, await<Hello>(startup_patience_, "start-up"));
  SYM_RETURN_IF_ERROR(check_hello(hello_));
  epochs_done_ = hello_.resumed_epoch;
  position_ = hello_.resumed_position;
  if (position_ == 0) {
    carried_ = Usage();
  }
  SYM_ASSIGN_OR_RETURN(const Usage startup, window_.usage());
  SYM_RETURN_IF_ERROR(observer_.on_started(hello_, startup));
  started_ = true;
  tell_meters();
  SYM_ASSIGN_OR_RETURN(window_, monitor_.open_window());
  return {};
}

Step<void> Driver::check_hello(const Hello& hello) const {
  const std::int64_t steps = hello.steps_per_epoch.value_or(1);
  if (steps < 1) {
    return garbage("hello.steps_per_epoch: found 0, expected at least 1");
  }
  if (hello.resumed_position >= steps) {
    return garbage("hello.resumed_from.position: found " + std::to_string(hello.resumed_position) +
                   ", expected less than steps_per_epoch, " + std::to_string(steps));
  }
  if (hello.resumed_epoch > options_.epochs_recorded) {
    return garbage("hello.resumed_from.epoch: found " + std::to_string(hello.resumed_epoch) +
                   ", expected at most " + std::to_string(options_.epochs_recorded));
  }
  return {};
}

Step<void> Driver::run_lease() {
  const std::int64_t steps = lease_steps();
  SYM_RETURN_IF_ERROR(worker_.send(Run{steps}));
  failpoint("train.lease.granted");
  const auto begin = SteadyClock::now();
  const std::string what = "a lease of " + std::to_string(steps) + " steps";
  SYM_ASSIGN_OR_RETURN(const Ran ran, await<Ran>(lease_patience_, what));
  const bool epoch_end = position_ + steps == steps_per_epoch();
  if (ran.steps != steps || ran.epoch_end != epoch_end) {
    return garbage("ran.steps: found " + std::to_string(ran.steps) +
                   (ran.epoch_end ? " ending" : " not ending") + " the epoch, expected " +
                   std::to_string(steps) + (epoch_end ? " ending" : " not ending") + " it");
  }
  step_time_ = std::chrono::duration<double>(SteadyClock::now() - begin) / steps;
  position_ += steps;
  loss_ = ran.loss;
  unsaved_ = true;
  tell_meters();
  if (!std::isfinite(loss_)) {
    return end(Kind::kDiverged, "the loss is not finite after " + std::to_string(position_) +
                                    " steps of epoch " + std::to_string(epochs_done_ + 1));
  }
  SYM_RETURN_IF_ERROR(report_progress());
  return epoch_end ? finish_epoch() : Step<void>();
}

// For a worker that counts no steps. It says nothing of its loss either.
Step<void> Driver::run_to_epoch_end() {
  tell_meters();
  SYM_RETURN_IF_ERROR(worker_.send(Run{std::nullopt}));
  failpoint("train.lease.granted");
  const std::string what = "a lease to the end of epoch " + std::to_string(epochs_done_ + 1);
  SYM_ASSIGN_OR_RETURN(const Ran ran, await<Ran>(lease_patience_, what));
  if (!ran.epoch_end) {
    return garbage("ran.epoch_end: found false, expected true: the lease was one to the end");
  }
  position_ = steps_per_epoch();
  unsaved_ = true;
  return finish_epoch();
}

// The first lease is one step: it shows how long a step takes, so that no lease needs to be risked
// whose length is unknown.
std::int64_t Driver::lease_steps() const {
  if (!step_time_) {
    return 1;
  }
  const std::int64_t share = (steps_per_epoch() + kLeasesPerEpoch - 1) / kLeasesPerEpoch;
  const std::int64_t most = std::min(share, steps_per_epoch() - position_);
  const double in_time = kLeaseSeconds / std::max(step_time_->count(), 1e-9);
  return in_time >= static_cast<double>(most)
             ? most
             : std::max<std::int64_t>(1, static_cast<std::int64_t>(in_time));
}

Step<void> Driver::finish_epoch() {
  const std::string what = "the evaluation of epoch " + std::to_string(epochs_done_ + 1);
  SYM_ASSIGN_OR_RETURN(const EpochDone done, await<EpochDone>(evaluation_patience_, what));
  failpoint("train.epoch.received");
  const std::int64_t index = done.index;
  SYM_RETURN_IF_ERROR(check_index(index));
  in_first_epoch_ = false;
  EpochResult epoch;
  epoch.index = index;
  epoch.metric = done.metric;
  epoch.train_seconds = done.train_seconds;
  epoch.evaluation_seconds = done.evaluation_seconds;
  epoch.begin = window_.begin();
  tell_meters();
  SYM_ASSIGN_OR_RETURN(const Usage usage, start_next_window());
  epoch.usage = std::exchange(carried_, Usage()) + usage;
  epoch.end = window_.begin();
  epochs_done_ = index;
  position_ = 0;
  tell_meters();

  SYM_ASSIGN_OR_RETURN(const Verdict verdict, observer_.on_epoch(epoch));
  if (!std::isfinite(epoch.metric)) {
    return end(Kind::kDiverged, "the metric of epoch " + std::to_string(index) + " is not finite");
  }
  if (verdict == Verdict::kStop) {
    return stop("stopped after epoch " + std::to_string(index));
  }
  return save_checkpoint();
}

// A worker that counts no steps learns only from its first epoch where it went on.
Step<void> Driver::check_index(std::int64_t index) const {
  if (!counts_steps() && in_first_epoch_ && index >= 1 && index <= options_.epochs_recorded + 1) {
    return {};
  }
  if (index == epochs_done_ + 1) {
    return {};
  }
  return garbage("epoch.index: found " + std::to_string(index) + ", expected " +
                 std::to_string(epochs_done_ + 1));
}

Step<void> Driver::save_checkpoint() {
  SYM_RETURN_IF_ERROR(worker_.send(Checkpoint{}));
  failpoint("train.checkpoint.requested");
  SYM_ASSIGN_OR_RETURN(Saved saved, await<Saved>(checkpoint_patience_, "a checkpoint"));
  failpoint("train.checkpoint.saved");
  if (saved.epoch != epochs_done_ || saved.position != position_) {
    return garbage("saved: found epoch " + std::to_string(saved.epoch) + ", position " +
                   std::to_string(saved.position) + ", expected epoch " +
                   std::to_string(epochs_done_) + ", position " + std::to_string(position_));
  }
  if (saved.path.empty()) {
    unsaved_ = false;  // nor will it ever be
    return {};
  }
  const std::optional<fs::path> path =
      named_path(options_.output, saved.path, fs::file_type::directory);
  if (!path && !counts_steps()) {
    return {};  // a plain command runs on, and may be about to replace it
  }
  if (!path) {
    return garbage("saved.path: found \"" + saved.path +
                   "\", expected a directory below SYMBIONT_OUTPUT");
  }
  saved.path = path->string();
  if (position_ > 0) {
    SYM_ASSIGN_OR_RETURN(const Usage usage, start_next_window());
    carried_ += usage;
  }
  SYM_RETURN_IF_ERROR(observer_.on_checkpoint(saved, carried_));
  unsaved_ = false;
  return {};
}

Step<void> Driver::stop(const std::string& reason) {
  SYM_RETURN_IF_ERROR(worker_.send(Stop{reason}));
  failpoint("train.stop.sent");
  SYM_ASSIGN_OR_RETURN(const Done done, await<Done>(stop_patience_, "the final weights"));
  asked_to_stop_ = true;
  SYM_RETURN_IF_ERROR(keep_weights(done));
  return end(Kind::kStopped, reason);
}

Step<void> Driver::keep_weights(const Done& done) {
  if (done.weights.empty()) {
    return {};
  }
  const std::optional<fs::path> path =
      named_path(options_.output, done.weights, fs::file_type::regular);
  if (!path) {
    return garbage("done.weights: found \"" + done.weights +
                   "\", expected a file below SYMBIONT_OUTPUT");
  }
  weights_ = *path;
  return {};
}

tl::unexpected<ConversationEnd> Driver::exhausted(const Done& done) {
  const std::int64_t epochs = std::max(epochs_done_, options_.epochs_recorded);
  if (epochs == 0) {
    return end(Kind::kFailed, "the worker ended without an epoch");
  }
  asked_to_stop_ = true;
  if (Step<void> kept = keep_weights(done); !kept) {
    return tl::unexpected<ConversationEnd>(std::move(kept).error());
  }
  return end(Kind::kExhausted,
             "the command ended by itself after " + std::to_string(epochs) + " epochs");
}

Step<void> Driver::end_interrupted() {
  Step<void> saved = unsaved_ ? save_checkpoint() : Step<void>();
  if (!saved && std::holds_alternative<Error>(saved.error())) {
    return saved;
  }
  if (!saved) {
    return end(Kind::kInterrupted,
               "interrupted, without a checkpoint: " + std::get<Outcome>(saved.error()).reason);
  }
  SYM_RETURN_IF_ERROR(worker_.send(Stop{"interrupted"}));
  failpoint("train.stop.sent");
  asked_to_stop_ = true;
  gave_up_epoch_ = !counts_steps();  // it runs on between leases
  return end(Kind::kInterrupted, "interrupted");
}

// Its epoch may take hours, and cannot be saved in the middle.
Step<void> Driver::end_interrupted_inside_epoch() {
  SYM_RETURN_IF_ERROR(worker_.send(Stop{"interrupted"}));
  failpoint("train.stop.sent");
  asked_to_stop_ = true;
  gave_up_epoch_ = true;
  return end(Kind::kInterrupted, "interrupted inside epoch " + std::to_string(epochs_done_ + 1) +
                                     ", which a plain command begins again");
}

/// Waits for the one message that may come now, telling the observer how it goes.
template <typename Message>
Step<Message> Driver::await(Patience& patience, const std::string& what) {
  const auto begin = SteadyClock::now();
  const auto deadline = begin + patience.allowance();
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
    if (left <= Milliseconds(0)) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience.allowance());
      return end(Kind::kFailed, "hung: no answer to " + what + " within " +
                                    std::to_string(seconds.count()) + " s");
    }
    SYM_ASSIGN_OR_RETURN(std::optional<WorkerMessage> message, listen(std::min(left, kTick)));
    if (!message) {
      SYM_RETURN_IF_ERROR(tick());
      if (interrupted_ && !counts_steps() && std::is_same_v<Message, Ran>) {
        SYM_RETURN_IF_ERROR(end_interrupted_inside_epoch());
      }
      continue;
    }
    if (Message* expected = std::get_if<Message>(&*message)) {
      patience.learn(SteadyClock::now() - begin);
      return std::move(*expected);
    }
    if (const Done* done = std::get_if<Done>(&*message); done != nullptr && !counts_steps()) {
      return exhausted(*done);
    }
    return garbage(std::string("found a message of type ") + name_of(*message) + " in answer to " +
                   what);
  }
}

/// The next message, unless it ends the attempt as a failure or an end of the worker does.
Step<std::optional<WorkerMessage>> Driver::listen(Milliseconds slice) {
  Result<std::optional<WorkerMessage>> message = worker_.receive(slice);
  if (!message && message.error().code() == ErrorCode::kCancelled) {
    return tl::unexpected<ConversationEnd>(worker_.diagnose([this] { measure(); }));
  }
  if (!message && is_of_the_workers_making(message.error())) {
    return garbage(message.error().message());
  }
  if (!message) {
    return tl::unexpected<ConversationEnd>(std::move(message).error());
  }
  if (const Failed* failed = *message ? std::get_if<Failed>(&**message) : nullptr) {
    const bool memory = failed->code == "out_of_memory";
    return end(memory ? Kind::kInfeasible : Kind::kFailed, failed->code + ": " + failed->message);
  }
  return std::move(*message);
}

Step<void> Driver::tick() {
  interrupted_ = interrupted_ || observer_.interrupted();
  if (started_) {
    return report_progress();
  }
  if (interrupted_) {
    return end(Kind::kInterrupted, "interrupted during start-up");
  }
  return {};
}

Step<void> Driver::report_progress() {
  Progress progress;
  progress.epoch = epochs_done_ + 1;
  progress.steps = position_;
  progress.steps_per_epoch = hello_.steps_per_epoch;
  progress.loss = loss_;
  SYM_ASSIGN_OR_RETURN(progress.pending, window_.usage());
  SYM_RETURN_IF_ERROR(observer_.on_progress(progress));
  return {};
}

void Driver::tell_meters() const {
  monitor_.progress(options_.batch_size, epochs_done_ + 1, fraction());
}

// Closes the window and at once opens the next.
Result<Usage> Driver::start_next_window() {
  SYM_ASSIGN_OR_RETURN(const Usage usage, window_.usage());
  SYM_ASSIGN_OR_RETURN(window_, monitor_.open_window());
  return usage;
}

void Driver::measure() {
  spent_ = window_.usage();
}

Result<AttemptEnd> Driver::account(Outcome outcome) const {
  SYM_ASSIGN_OR_RETURN(const Usage spent, spent_);
  AttemptEnd ended;
  ended.kind = outcome.kind;
  ended.reason = one_line(std::move(outcome.reason));
  ended.weights = weights_;
  if (asked_to_stop_ && !gave_up_epoch_) {
    ended.closing = spent;
  } else if (ended.kind == Kind::kDiverged) {
    ended.unfinished = carried_ + spent;
  } else {
    ended.lost = spent;
  }
  if (ended.kind == Kind::kFailed) {
    ended.stderr_tail = tail_of_file(options_.output / kWorkerLog, kTailLines);
  }
  return ended;
}

}  // namespace

Result<AttemptEnd> run_attempt(const AttemptOptions& options, energy::Monitor& monitor,
                               AttemptObserver& observer) {
  Result<Worker> worker = Worker::start(options);
  if (!worker) {
    return tl::unexpected(std::move(worker).error().while_doing("start the trainer"));
  }
  failpoint("train.worker.spawned");
  monitor.attach(worker->pid());
  SYM_ASSIGN_OR_RETURN(energy::Window startup, monitor.open_window());
  return Driver(options, monitor, observer, std::move(*worker), std::move(startup)).run();
}

}  // namespace symbiont::train
