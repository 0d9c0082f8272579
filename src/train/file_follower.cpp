#include "file_follower.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace symbiont::train {
namespace {

constexpr std::size_t kRemembered = 256;

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) {
    return "a directory";
  }
  if (S_ISFIFO(mode)) {
    return "a FIFO";
  }
  return S_ISCHR(mode) || S_ISBLK(mode) ? "a device" : "a socket";
}

Result<void> check_regular(const std::filesystem::path& path, const struct stat& status) {
  if (S_ISREG(status.st_mode)) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              path.string() + ": found " + kind_of(status.st_mode) + ", expected a file");
}

}  // namespace

// False while there is none. Looked at before it is opened: opening a device may do something.
Result<bool> FileFollower::open() {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    return false;
  }
  SYM_RETURN_IF_ERROR(check_regular(path_, status));
  FileDescriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    return errno == ENOENT ? Result<bool>(false)
                           : tl::unexpected(errno_error(errno, "open " + path_.string()));
  }
  SYM_RETURN_IF_ERROR(check_regular(path_, status));
  file_ = std::move(file);
  offset_ = 0;
  before_.clear();
  return true;
}

bool FileFollower::was_replaced() const {
  struct stat named {};
  struct stat opened {};
  if (::fstat(file_.get(), &opened) != 0 || opened.st_size < offset_) {
    return true;
  }
  std::string now(before_.size(), '\0');
  const auto begin = offset_ - static_cast<std::int64_t>(before_.size());
  // However long it is: the last bytes are read again at each look.
  if (::pread(file_.get(), now.data(), now.size(), begin) >= 0 && now != before_) {
    return true;
  }
  // One that is only gone may come back; until then the rest of the old one counts.
  return ::stat(path_.c_str(), &named) == 0 && opened.st_size == offset_ &&
         (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino);
}

Result<bool> FileFollower::read(std::int64_t most,
                                const std::function<void(std::string_view)>& take) {
  if (file_.is_open() && was_replaced()) {
    file_.reset();
    take({});
  }
  if (!file_.is_open()) {
    SYM_ASSIGN_OR_RETURN(const bool there, open());
    if (!there) {
      return false;
    }
  }
  std::array<char, 64 << 10> chunk;
  while (most > 0) {
    const auto wanted = std::min<std::int64_t>(most, static_cast<std::int64_t>(chunk.size()));
    const ssize_t count =
        ::pread(file_.get(), chunk.data(), static_cast<std::size_t>(wanted), offset_);
    if (count < 0 && errno != EINTR) {
      return tl::unexpected(errno_error(errno, "read " + path_.string()));
    }
    if (count == 0) {
      return false;
    }
    if (count > 0) {
      const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
      take(bytes);
      before_ += bytes;
      before_.erase(0, before_.size() - std::min(before_.size(), kRemembered));
      offset_ += count;
      most -= count;
    }
  }
  return true;
}

}  // namespace symbiont::train
