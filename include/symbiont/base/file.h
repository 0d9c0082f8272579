#pragma once
/// Whole files: read with a bound, written all or not at all.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"

namespace symbiont {

inline constexpr std::int64_t kMaxTextFile = 64 << 20;  ///< default bound of a text file, bytes

/// The bytes of a file. Fails with kNotFound, kPermissionDenied, or kInvalidArgument for a
/// directory, device or pipe, and when the file is larger than `max_bytes`; the message names the
/// path.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::int64_t max_bytes = kMaxTextFile);

/// As `read_file`, and decompresses when the content is gzip (by its magic, not its name).
/// `max_bytes` bounds the compressed and the decompressed size. kDataLoss when the stream is
/// truncated or corrupt.
Result<std::string> read_file_gunzipped(const std::filesystem::path& path,
                                        std::int64_t max_bytes = kMaxTextFile);

/// Decompresses gzip bytes in memory, all members; `source` is named in errors.
Result<std::string> gunzip(std::string_view bytes, std::int64_t max_bytes, std::string_view source);

/// Replaces `path` by `bytes`: a temporary file beside it, flushed to disk, renamed over it. A
/// reader sees the old content or the new, never a half; on failure (kResourceExhausted when the
/// disk is full) the old file is untouched and no temporary file is left. Keeps the mode of the
/// file it replaces and follows a link; refuses to replace a device or directory
/// (kInvalidArgument).
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Creates a directory and its parents. Fine if it exists. Errors name the path and the reason.
/// Call it qualified: std::filesystem has a function of this name, found through its argument.
Result<void> create_directories(const std::filesystem::path& path);

/// Whether `path` is `folder` or below it, by their names alone: neither file system nor current
/// folder is asked, so make both canonical, or at least normal, where links or ".." may be in them.
/// Nothing is inside the empty path.
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

/// An open file descriptor that closes itself. Move-only.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  /// Gives the descriptor away without closing it.
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset();

 private:
  int fd_ = -1;
};

}  // namespace symbiont
