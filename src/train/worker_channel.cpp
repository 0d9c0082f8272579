#include "symbiont/train/worker_channel.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "line_stream.h"

namespace symbiont::train {
namespace {

constexpr int kRunnerGoneExitCode = 5;
// After the runner is gone the worker may end by itself this long, then it is ended.
constexpr int kGraceMilliseconds = 500;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

tl::unexpected<Error> wrong_variable(const char* name, const char* expected) {
  const char* value = std::getenv(name);
  const std::string found = value == nullptr ? "nothing" : "\"" + std::string(value) + "\"";
  return fail(ErrorCode::kInvalidArgument,
              std::string(name) + ": found " + found + ", expected " + expected);
}

// The whole variable as a number.
template <typename Number>
std::optional<Number> parsed(const char* name) {
  const std::string_view text = variable(name);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

bool is_set(const char* name) {
  return std::getenv(name) != nullptr;
}

Result<std::int64_t> positive_count(const char* name) {
  const std::optional<std::int64_t> count = parsed<std::int64_t>(name);
  if (!count || *count < 1) {
    return wrong_variable(name, "a whole number of at least 1");
  }
  return *count;
}

Result<double> positive_number(const char* name) {
  const std::optional<double> number = parsed<double>(name);
  if (!number || !std::isfinite(*number) || *number <= 0) {
    return wrong_variable(name, "a finite number above 0");
  }
  return *number;
}

Result<std::uint64_t> seed_number(const char* name) {
  const std::optional<std::uint64_t> number = parsed<std::uint64_t>(name);
  if (!number) {
    return wrong_variable(name, "a whole number from 0 to 2^64-1");
  }
  return *number;
}

Result<std::filesystem::path> output_directory(const char* name) {
  std::error_code ignored;
  const std::filesystem::path path(variable(name));
  if (path.empty() || !std::filesystem::is_directory(path, ignored)) {
    return wrong_variable(name, "an existing directory");
  }
  return path;
}

Result<std::filesystem::path> channel_path(const char* name) {
  if (variable(name).empty()) {
    return wrong_variable(name, "the socket of the runner that starts this worker");
  }
  return std::filesystem::path(variable(name));
}

// True when `stop` became readable, false when the runner hung up or `milliseconds` passed.
bool stopped_before_hang_up(int socket, int stop, int milliseconds) {
  while (true) {
    std::array<pollfd, 2> watched{pollfd{stop, POLLIN, 0}, pollfd{socket, POLLRDHUP, 0}};
    const nfds_t count = socket < 0 ? 1 : 2;
    const int ready = ::poll(watched.data(), count, milliseconds);
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    return ready > 0 && watched[0].revents != 0;
  }
}

// Only asks for hang-ups, so it never takes bytes from the thread that receives.
void end_process_on_hang_up(int socket, int stop) {
  if (stopped_before_hang_up(socket, stop, -1) ||
      stopped_before_hang_up(-1, stop, kGraceMilliseconds)) {
    return;
  }
  ::_exit(kRunnerGoneExitCode);
}

// Signals are the business of the trainer's own threads.
std::thread start_without_signals(int socket, int stop) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(end_process_on_hang_up, socket, stop);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

Result<void> check_defaults(const WorkerEnvironment& defaults) {
  if (defaults.batch_size < 1) {
    return fail(
        ErrorCode::kInvalidArgument,
        "batch size: found " + std::to_string(defaults.batch_size) + ", expected at least 1");
  }
  if (!std::isfinite(defaults.learning_rate) || defaults.learning_rate <= 0) {
    return fail(ErrorCode::kInvalidArgument, "learning rate: found " +
                                                 std::to_string(defaults.learning_rate) +
                                                 ", expected a finite number above 0");
  }
  if (defaults.max_epochs < 1) {
    return fail(ErrorCode::kInvalidArgument,
                "epochs: found " + std::to_string(defaults.max_epochs) + ", expected at least 1");
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(defaults.output, ignored)) {
    return fail(ErrorCode::kInvalidArgument, "output: found \"" + defaults.output.string() +
                                                 "\", expected an existing directory");
  }
  return {};
}

}  // namespace

Result<WorkerEnvironment> WorkerEnvironment::from_process() {
  WorkerEnvironment environment;
  SYM_ASSIGN_OR_RETURN(environment.channel, channel_path("SYMBIONT_CHANNEL"));
  environment.job = variable("SYMBIONT_JOB");
  environment.run = variable("SYMBIONT_RUN");
  environment.recurrence = variable("SYMBIONT_RECURRENCE");
  environment.attempt = variable("SYMBIONT_ATTEMPT");
  SYM_ASSIGN_OR_RETURN(environment.batch_size, positive_count("SYMBIONT_BATCH_SIZE"));
  SYM_ASSIGN_OR_RETURN(environment.learning_rate, positive_number("SYMBIONT_LEARNING_RATE"));
  SYM_ASSIGN_OR_RETURN(environment.max_epochs, positive_count("SYMBIONT_MAX_EPOCHS"));
  SYM_ASSIGN_OR_RETURN(environment.seed, seed_number("SYMBIONT_SEED"));
  environment.initial_weights = variable("SYMBIONT_INITIAL_WEIGHTS");
  environment.resume = variable("SYMBIONT_RESUME");
  SYM_ASSIGN_OR_RETURN(environment.output, output_directory("SYMBIONT_OUTPUT"));
  return environment;
}

Result<WorkerEnvironment> WorkerEnvironment::from_process_or(const WorkerEnvironment& defaults) {
  if (is_set("SYMBIONT_CHANNEL")) {
    return from_process();
  }
  SYM_RETURN_IF_ERROR(check_defaults(defaults));
  WorkerEnvironment environment = defaults;
  environment.channel.clear();
  if (is_set("SYMBIONT_BATCH_SIZE")) {
    SYM_ASSIGN_OR_RETURN(environment.batch_size, positive_count("SYMBIONT_BATCH_SIZE"));
  }
  if (is_set("SYMBIONT_LEARNING_RATE")) {
    SYM_ASSIGN_OR_RETURN(environment.learning_rate, positive_number("SYMBIONT_LEARNING_RATE"));
  }
  if (is_set("SYMBIONT_MAX_EPOCHS")) {
    SYM_ASSIGN_OR_RETURN(environment.max_epochs, positive_count("SYMBIONT_MAX_EPOCHS"));
  }
  if (is_set("SYMBIONT_SEED")) {
    SYM_ASSIGN_OR_RETURN(environment.seed, seed_number("SYMBIONT_SEED"));
  }
  if (is_set("SYMBIONT_OUTPUT")) {
    SYM_ASSIGN_OR_RETURN(environment.output, output_directory("SYMBIONT_OUTPUT"));
  }
  if (is_set("SYMBIONT_INITIAL_WEIGHTS")) {
    environment.initial_weights = variable("SYMBIONT_INITIAL_WEIGHTS");
  }
  return environment;
}

struct WorkerChannel::State {
  State(LineStream connection, FileDescriptor stop_event)
      : lines(std::move(connection)), stop(std::move(stop_event)) {
    watcher = start_without_signals(lines.socket(), stop.get());
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    const std::uint64_t one = 1;
    SYM_CHECK(::write(stop.get(), &one, sizeof(one)) == sizeof(one));
    watcher.join();
  }

  LineStream lines;
  FileDescriptor stop;  // an eventfd: readable once the watcher shall end
  std::thread watcher;
};

WorkerChannel::WorkerChannel(std::unique_ptr<State> state) : state_(std::move(state)) {}
WorkerChannel::WorkerChannel(WorkerChannel&&) noexcept = default;
WorkerChannel& WorkerChannel::operator=(WorkerChannel&&) noexcept = default;
WorkerChannel::~WorkerChannel() = default;

Result<WorkerChannel> WorkerChannel::connect(const std::filesystem::path& socket) {
  SYM_ASSIGN_OR_RETURN(LineStream lines, LineStream::connect(socket));
  FileDescriptor stop(::eventfd(0, EFD_CLOEXEC));
  if (!stop.is_open()) {
    return tl::unexpected(errno_error(errno, "make an event descriptor"));
  }
  return WorkerChannel(std::make_unique<State>(std::move(lines), std::move(stop)));
}

Result<void> WorkerChannel::send(const WorkerMessage& message) {
  return state_->lines.send(encode(message));
}

Result<RunnerMessage> WorkerChannel::receive() {
  SYM_ASSIGN_OR_RETURN(const std::optional<std::string> line, state_->lines.receive(std::nullopt));
  SYM_CHECK(line.has_value());  // without a timeout there is a line or an error
  return decode_runner_message(*line);
}

Result<std::optional<RunnerMessage>> WorkerChannel::receive(std::chrono::milliseconds timeout) {
  SYM_ASSIGN_OR_RETURN(const std::optional<std::string> line, state_->lines.receive(timeout));
  if (!line) {
    return std::nullopt;
  }
  SYM_ASSIGN_OR_RETURN(RunnerMessage message, decode_runner_message(*line));
  return message;
}

void WorkerChannel::leave_to_parent() {
  // Its destructor would wait for a thread that is not there: the memory stays until the child
  // ends.
  const State* const copy = state_.release();
  ::close(copy->lines.socket());
  ::close(copy->stop.get());
}

}  // namespace symbiont::train
