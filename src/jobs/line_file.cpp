#include "jobs/line_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "symbiont/base/log.h"

namespace symbiont::jobs {

Result<LineFile> LineFile::open(const std::filesystem::path& path, std::string what) {
  // A pipe without a reader is refused rather than waited for.
  const int descriptor =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor < 0) {
    return tl::unexpected(errno_error(errno, fmt::format("{} {}", what, path.string())));
  }
  return LineFile(FileDescriptor(descriptor), path, std::move(what));
}

void LineFile::append(std::string line) {
  line += '\n';
  if (line_is_torn_) {
    line.insert(line.begin(), '\n');
  }
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written < 0) {
    warn(errno);
  } else if (static_cast<std::size_t>(written) < line.size()) {
    line_is_torn_ = true;
    warn(ENOSPC);
  } else {
    line_is_torn_ = false;
  }
}

void LineFile::warn(int error_number) {
  if (!std::exchange(warned_, true)) {
    log::warning(errno_error(error_number, fmt::format("{} {}", what_, path_.string())).message() +
                 "; lines are missing from it, the run goes on");
  }
}

}  // namespace symbiont::jobs
