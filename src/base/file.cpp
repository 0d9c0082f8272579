#include "symbiont/base/file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace symbiont {
namespace {

constexpr std::size_t kChunk = 64 << 10;
using Chunk = std::array<char, kChunk>;

/// Bytes that grow up to a limit and never reserve more than it.
class BoundedBytes {
 public:
  BoundedBytes(std::int64_t limit, std::uint64_t expected_size)
      : limit_(limit > 0 ? static_cast<std::size_t>(limit) : 0) {
    bytes_.reserve(std::min<std::uint64_t>(limit_, expected_size));
  }

  /// False, and nothing is added, when the limit would be passed.
  bool append(std::string_view more) {
    if (more.size() > limit_ - bytes_.size()) {
      return false;
    }
    if (more.size() > bytes_.capacity() - bytes_.size()) {
      grow(bytes_.size() + more.size());
    }
    bytes_.append(more);
    return true;
  }

  std::string take() && { return std::move(bytes_); }

 private:
  void grow(std::size_t needed) {
    // A fresh string: one that grows in place may double past the limit.
    const std::size_t doubled = std::max(needed, std::max(kChunk, 2 * bytes_.capacity()));
    std::string bigger;
    bigger.reserve(std::min(doubled, limit_));
    bigger.append(bytes_);
    bytes_.swap(bigger);
  }

  std::size_t limit_;
  std::string bytes_;
};

tl::unexpected<Error> larger_than(std::string_view name, std::int64_t max_bytes) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: larger than the limit of {} bytes", name, max_bytes));
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a special file";
}

tl::unexpected<Error> not_a_file(std::string_view name, mode_t mode) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: is {}, expected a file", name, kind_of(mode)));
}

Result<std::string> read_all(int fd, const std::string& name, std::int64_t max_bytes,
                             std::uint64_t expected_size) {
  BoundedBytes content(max_bytes, expected_size);
  Chunk chunk;
  while (true) {
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count == 0) {
      return std::move(content).take();
    }
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return tl::unexpected(errno_error(errno, "read " + name));
    }
    if (!content.append({chunk.data(), static_cast<std::size_t>(count)})) {
      return larger_than(name, max_bytes);
    }
  }
}

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

/// The decompressed size a gzip trailer claims; a hint, for it may lie and wraps at 4 GiB.
std::uint64_t claimed_size(std::string_view gzip) {
  constexpr std::uint64_t kMaxDeflateRatio = 1032;
  if (gzip.size() < 4) {
    return 0;
  }
  std::uint64_t size = 0;
  for (std::size_t i = 1; i <= 4; ++i) {
    size = size << 8 | static_cast<unsigned char>(gzip[gzip.size() - i]);
  }
  return std::min(size, kMaxDeflateRatio * gzip.size());
}

/// zlib's state, released at the end of scope.
class Inflater {
 public:
  Inflater() { usable_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK; }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool usable() const { return usable_; }
  z_stream& stream() { return stream_; }
  std::string_view message() const { return stream_.msg == nullptr ? "invalid data" : stream_.msg; }

 private:
  z_stream stream_{};
  bool usable_ = false;
};

Result<void> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return tl::unexpected(errno_error(errno, "write " + name));
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

/// A new file in the directory of its target; removed again unless it was renamed away.
class TemporaryFile {
 public:
  static Result<TemporaryFile> create(const std::filesystem::path& directory,
                                      const std::string& target) {
    static std::atomic<unsigned> serial = 0;
    while (true) {
      auto path = directory / fmt::format(".symbiont-{}-{}", getpid(), serial++);
      // Not mkostemp: with mode 0666 the kernel applies the umask, as for any file of the user's.
      FileDescriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (fd.is_open()) {
        return TemporaryFile(std::move(path), std::move(fd));
      }
      if (errno != EEXIST) {
        return tl::unexpected(errno_error(errno, "write " + target));
      }
    }
  }

  TemporaryFile(TemporaryFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) {
      unlink(path_.c_str());
    }
  }

  int fd() const { return fd_.get(); }

  Result<void> rename_over(const std::filesystem::path& target) {
    if (rename(path_.c_str(), target.c_str()) != 0) {
      return tl::unexpected(errno_error(errno, "write " + target.string()));
    }
    path_.clear();
    return {};
  }

 private:
  TemporaryFile(std::filesystem::path path, FileDescriptor fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  std::filesystem::path path_;
  FileDescriptor fd_;
};

/// The mode of the file that is about to be replaced; nothing when there is none yet.
Result<std::optional<mode_t>> mode_of_target(const std::filesystem::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {
    return not_a_file(path.string(), status.st_mode);
  }
  return status.st_mode & 07777;
}

Result<void> flush(int fd, const std::string& name) {
  // Some file systems cannot flush a directory and say so with EINVAL; there is nothing to flush.
  if (fsync(fd) != 0 && errno != EINVAL) {
    return tl::unexpected(errno_error(errno, "flush " + name));
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::int64_t max_bytes) {
  const std::string name = path.string();
  // O_NONBLOCK: a pipe must not make us wait before it can be refused.
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.is_open()) {
    return tl::unexpected(errno_error(errno, "read " + name));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return tl::unexpected(errno_error(errno, "read " + name));
  }
  if (!S_ISREG(status.st_mode)) {
    return not_a_file(name, status.st_mode);
  }
  // In sysfs every file claims the size of one page, so a small claim proves nothing.
  constexpr std::int64_t kPage = 4096;
  if (status.st_size > max_bytes && status.st_size > kPage) {
    return larger_than(name, max_bytes);
  }
  return read_all(fd.get(), name, max_bytes, static_cast<std::uint64_t>(status.st_size));
}

Result<std::string> gunzip(std::string_view bytes, std::int64_t max_bytes,
                           std::string_view source) {
  Inflater inflater;
  if (!inflater.usable()) {
    return fail(ErrorCode::kResourceExhausted, fmt::format("{}: cannot start zlib", source));
  }
  BoundedBytes content(max_bytes, claimed_size(bytes));
  z_stream& stream = inflater.stream();
  Chunk chunk;
  bool member_ended = false;
  while (true) {
    if (stream.avail_in == 0) {
      const auto count = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(count);
      bytes.remove_prefix(count);
    }
    if (member_ended && stream.avail_in == 0) {
      return std::move(content).take();
    }
    if (member_ended) {
      inflateReset(&stream);
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    const int status = inflate(&stream, Z_NO_FLUSH);
    if (!content.append({chunk.data(), chunk.size() - stream.avail_out})) {
      return larger_than(source, max_bytes);
    }
    if (status == Z_BUF_ERROR) {
      return fail(ErrorCode::kDataLoss, fmt::format("{}: gzip data is truncated", source));
    }
    if (status != Z_OK && status != Z_STREAM_END) {
      return fail(ErrorCode::kDataLoss,
                  fmt::format("{}: gzip data is corrupt: {}", source, inflater.message()));
    }
    member_ended = status == Z_STREAM_END;
  }
}

Result<std::string> read_file_gunzipped(const std::filesystem::path& path, std::int64_t max_bytes) {
  Result<std::string> bytes = read_file(path, max_bytes);
  if (!bytes || !is_gzip(*bytes)) {
    return bytes;
  }
  return gunzip(*bytes, max_bytes, path.string());
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  // A link stays a link: what it points to is replaced.
  std::error_code not_there_yet;
  std::filesystem::path target = std::filesystem::canonical(path, not_there_yet);
  if (not_there_yet) {
    target = path;
  }
  const std::string name = path.string();
  SYM_ASSIGN_OR_RETURN(const std::optional<mode_t> mode, mode_of_target(target));
  const auto directory = target.has_parent_path() ? target.parent_path() : ".";

  SYM_ASSIGN_OR_RETURN(TemporaryFile file, TemporaryFile::create(directory, name));
  if (mode && fchmod(file.fd(), *mode) != 0) {
    return tl::unexpected(errno_error(errno, "write " + name));
  }
  SYM_RETURN_IF_ERROR(write_all(file.fd(), bytes, name));
  SYM_RETURN_IF_ERROR(flush(file.fd(), name));
  SYM_RETURN_IF_ERROR(file.rename_over(target));

  // A directory that may be written but not listed cannot be opened, hence not flushed.
  FileDescriptor parent(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return parent.is_open() ? flush(parent.get(), directory.string()) : Result<void>{};
}

Result<void> create_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return tl::unexpected(errno_error(error.value(), "create directory " + path.string()));
  }
  return {};
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const std::filesystem::path rest = path.lexically_relative(folder);
  return !folder.empty() && !rest.empty() && *rest.begin() != "..";
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

void FileDescriptor::reset() {
  if (is_open()) {
    close(release());
  }
}

}  // namespace symbiont
