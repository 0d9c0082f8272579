#include "message_listener.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace symbiont::train {
namespace {

constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::string_view kPrefix = "symbiont-";
constexpr const char* kChannel = "channel";
constexpr std::chrono::minutes kLeastAge{1};

// The directory is closed to other users already; this guards against a descriptor passed around.
bool is_welcome(int connection, pid_t group) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return false;
  }
  return peer.uid == ::geteuid() || (peer.pid > 0 && ::getpgid(peer.pid) == group);
}

Result<std::filesystem::path> temporary_directory() {
  std::error_code error;
  std::filesystem::path path = std::filesystem::temp_directory_path(error);
  if (error) {
    return tl::unexpected(errno_error(error.value(), "find the temporary directory (TMPDIR)"));
  }
  return path;
}

// Whether a socket has nobody listening any more. A datagram socket asks without disturbing
// anybody: one that is listened on refuses its type, an abandoned one the connection.
bool is_abandoned(const std::filesystem::path& channel) {
  sockaddr_un address{};
  if (channel.native().size() > kMaxSocketPath) {
    return false;
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, channel.c_str(), channel.native().size());
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return probe.is_open() && ::connect(probe.get(), generic, sizeof(address)) != 0 &&
         errno == ECONNREFUSED;
}

// Younger ones may be about to listen.
bool is_old(const std::filesystem::path& path) {
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(path, error);
  return !error && std::filesystem::file_time_type::clock::now() - changed > kLeastAge;
}

bool is_own(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid();
}

// A runner that is killed before its worker connects leaves its directory behind.
void remove_abandoned(const std::filesystem::path& directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::filesystem::path& path = entry->path();
    if (path.filename().native().starts_with(kPrefix) && is_own(path) && is_old(path) &&
        is_abandoned(path / kChannel)) {
      ::unlink((path / kChannel).c_str());
      ::rmdir(path.c_str());
    }
  }
}

}  // namespace

Result<MessageListener> MessageListener::create() {
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    // Often set but absent, after `sudo` or in a container: then it is as if it were not set.
    if (Result<MessageListener> listener = create_below(runtime)) {
      return listener;
    }
  }
  SYM_ASSIGN_OR_RETURN(const std::filesystem::path directory, temporary_directory());
  return create_below(directory);
}

Result<MessageListener> MessageListener::create_below(const std::filesystem::path& directory) {
  std::string own = (directory / kPrefix).string() + "XXXXXX";
  const std::size_t length = (std::filesystem::path(own) / kChannel).native().size();
  if (length > kMaxSocketPath) {
    return fail(ErrorCode::kInvalidArgument,
                "make a socket below " + directory.string() + ": its path would have " +
                    std::to_string(length) + " bytes, at most " + std::to_string(kMaxSocketPath) +
                    " are possible; set TMPDIR to a shorter path");
  }
  remove_abandoned(directory);
  if (::mkdtemp(own.data()) == nullptr) {  // mode 0700
    return tl::unexpected(errno_error(errno, "make a directory below " + directory.string()));
  }
  MessageListener listener(std::filesystem::path(own) / kChannel);
  SYM_RETURN_IF_ERROR(listener.listen());
  return listener;
}

Result<void> MessageListener::listen() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.native().size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.is_open() || ::bind(socket_.get(), generic, sizeof(address)) != 0 ||
      ::listen(socket_.get(), 1) != 0) {
    return tl::unexpected(errno_error(errno, "listen on " + path_.string()));
  }
  return {};
}

MessageListener::MessageListener(MessageListener&& other) noexcept
    : path_(std::exchange(other.path_, {})), socket_(std::move(other.socket_)) {}

Result<std::optional<LineStream>> MessageListener::accept(std::chrono::milliseconds timeout,
                                                          pid_t group) {
  pollfd readable{socket_.get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(timeout.count())) <= 0) {
    return std::nullopt;  // nobody came, or a signal did
  }
  FileDescriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.is_open()) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) {
      return std::nullopt;
    }
    return tl::unexpected(errno_error(errno, "accept a worker on " + path_.string()));
  }
  if (!is_welcome(connection.get(), group)) {
    return std::nullopt;
  }
  remove();
  return LineStream(std::move(connection));
}

void MessageListener::remove() {
  if (path_.empty()) {
    return;
  }
  socket_.reset();
  ::unlink(path_.c_str());
  ::rmdir(path_.parent_path().c_str());
  path_.clear();
}

}  // namespace symbiont::train
