#pragma once
/// Reading the small files in which the kernel shows its sensors.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont::energy {

/// The first line, without its end. Errors of read_file.
Result<std::string> read_line(const std::filesystem::path& path);

/// The one whole number of a file, at least 0. kUnavailable when it holds something else.
Result<std::int64_t> read_number(const std::filesystem::path& path);

/// A caller acts on two cases: kPermissionDenied stays, all else is kUnavailable.
Error unreadable(Error error);

/// The entries of a directory by name; none when it cannot be read.
std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& directory);

}  // namespace symbiont::energy
