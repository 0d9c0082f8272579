#include "bounded_log.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace symbiont::train {

BoundedLog::BoundedLog(std::filesystem::path path, std::int64_t most)
    : path_(std::move(path)), half_(std::max<std::int64_t>(most / 2, 1)) {
  open();
}

void BoundedLog::open() {
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  file_ = FileDescriptor(::open(path_.c_str(), kAppend | O_NOFOLLOW, 0666));
  struct stat status {};
  const bool usable =
      file_.is_open() && ::fstat(file_.get(), &status) == 0 && S_ISREG(status.st_mode);
  size_ = usable ? status.st_size : 0;
  if (!usable) {
    file_.reset();
  }
}

void BoundedLog::write(std::string_view bytes) {
  if (size_ > 0 && size_ + static_cast<std::int64_t>(bytes.size()) > half_) {
    ::rename(path_.c_str(), (path_.string() + ".1").c_str());
    open();
  }
  while (file_.is_open() && !bytes.empty()) {
    const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return;
    }
    size_ += count;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace symbiont::train
