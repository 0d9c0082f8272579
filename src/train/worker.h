#pragma once
/// A worker process and the conversation with it.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "line_stream.h"
#include "message_listener.h"
#include "symbiont/base/error.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/train/attempt.h"
#include "symbiont/train/protocol.h"

namespace symbiont::train {

/// How an attempt ended, and why, for a person.
struct Outcome {
  AttemptEnd::Kind kind = AttemptEnd::Kind::kFailed;
  std::string reason;
};

/// A started worker. The destructor kills its whole process group and reaps it.
class Worker {
 public:
  using Measure = std::function<void()>;

  Worker(Worker&&) noexcept = default;
  Worker& operator=(Worker&&) = delete;
  ~Worker();

  /// Starts the program; it may connect later. The errors of Subprocess::spawn.
  static Result<Worker> start(const AttemptOptions& options);

  pid_t pid() const { return process_.pid(); }

  /// That the worker has gone is no error here: the next `receive` tells.
  Result<void> send(const RunnerMessage& message);

  /// The next message; nothing when none came within `timeout`. kCancelled when the worker has
  /// gone, kInvalidArgument or kUnimplemented when it sent what is no message.
  Result<std::optional<WorkerMessage>> receive(std::chrono::milliseconds timeout);

  /// Waits for the process to end by itself, at most `grace`, then ends it. Calls `measure` every
  /// second meanwhile, and for the last time when it has ended but can still be measured.
  void finish(std::chrono::milliseconds grace, const Measure& measure);

  /// Why a worker that has gone did so. Ends it if it has only closed its channel. Calls `measure`
  /// as `finish` does.
  Outcome diagnose(const Measure& measure);

 private:
  Worker(MessageListener listener, Subprocess process, std::filesystem::path sysroot,
         std::optional<std::int64_t> oom_kills, bool supervises)
      : listener_(std::move(listener)),
        process_(std::move(process)),
        supervises_(supervises),
        sysroot_(std::move(sysroot)),
        oom_kills_before_(oom_kills) {}

  Result<void> connect(std::chrono::milliseconds timeout);
  bool ends_within(std::chrono::milliseconds grace, const Measure& measure);
  void kill(const Measure& measure);
  bool was_killed_for_memory(const ExitStatus& status) const;

  MessageListener listener_;
  Subprocess process_;
  bool supervises_;                  // a command, whose processes it ends when it is asked to end
  std::optional<LineStream> lines_;  // once it has connected
  std::filesystem::path sysroot_;
  std::optional<std::int64_t> oom_kills_before_;
};

}  // namespace symbiont::train
