#pragma once
/// A file to which whole lines are appended while a run goes on.

#include <filesystem>
#include <string>

#include "symbiont/base/error.h"
#include "symbiont/base/file.h"

namespace symbiont::jobs {

/// Each line is one write, so that a reader, or what is left after a kill, has whole lines. What
/// cannot be written (a full disk) is dropped with one warning: a run does not end for its log.
/// Move-only; not thread-safe.
class LineFile {
 public:
  /// Opens for appending, creating the file. kInvalidArgument, kNotFound or kPermissionDenied
  /// naming the path. `what` names its use in messages: "event log".
  static Result<LineFile> open(const std::filesystem::path& path, std::string what);

  /// `line` without its line break.
  void append(std::string line);

 private:
  LineFile(FileDescriptor file, std::filesystem::path path, std::string what)
      : file_(std::move(file)), path_(std::move(path)), what_(std::move(what)) {}
  void warn(int error_number);

  FileDescriptor file_;
  std::filesystem::path path_;
  std::string what_;
  bool warned_ = false;
  bool line_is_torn_ = false;  // the last write was cut short: the next line starts on its own
};

}  // namespace symbiont::jobs
