#include "symbiont/data/idx.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/file.h"

namespace symbiont::data {
namespace {

constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kDimensionBytes = 4;
constexpr std::size_t kMaxDimensions = 4;
constexpr unsigned char kUnsignedByte = 0x08;

unsigned char byte_at(std::string_view bytes, std::size_t offset) {
  return static_cast<unsigned char>(bytes[offset]);
}

std::size_t big_endian_at(std::string_view bytes, std::size_t offset) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < kDimensionBytes; ++i) {
    value = value << 8 | byte_at(bytes, offset + i);
  }
  return value;
}

tl::unexpected<Error> truncated(std::string_view source, std::size_t found, std::size_t expected) {
  return fail(ErrorCode::kDataLoss,
              fmt::format("{}: truncated: {} bytes, expected {}", source, found, expected));
}

// Returns the number of dimensions.
Result<std::size_t> parse_magic(std::string_view bytes, std::string_view source) {
  if (bytes.size() < kMagicBytes) {
    return truncated(source, bytes.size(), kMagicBytes);
  }
  const std::size_t dimensions = byte_at(bytes, 3);
  if (byte_at(bytes, 0) != 0 || byte_at(bytes, 1) != 0 || dimensions < 1 ||
      dimensions > kMaxDimensions) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: not an IDX file: starts with {:02x} {:02x} {:02x} {:02x}, "
                            "expected 00 00 08 and 1 to {} dimensions",
                            source, byte_at(bytes, 0), byte_at(bytes, 1), byte_at(bytes, 2),
                            byte_at(bytes, 3), kMaxDimensions));
  }
  if (byte_at(bytes, 2) != kUnsignedByte) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: IDX values are of type 0x{:02x}, expected 0x08 (unsigned byte)",
                            source, byte_at(bytes, 2)));
  }
  return dimensions;
}

}  // namespace

Result<IdxArray> parse_idx(std::string_view bytes, std::string_view source) {
  SYM_ASSIGN_OR_RETURN(const std::size_t dimensions, parse_magic(bytes, source));
  const std::size_t header = kMagicBytes + dimensions * kDimensionBytes;
  if (bytes.size() < header) {
    return truncated(source, bytes.size(), header);
  }
  IdxArray array;
  std::size_t count = 1;
  for (std::size_t i = 0; i < dimensions; ++i) {
    const std::size_t dimension = big_endian_at(bytes, kMagicBytes + i * kDimensionBytes);
    array.dimensions.push_back(dimension);
    if (__builtin_mul_overflow(count, dimension, &count)) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: the product of the dimensions overflows", source));
    }
  }
  const std::string_view values = bytes.substr(header);
  if (values.size() < count) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("{}: truncated: {} values, expected {}", source, values.size(), count));
  }
  if (values.size() > count) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: {} bytes are left over after {} values",
                                                  source, values.size() - count, count));
  }
  array.values.assign(values.begin(), values.end());
  return array;
}

Result<IdxArray> load_idx(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const std::string bytes, read_file_gunzipped(path, kMaxIdxBytes));
  return parse_idx(bytes, path.string());
}

}  // namespace symbiont::data
