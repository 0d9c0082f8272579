#pragma once
/// IDX, the format of MNIST and its relatives: an array of unsigned bytes with its dimensions.
///
///   2 bytes  zero
///   1 byte   type; 0x08 (unsigned byte) is the only one read here
///   1 byte   number of dimensions, 1 to 4
///   4 bytes  each dimension, big-endian
///   then     the values, row-major

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont::data {

inline constexpr std::int64_t kMaxIdxBytes = 1 << 30;  ///< largest file read, after decompression

/// An array of bytes.
struct IdxArray {
  std::vector<std::size_t> dimensions;
  std::vector<std::uint8_t> values;  ///< row-major; its size is the product of `dimensions`
};

/// Parses a whole file; `source` (a path) is named in errors. kDataLoss when bytes are missing or
/// left over, kInvalidArgument when they are not IDX of unsigned bytes.
Result<IdxArray> parse_idx(std::string_view bytes, std::string_view source);

/// Reads a file, gzip or plain (told by its content).
Result<IdxArray> load_idx(const std::filesystem::path& path);

}  // namespace symbiont::data
