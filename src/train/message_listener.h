#pragma once
/// Where a runner waits for the one worker it has started.

#include <chrono>
#include <filesystem>
#include <optional>

#include <sys/types.h>

#include "line_stream.h"
#include "symbiont/base/error.h"
#include "symbiont/base/file.h"

namespace symbiont::train {

/// A listening Unix socket in a directory of its own that only this user can enter. Both are
/// removed as soon as the worker is connected, or with this object.
class MessageListener {
 public:
  /// Below XDG_RUNTIME_DIR where that can be used, else below the system's temporary directory.
  /// kInvalidArgument when the path is too long for a socket. Removes what listeners of killed
  /// runners left there more than a minute ago.
  static Result<MessageListener> create();

  MessageListener(MessageListener&& other) noexcept;
  MessageListener& operator=(MessageListener&&) = delete;
  ~MessageListener() { remove(); }

  /// The socket's path, for SYMBIONT_CHANNEL.
  const std::filesystem::path& path() const { return path_; }

  /// The worker's connection; nothing when it did not come within `timeout`. Only a process of
  /// this user or of process group `group` is let in.
  Result<std::optional<LineStream>> accept(std::chrono::milliseconds timeout, pid_t group);

 private:
  explicit MessageListener(std::filesystem::path path) : path_(std::move(path)) {}
  static Result<MessageListener> create_below(const std::filesystem::path& directory);
  Result<void> listen();
  void remove();

  std::filesystem::path path_;  // empty when removed
  FileDescriptor socket_;
};

}  // namespace symbiont::train
