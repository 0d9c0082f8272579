#pragma once
/// Safetensors: named tensors in one file, without code that runs on loading.
///
///   8 bytes  length of the header, little-endian
///   header   JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END]}, ...,
///            "__metadata__": {"KEY": "TEXT"}}, may end in spaces
///   data     the tensors, little-endian and row-major, without gaps
///
/// Names are kept as they are, so a PyTorch state_dict survives the round trip.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont::graph {

inline constexpr std::size_t kMaxSafetensorsHeader = 16 << 20;              ///< bytes
inline constexpr std::int64_t kMaxSafetensorsFile = std::int64_t{8} << 30;  ///< bytes

/// The type of a tensor's numbers.
enum class DType {
  kFloat64,
  kFloat32,
  kFloat16,
  kBfloat16,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUint8,
  kBool
};

/// The format's word: "F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL".
std::string_view to_string(DType type);
/// Bytes of one number.
std::size_t width_of(DType type);

/// An array of numbers with a name. A value.
struct Tensor {
  std::string name;
  DType type = DType::kFloat32;
  std::vector<std::int64_t> shape;  ///< empty for a single number
  std::vector<std::byte> bytes;     ///< little-endian, row-major: product(shape) x width_of(type)

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// A float32 tensor. Requires as many values as the shape asks for.
Tensor make_tensor(std::string name, std::vector<std::int64_t> shape,
                   std::span<const float> values);
/// The numbers of a float32 tensor. kInvalidArgument naming the tensor when it is of another type.
Result<std::vector<float>> float_values(const Tensor& tensor);

/// The content of a file.
struct TensorFile {
  std::vector<Tensor> tensors;                  ///< in the order of their data
  std::map<std::string, std::string> metadata;  ///< may be empty

  /// The tensor of that name, or null.
  const Tensor* find(std::string_view name) const;
  friend bool operator==(const TensorFile&, const TensorFile&) = default;
};

/// Parses a whole file; `source` (a path) is named in errors. kDataLoss when bytes are missing or
/// left over, kInvalidArgument when the header is not as above: nothing overlaps, nothing is
/// unused, each size fits its shape, each name occurs once.
Result<TensorFile> parse_safetensors(std::string_view bytes, std::string_view source);

/// The bytes of a file. The same content gives the same bytes. kInvalidArgument when a name occurs
/// twice, is empty or "__metadata__", is not UTF-8, or when bytes do not fit a shape.
Result<std::string> format_safetensors(const TensorFile& file);

Result<TensorFile> load_safetensors(const std::filesystem::path& path);
/// Writes all or nothing, as `write_file_atomically`.
Result<void> save_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace symbiont::graph
