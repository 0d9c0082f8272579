#include "worker.h"

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

#include "symbiont/base/file.h"
#include "symbiont/train/oom_kills.h"

namespace symbiont::train {
namespace {

using Milliseconds = std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// How soon a worker that died before it connected is noticed.
constexpr Milliseconds kConnectSlice{50};
// A dying process closes its channel before its end can be seen.
constexpr Milliseconds kExitGrace{5000};
constexpr Milliseconds kMeasurePeriod{1000};
constexpr Milliseconds kForever = std::chrono::hours(24 * 365);

SpawnOptions spawn_options(const AttemptOptions& options, const std::filesystem::path& channel) {
  std::error_code ignored;  // it exists, so only our own directory could be gone
  const std::filesystem::path output = std::filesystem::absolute(options.output, ignored);
  SpawnOptions spawn;
  spawn.argv = options.argv;
  spawn.environment = options.environment;
  spawn.environment.emplace_back("SYMBIONT_CHANNEL", channel.string());
  spawn.environment.emplace_back("SYMBIONT_OUTPUT", output.string());
  spawn.working_directory = options.working_directory;
  spawn.stdout_file = output / kWorkerLog;
  spawn.stderr_file = output / kWorkerLog;
  return spawn;
}

}  // namespace

Result<Worker> Worker::start(const AttemptOptions& options) {
  SYM_RETURN_IF_ERROR(symbiont::create_directories(options.output));
  SYM_ASSIGN_OR_RETURN(MessageListener listener, MessageListener::create());
  const std::optional<std::int64_t> oom_kills = count_oom_kills(options.sysroot);
  SYM_ASSIGN_OR_RETURN(Subprocess process,
                       Subprocess::spawn(spawn_options(options, listener.path())));
  return Worker(std::move(listener), std::move(process), options.sysroot, oom_kills,
                options.command_grace.has_value());
}

Result<void> Worker::send(const RunnerMessage& message) {
  SYM_CHECK(lines_.has_value());  // nothing is said before hello
  Result<void> sent = lines_->send(encode(message));
  // Its last words may still be unread, so a closed channel is left for `receive` to find.
  if (!sent && sent.error().code() != ErrorCode::kCancelled) {
    return sent;
  }
  return {};
}

Result<std::optional<WorkerMessage>> Worker::receive(Milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  if (!lines_) {
    SYM_RETURN_IF_ERROR(connect(timeout));
  }
  const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
  if (!lines_) {
    return std::nullopt;
  }
  SYM_ASSIGN_OR_RETURN(const std::optional<std::string> line,
                       lines_->receive(std::max(left, Milliseconds(0))));
  if (!line) {
    // Children that inherited the channel may outlive the worker; seeing its end kills them, which
    // closes the channel.
    process_.has_ended(Milliseconds(0));
    return std::nullopt;
  }
  SYM_ASSIGN_OR_RETURN(WorkerMessage message, decode_worker_message(*line));
  return message;
}

Result<void> Worker::connect(Milliseconds timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  do {
    // Looks at the process first: one that ended may have connected and spoken before.
    const bool ended = process_.has_ended(Milliseconds(0));
    SYM_ASSIGN_OR_RETURN(lines_, listener_.accept(kConnectSlice, process_.pid()));
    if (ended && !lines_) {
      return fail(ErrorCode::kCancelled, "the worker ended before it connected");
    }
  } while (!lines_ && SteadyClock::now() < deadline);
  return {};
}

void Worker::finish(Milliseconds grace, const Measure& measure) {
  if (ends_within(grace, measure)) {
    process_.wait(Milliseconds(0));
  } else {
    kill(measure);
  }
}

bool Worker::ends_within(Milliseconds grace, const Measure& measure) {
  const auto deadline = SteadyClock::now() + grace;
  while (true) {
    const auto left = std::chrono::ceil<Milliseconds>(deadline - SteadyClock::now());
    const bool ended = process_.has_ended(std::clamp(left, Milliseconds(0), kMeasurePeriod));
    measure();
    if (ended || left <= kMeasurePeriod) {
      return ended;
    }
  }
}

void Worker::kill(const Measure& measure) {
  process_.signal_group(SIGTERM);
  process_.signal_group(SIGCONT);  // a stopped process cannot comply
  if (!ends_within(supervises_ ? kExitGrace : Milliseconds(0), measure)) {
    process_.signal_group(SIGKILL);
    process_.has_ended(kForever);
    measure();
  }
  process_.wait(kForever);
}

Worker::~Worker() {
  if (process_.pid() > 0) {
    process_.terminate(supervises_ ? kExitGrace : Milliseconds(0));
  }
}

Outcome Worker::diagnose(const Measure& measure) {
  if (!ends_within(kExitGrace, measure)) {
    kill(measure);
    return {AttemptEnd::Kind::kFailed, "the worker closed its channel but went on running"};
  }
  const std::optional<ExitStatus> status = process_.wait(Milliseconds(0));
  SYM_CHECK(status.has_value());
  if (was_killed_for_memory(*status)) {
    return {AttemptEnd::Kind::kInfeasible, "killed by the kernel for lack of memory"};
  }
  return {AttemptEnd::Kind::kFailed, "the worker ended unasked: " + status->describe()};
}

bool Worker::was_killed_for_memory(const ExitStatus& status) const {
  if (status.signal != SIGKILL || !oom_kills_before_) {
    return false;
  }
  const std::optional<std::int64_t> now = count_oom_kills(sysroot_);
  return now && *now > *oom_kills_before_;
}

}  // namespace symbiont::train
