#pragma once
/// Lines over a connected Unix stream socket, each bounded. Both ends of the protocol use it.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"
#include "symbiont/base/file.h"

namespace symbiont::train {

/// Not thread-safe. Never raises SIGPIPE.
class LineStream {
 public:
  explicit LineStream(FileDescriptor socket) : socket_(std::move(socket)) {}

  /// Connects to the Unix socket at `path`: the worker's end.
  static Result<LineStream> connect(const std::filesystem::path& path);

  int socket() const { return socket_.get(); }

  /// Writes `line` and a newline. kInvalidArgument when it is longer than kMaxMessageBytes or holds
  /// a newline, kCancelled when the peer has closed.
  Result<void> send(std::string_view line);

  /// The next line without its newline; nothing when none came within `timeout` (absent: waits for
  /// ever). kCancelled when the peer has closed, kInvalidArgument when the line is longer than
  /// kMaxMessageBytes (the stream is of no use then).
  Result<std::optional<std::string>> receive(std::optional<std::chrono::milliseconds> timeout);

 private:
  Result<std::optional<std::string>> take_line();
  Result<bool> fill();

  FileDescriptor socket_;
  std::string buffer_;  // received, not yet taken; at most one line's bound and one read more
};

}  // namespace symbiont::train
