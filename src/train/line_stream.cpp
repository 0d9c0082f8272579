#include "line_stream.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "symbiont/train/protocol.h"

namespace symbiont::train {
namespace {

using Milliseconds = std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

bool is_hang_up(int error_number) {
  return error_number == EPIPE || error_number == ECONNRESET;
}

tl::unexpected<Error> closed() {
  return fail(ErrorCode::kCancelled, "the other end closed the channel");
}

// Milliseconds left as poll wants them: -1 for ever, rounded up so that zero means over.
int remaining(std::optional<SteadyClock::time_point> deadline) {
  if (!deadline) {
    return -1;
  }
  const auto left = std::chrono::ceil<Milliseconds>(*deadline - SteadyClock::now());
  return static_cast<int>(std::max<Milliseconds::rep>(0, left.count()));
}

Result<FileDescriptor> connect_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidArgument,
                "found a path of " + std::to_string(path.native().size()) +
                    " bytes, expected fewer than " + std::to_string(sizeof(address.sun_path)));
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) {
    return tl::unexpected(errno_error(errno, "make a socket"));
  }
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(socket.get(), generic, sizeof(address)) != 0) {
    return tl::unexpected(errno_error(errno, "connect"));
  }
  return socket;
}

}  // namespace

Result<LineStream> LineStream::connect(const std::filesystem::path& path) {
  Result<FileDescriptor> connection = connect_to(path);
  if (!connection) {
    return tl::unexpected(
        std::move(connection).error().while_doing("connect to the runner at " + path.string()));
  }
  return LineStream(std::move(*connection));
}

Result<void> LineStream::send(std::string_view line) {
  if (line.size() > kMaxMessageBytes || line.find('\n') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidArgument, "a message must be one line of at most " +
                                                 std::to_string(kMaxMessageBytes) + " bytes");
  }
  std::string bytes(line);
  bytes += '\n';
  for (std::string_view rest = bytes; !rest.empty();) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent < 0) {
      return is_hang_up(errno) ? closed() : tl::unexpected(errno_error(errno, "send a message"));
    }
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<std::optional<std::string>> LineStream::take_line() {
  const std::size_t end = buffer_.find('\n');
  if (std::min(end, buffer_.size()) > kMaxMessageBytes) {
    return fail(ErrorCode::kInvalidArgument,
                "found a message longer than " + std::to_string(kMaxMessageBytes) + " bytes");
  }
  if (end == std::string::npos) {
    return std::nullopt;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

// Reads once what is there; false when interrupted before anything came.
Result<bool> LineStream::fill() {
  std::array<char, 16 << 10> chunk;
  const ssize_t count = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
  if (count > 0) {
    buffer_.append(chunk.data(), static_cast<std::size_t>(count));
    return true;
  }
  if (count < 0 && errno == EINTR) {
    return false;
  }
  if (count == 0 || is_hang_up(errno)) {
    return closed();
  }
  return tl::unexpected(errno_error(errno, "receive a message"));
}

Result<std::optional<std::string>> LineStream::receive(std::optional<Milliseconds> timeout) {
  std::optional<SteadyClock::time_point> deadline;
  if (timeout) {
    deadline = SteadyClock::now() + *timeout;
  }
  while (true) {
    SYM_ASSIGN_OR_RETURN(std::optional<std::string> line, take_line());
    if (line) {
      return line;
    }
    pollfd readable{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&readable, 1, remaining(deadline));
    if (ready == 0) {
      return std::nullopt;
    }
    if (ready < 0 && errno != EINTR) {
      return tl::unexpected(errno_error(errno, "wait for a message"));
    }
    if (ready > 0) {
      SYM_RETURN_IF_ERROR(fill());
    }
  }
}

}  // namespace symbiont::train
