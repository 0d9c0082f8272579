#pragma once
/// A log that anybody may flood.

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "symbiont/base/file.h"

namespace symbiont::train {

/// Appends to `path`. When that has grown to half of `most` it becomes PATH.1, which replaces the
/// one before, so that the latest bytes stay. Not thread-safe.
class BoundedLog {
 public:
  BoundedLog(std::filesystem::path path, std::int64_t most);

  /// What cannot be written is dropped: a full disk stops no training.
  void write(std::string_view bytes);

 private:
  void open();

  std::filesystem::path path_;
  std::int64_t half_;
  std::int64_t size_ = 0;
  FileDescriptor file_;
};

}  // namespace symbiont::train
