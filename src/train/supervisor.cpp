#include "symbiont/train/supervisor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bounded_log.h"
#include "file_follower.h"
#include "guard.h"
#include "line_stream.h"
#include "process_tree.h"
#include "symbiont/base/file.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/train/attempt.h"
#include "symbiont/train/metrics.h"
#include "symbiont/train/oom_kills.h"
#include "symbiont/train/protocol.h"
#include "symbiont/train/worker_channel.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using Milliseconds = std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

enum ExitCode : int { kDone = 0, kFailed = 1, kMisuse = 2, kRunnerGone = 5 };

constexpr Milliseconds kLookAtFile{20};
constexpr Milliseconds kLookAnyway{500};  // should a signal have been missed
constexpr Milliseconds kEndLimit{3000};
constexpr std::int64_t kMostPerLook = 1 << 20;    // bytes of the metrics file
constexpr std::int64_t kMostAtTheEnd = 64 << 20;  // bytes that were left unread
constexpr const char* kWeights = "weights.safetensors";

// --- The command line ---------------------------------------------------------------------------

std::string text_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

struct Placeholder {
  std::string_view text;
  const char* variable;
};
constexpr std::array kPlaceholders = {
    Placeholder{"{batch_size}", "SYMBIONT_BATCH_SIZE"},
    Placeholder{"{learning_rate}", "SYMBIONT_LEARNING_RATE"},
    Placeholder{"{max_epochs}", "SYMBIONT_MAX_EPOCHS"},
    Placeholder{"{seed}", "SYMBIONT_SEED"},
    Placeholder{"{output}", "SYMBIONT_OUTPUT"},
    Placeholder{"{resume}", "SYMBIONT_RESUME"},
};

// Goes over the word once: what a value holds is not looked at again.
std::string filled(std::string_view word) {
  std::string result;
  while (!word.empty()) {
    const auto* const found =
        std::find_if(kPlaceholders.begin(), kPlaceholders.end(),
                     [&](const Placeholder& one) { return word.starts_with(one.text); });
    if (found == kPlaceholders.end()) {
      result += word.front();
      word.remove_prefix(1);
    } else {
      result += text_of(found->variable);
      word.remove_prefix(found->text.size());
    }
  }
  return result;
}

// --- The supervisor -----------------------------------------------------------------------------

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return !path.empty() && fs::is_directory(path, ignored);
}

/// SIGCHLD as something to poll. The signal stays blocked: the command starts with a fresh mask.
FileDescriptor open_child_events() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return FileDescriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

class Supervisor {
 public:
  Supervisor(const SupervisorOptions& options, WorkerEnvironment environment, MetricsFormat format,
             LineStream channel, int guard)
      : options_(options),
        environment_(std::move(environment)),
        format_(std::move(format)),
        channel_(std::move(channel)),
        guard_(guard),
        child_events_(open_child_events()),
        log_(environment_.output / kWorkerLog, options.most_log_bytes),
        follower_(environment_.output / format_.file()),
        sequence_(options.first_epoch, options.recorded) {}

  int run();

 private:
  // The conversation. Each may decide the exit code.
  void greet();
  void hear();
  void obey(const RunnerMessage& message);
  void answer_lease();
  void answer_checkpoint();
  void stop();
  void finish_stop();
  bool drop_checkpoint();
  void give_up(const char* code, const std::string& why);
  void say(const WorkerMessage& message);

  // The command.
  Result<void> start();
  void look_at_command();
  void take_status();
  void drain();
  void end_command();
  std::string silence() const;

  // What it reports.
  bool reads_output() const { return format_.file().empty(); }
  void put_old_metrics_aside();
  bool read_output();
  bool read_metrics_file(std::int64_t most);
  void take_line(std::optional<std::string_view> line);
  void take_report(const EpochReport& report);
  void note_garbage(const std::string& what);
  void note(const std::string& what) { log_.write("symbiont: " + what + "\n"); }

  void wait();
  Milliseconds patience() const;
  Done done() const;

  const SupervisorOptions& options_;
  const WorkerEnvironment environment_;
  const MetricsFormat format_;
  LineStream channel_;
  const int guard_;
  FileDescriptor child_events_;
  BoundedLog log_;
  FileFollower follower_;
  LineSplitter splitter_;
  EpochSequence sequence_;

  std::optional<Subprocess> command_;
  std::optional<ExitStatus> ended_;
  std::optional<std::int64_t> oom_kills_before_;
  FileDescriptor output_;  // our end of the pipe that the command prints to

  struct Mark {
    std::int64_t index;
    double metric;
    double seconds;  // since the mark before
  };
  std::deque<Mark> marks_;  // epochs that the runner has not asked for yet; at most max_epochs
  SteadyClock::time_point last_mark_;
  std::int64_t epochs_reported_ = 0;  // by this process
  std::int64_t epoch_ = 0;            // the last that the runner was told of
  std::int64_t garbage_ = 0;
  std::string first_garbage_;
  bool repeated_ = false;
  std::string broken_;  // why reports can no longer be trusted

  bool leased_ = false;
  std::optional<SteadyClock::time_point> stop_deadline_;
  std::optional<int> exit_code_;
};

int Supervisor::run() {
  greet();
  while (!exit_code_) {
    wait();
    pollfd guard{guard_, POLLIN, 0};
    if (::poll(&guard, 1, 0) > 0) {
      exit_code_ = kRunnerGone;
      break;
    }
    read_output();
    look_at_command();
    hear();
    if (!exit_code_ && stop_deadline_) {
      finish_stop();
    } else if (!exit_code_ && leased_) {
      answer_lease();
    }
  }
  end_command();
  return *exit_code_;
}

Milliseconds Supervisor::patience() const {
  const bool looks_at_file = command_ && !ended_ && !reads_output();
  return looks_at_file || stop_deadline_ ? kLookAtFile : kLookAnyway;
}

void Supervisor::wait() {
  std::array<pollfd, 4> events = {pollfd{channel_.socket(), POLLIN, 0}, pollfd{guard_, POLLIN, 0},
                                  pollfd{child_events_.get(), POLLIN, 0},
                                  pollfd{output_.get(), POLLIN, 0}};
  ::poll(events.data(), events.size(), static_cast<int>(patience().count()));
  signalfd_siginfo ignored;
  while (::read(child_events_.get(), &ignored, sizeof(ignored)) > 0) {
  }
}

// --- The conversation ---------------------------------------------------------------------------

void Supervisor::say(const WorkerMessage& message) {
  // That the runner is gone shows when it is heard next.
  if (const Result<void> sent = channel_.send(encode(message)); !sent) {
    note(sent.error().message());
  }
}

void Supervisor::greet() {
  Hello hello;
  hello.framework = "plain";
  hello.device = "unknown";
  hello.resumed_epoch = is_folder(environment_.resume) ? options_.resumed : 0;
  epoch_ = hello.resumed_epoch;
  say(hello);
}

void Supervisor::hear() {
  const Result<std::optional<std::string>> line = channel_.receive(Milliseconds(0));
  if (!line) {
    exit_code_ = kRunnerGone;
    return;
  }
  if (!*line) {
    return;
  }
  const Result<RunnerMessage> message = decode_runner_message(**line);
  if (!message) {
    give_up("protocol", message.error().message());
    return;
  }
  obey(*message);
}

void Supervisor::obey(const RunnerMessage& message) {
  if (std::holds_alternative<Checkpoint>(message)) {
    answer_checkpoint();
  } else if (std::holds_alternative<Stop>(message)) {
    stop();
  } else if (const Result<void> started = command_ || ended_ ? Result<void>() : start(); !started) {
    give_up("command", started.error().message());
  } else {
    leased_ = true;
  }
}

void Supervisor::answer_lease() {
  if (!marks_.empty()) {
    const Mark mark = marks_.front();
    marks_.pop_front();
    epoch_ = mark.index;
    leased_ = false;
    say(Ran{0, 0, mark.seconds, 0.0, true});
    say(EpochDone{mark.index, mark.metric, mark.seconds, 0.0});
  } else if (!broken_.empty()) {
    give_up("metrics", broken_);
  } else if (ended_ && !ended_->success()) {
    const std::optional<std::int64_t> kills = count_oom_kills("/");
    const bool memory =
        ended_->signal == SIGKILL && oom_kills_before_ && kills && *kills > *oom_kills_before_;
    std::string why = "the command ended: " + ended_->describe();
    if (!memory && epochs_reported_ == 0 && drop_checkpoint()) {
      why += "; the checkpoint that it was to go on from was removed";
    }
    give_up(memory ? "out_of_memory" : "command", why);
  } else if (ended_ && epochs_reported_ == 0 && options_.recorded == 0) {
    give_up("metrics", silence());
  } else if (ended_) {
    end_command();
    say(done());
    exit_code_ = kDone;
  }
}

void Supervisor::answer_checkpoint() {
  std::error_code unknown;
  const fs::path folder = environment_.output / kPlainCheckpoint;
  const bool saved = is_folder(folder) && !fs::is_empty(folder, unknown) && !unknown;
  say(Saved{saved ? kPlainCheckpoint : "", epoch_, 0});
}

void Supervisor::stop() {
  if (command_ && !ended_) {
    command_->signal_group(SIGTERM);
    command_->signal_group(SIGCONT);  // a stopped process cannot comply
  }
  stop_deadline_ = SteadyClock::now() + options_.stop_grace;
}

void Supervisor::finish_stop() {
  if (command_ && !ended_ && SteadyClock::now() < *stop_deadline_) {
    return;
  }
  end_command();
  say(done());
  exit_code_ = kDone;
}

/// So that the next process starts again. False when there is none.
bool Supervisor::drop_checkpoint() {
  const fs::path folder = environment_.output / kPlainCheckpoint;
  std::error_code ignored;
  return is_folder(folder) && fs::remove_all(folder, ignored) > 0;
}

void Supervisor::give_up(const char* code, const std::string& why) {
  end_command();
  note(why);
  say(Failed{code, why});
  exit_code_ = kFailed;
}

Done Supervisor::done() const {
  std::error_code ignored;
  return {fs::is_regular_file(environment_.output / kWeights, ignored) ? kWeights : ""};
}

// --- The command --------------------------------------------------------------------------------

Result<void> Supervisor::start() {
  put_old_metrics_aside();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::unexpected(errno_error(errno, "make a pipe"));
  }
  output_ = FileDescriptor(ends[0]);
  const FileDescriptor theirs(ends[1]);
  ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
  if (!is_folder(environment_.resume)) {
    ::setenv("SYMBIONT_RESUME", "", 1);
  }
  SpawnOptions spawn;
  std::transform(options_.command.begin(), options_.command.end(), std::back_inserter(spawn.argv),
                 filled);
  spawn.output_descriptor = theirs.get();
  oom_kills_before_ = count_oom_kills("/");
  last_mark_ = SteadyClock::now();
  SYM_ASSIGN_OR_RETURN(command_, Subprocess::spawn(spawn));
  return {};
}

void Supervisor::look_at_command() {
  if (!command_ || ended_) {
    return;
  }
  if (!reads_output()) {
    read_metrics_file(kMostPerLook);
  }
  reap_orphans(command_->pid());
  if (const auto status = command_->wait(Milliseconds(0))) {
    ended_ = status;
    end_descendants(kEndLimit);
    drain();
  }
}

/// What it printed and wrote before its end still counts.
void Supervisor::drain() {
  for (std::int64_t read = 0; read < kMostAtTheEnd && read_output(); read += kMostPerLook / 16) {
  }
  output_.reset();
  if (!reads_output()) {
    read_metrics_file(kMostAtTheEnd);
  }
  splitter_.finish([this](auto line) { take_line(line); });
}

void Supervisor::end_command() {
  command_.reset();
  end_descendants(kEndLimit);
  while (read_output()) {
  }
}

std::string Supervisor::silence() const {
  std::string why = "the command ended without reporting an epoch in " +
                    (reads_output() ? std::string("what it printed") : format_.file().string());
  if (garbage_ > 0) {
    why += "; " + std::to_string(garbage_) +
           " lines were not understood, the first: " + first_garbage_;
  }
  return why;
}

// --- What it reports ----------------------------------------------------------------------------

/// Of a process before: its reports are in the ledger, or lost.
void Supervisor::put_old_metrics_aside() {
  if (!reads_output()) {
    const fs::path file = environment_.output / format_.file();
    ::rename(file.c_str(), (file.string() + ".previous").c_str());
  }
}

/// False when there is nothing more now.
bool Supervisor::read_output() {
  std::array<char, 64 << 10> chunk;
  const ssize_t count = output_.is_open() ? ::read(output_.get(), chunk.data(), chunk.size()) : -1;
  if (count == 0) {
    output_.reset();
  }
  if (count <= 0) {
    return false;
  }
  const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
  log_.write(bytes);
  if (reads_output()) {
    splitter_.feed(bytes, [this](auto line) { take_line(line); });
  }
  return true;
}

bool Supervisor::read_metrics_file(std::int64_t most) {
  const Result<bool> more = follower_.read(most, [this](std::string_view bytes) {
    if (bytes.empty()) {
      splitter_.clear();
    }
    splitter_.feed(bytes, [this](auto line) { take_line(line); });
  });
  if (!more && broken_.empty()) {
    broken_ = more.error().message();
  }
  return more.value_or(false);
}

void Supervisor::take_line(std::optional<std::string_view> line) {
  if (!line) {
    // Progress bars and dumps may be long: only where nothing but reports is expected is it wrong.
    if (!reads_output()) {
      note_garbage("a line longer than " + std::to_string(kMaxMetricLine) + " bytes");
    }
    return;
  }
  const Result<std::optional<EpochReport>> report = format_.read(*line);
  if (!report) {
    note_garbage(report.error().message());
  } else if (*report) {
    take_report(**report);
  }
}

void Supervisor::take_report(const EpochReport& report) {
  const Result<std::optional<std::int64_t>> index = sequence_.index_of(report.epoch);
  if (!broken_.empty()) {
    return;
  }
  if (!index) {
    broken_ = index.error().message();
    // It was killed after it saved an epoch of which the runner had not heard.
    if (sequence_.is_ahead() && drop_checkpoint()) {
      broken_ += "; its checkpoint is ahead of the ledger and was removed";
    }
    return;
  }
  if (!*index) {
    if (!std::exchange(repeated_, true)) {
      note("epoch " + std::to_string(report.epoch) +
           " was reported before; the first report counts");
    }
    return;
  }
  ++epochs_reported_;
  const auto now = SteadyClock::now();
  const std::chrono::duration<double> took = now - std::exchange(last_mark_, now);
  if (**index <= environment_.max_epochs) {
    marks_.push_back({**index, report.metric, took.count()});
  }
}

void Supervisor::note_garbage(const std::string& what) {
  if (++garbage_ == 1) {
    first_garbage_ = what;
    note(what + "; more such lines are only counted");
  }
}

// --- Arguments ----------------------------------------------------------------------------------

Result<std::int64_t> parse_count(const std::string& name, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return fail(ErrorCode::kInvalidArgument,
                name + ": found \"" + text + "\", expected a whole number");
  }
  return value;
}

Result<void> set(SupervisorOptions& options, const std::string& name, const std::string& value) {
  if (name == "--folder") {
    options.folder = value;
  } else if (name == "--metrics") {
    options.metrics = value;
  } else if (name == "--metric") {
    options.metric = value;
  } else if (name == "--first-epoch") {
    SYM_ASSIGN_OR_RETURN(options.first_epoch, parse_count(name, value));
  } else if (name == "--recorded") {
    SYM_ASSIGN_OR_RETURN(options.recorded, parse_count(name, value));
  } else if (name == "--resumed") {
    SYM_ASSIGN_OR_RETURN(options.resumed, parse_count(name, value));
  } else if (name == "--stop-grace") {
    SYM_ASSIGN_OR_RETURN(const std::int64_t seconds, parse_count(name, value));
    options.stop_grace = std::chrono::seconds(seconds);
  } else if (name == "--most-log-bytes") {
    SYM_ASSIGN_OR_RETURN(options.most_log_bytes, parse_count(name, value));
  } else {
    return fail(ErrorCode::kInvalidArgument, "unknown argument \"" + name + "\"");
  }
  return {};
}

int refuse(const Error& error) {
  std::fprintf(stderr, "symbiont-supervisor: %s\n", error.message().c_str());
  return kMisuse;
}

Result<int> supervise_with(const SupervisorOptions& options, int guard) {
  SYM_ASSIGN_OR_RETURN(WorkerEnvironment environment, WorkerEnvironment::from_process());
  SYM_ASSIGN_OR_RETURN(MetricsFormat format, MetricsFormat::parse(options.metrics, options.metric));
  SYM_ASSIGN_OR_RETURN(LineStream channel, LineStream::connect(environment.channel));
  ::unsetenv("SYMBIONT_CHANNEL");  // it is taken, and a command that finds it would wait for leases
  if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) {
    return tl::unexpected(errno_error(errno, "enter folder " + options.folder.string()));
  }
  return Supervisor(options, std::move(environment), std::move(format), std::move(channel), guard)
      .run();
}

}  // namespace

std::vector<std::string> to_arguments(const SupervisorOptions& options) {
  std::vector<std::string> arguments = {"--folder",
                                        options.folder.string(),
                                        "--metrics",
                                        options.metrics,
                                        "--metric",
                                        options.metric,
                                        "--first-epoch",
                                        std::to_string(options.first_epoch),
                                        "--recorded",
                                        std::to_string(options.recorded),
                                        "--resumed",
                                        std::to_string(options.resumed),
                                        "--stop-grace",
                                        std::to_string(options.stop_grace.count()),
                                        "--most-log-bytes",
                                        std::to_string(options.most_log_bytes),
                                        "--"};
  arguments.insert(arguments.end(), options.command.begin(), options.command.end());
  return arguments;
}

Result<SupervisorOptions> parse_arguments(const std::vector<std::string>& arguments) {
  SupervisorOptions options;
  auto at = arguments.begin();
  for (; at != arguments.end() && *at != "--"; at += 2) {
    if (arguments.end() - at < 2) {
      return fail(ErrorCode::kInvalidArgument, *at + ": found nothing, expected a value");
    }
    SYM_RETURN_IF_ERROR(set(options, *at, *(at + 1)));
  }
  if (arguments.end() - at < 2) {
    return fail(ErrorCode::kInvalidArgument, "expected a command after --, found nothing");
  }
  options.command.assign(at + 1, arguments.end());
  return options;
}

int supervise(const SupervisorOptions& options) {
  return run_guarded([&](int guard) {
    Result<int> code = supervise_with(options, guard);
    return code ? *code : refuse(code.error());
  });
}

}  // namespace symbiont::train
