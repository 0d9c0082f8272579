#pragma once
/// Reads what another process appends to a file, whatever it does to it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"
#include "symbiont/base/file.h"

namespace symbiont::train {

/// Not thread-safe. A file that was truncated or replaced is read again from its beginning.
class FileFollower {
 public:
  explicit FileFollower(std::filesystem::path path) : path_(std::move(path)) {}

  /// Reads what is new, at most `most` bytes. `take` is given the bytes, and none when the file
  /// begins anew. True when there may be more. kInvalidArgument when it is no regular file; one
  /// that does not exist yet is no error.
  Result<bool> read(std::int64_t most, const std::function<void(std::string_view)>& take);

 private:
  Result<bool> open();
  bool was_replaced() const;

  std::filesystem::path path_;
  FileDescriptor file_;
  std::int64_t offset_ = 0;
  std::string before_;  // the last bytes read: they tell a file that was written anew, and longer
};

}  // namespace symbiont::train
