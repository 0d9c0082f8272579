#include "symbiont/graph/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "symbiont/base/file.h"

namespace symbiont::graph {
namespace {

using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "tensors are stored little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";

struct TypeRow {
  DType type;
  std::string_view word;
  std::size_t width;
};

constexpr std::array<TypeRow, 10> kTypes = {{
    {DType::kFloat64, "F64", 8},
    {DType::kFloat32, "F32", 4},
    {DType::kFloat16, "F16", 2},
    {DType::kBfloat16, "BF16", 2},
    {DType::kInt64, "I64", 8},
    {DType::kInt32, "I32", 4},
    {DType::kInt16, "I16", 2},
    {DType::kInt8, "I8", 1},
    {DType::kUint8, "U8", 1},
    {DType::kBool, "BOOL", 1},
}};

const TypeRow& row_of(DType type) {
  return kTypes[static_cast<std::size_t>(type)];
}

std::optional<DType> parse_type(std::string_view word) {
  const auto row = std::find_if(kTypes.begin(), kTypes.end(),
                                [&](const TypeRow& candidate) { return candidate.word == word; });
  return row == kTypes.end() ? std::nullopt : std::optional(row->type);
}

tl::unexpected<Error> invalid(std::string_view source, std::string_view what) {
  return fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, what));
}

tl::unexpected<Error> invalid_tensor(std::string_view source, std::string_view name,
                                     std::string_view what) {
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("{}: tensor \"{}\": {}", source, name, what));
}

// Bytes that a tensor of this form takes, or nothing when that is more than can be counted.
std::optional<std::size_t> size_of(DType type, const std::vector<std::int64_t>& shape) {
  std::size_t size = width_of(type);
  for (const std::int64_t dimension : shape) {
    if (dimension < 0 || __builtin_mul_overflow(size, static_cast<std::size_t>(dimension), &size)) {
      return std::nullopt;
    }
  }
  return size;
}

// Where a tensor lies in the data.
struct Placed {
  Tensor tensor;
  std::size_t begin = 0;
  std::size_t end = 0;
};

// JSON libraries keep the last of two equal keys; two tensors of one name must be refused.
Result<Json> parse_header(std::string_view text, std::string_view source) {
  constexpr int kMaxDepth = 4;
  std::array<std::set<std::string>, kMaxDepth> keys;
  std::string problem;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth >= kMaxDepth) {
      problem = "is nested too deeply";
      return false;
    }
    auto& seen = keys[static_cast<std::size_t>(depth)];
    if (event == Json::parse_event_t::key && !seen.insert(value.get<std::string>()).second) {
      problem = fmt::format("names \"{}\" twice", value.get<std::string>());
    }
    if (event == Json::parse_event_t::object_start && depth + 1 < kMaxDepth) {
      keys[static_cast<std::size_t>(depth) + 1].clear();
    }
    return true;
  };
  Json header = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (!problem.empty()) {
    return invalid(source, "the header " + problem);
  }
  if (!header.is_object()) {
    return invalid(source, "the header is not a JSON object");
  }
  return header;
}

Result<std::map<std::string, std::string>> parse_metadata(const Json& entry,
                                                          std::string_view source) {
  std::map<std::string, std::string> metadata;
  if (!entry.is_object()) {
    return invalid(source, "__metadata__ is not an object");
  }
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      return invalid(source, fmt::format("__metadata__: \"{}\" is not a text", key));
    }
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

bool is_count(const Json& value) {
  return value.is_number_unsigned() &&
         value.get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX);
}

bool is_list_of_counts(const Json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), is_count);
}

Result<Placed> parse_entry(const std::string& name, const Json& entry, std::string_view source) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") ||
      !entry.contains("shape") || !entry.contains("data_offsets")) {
    return invalid_tensor(source, name, "expected dtype, shape and data_offsets");
  }
  const Json& word = entry["dtype"];
  const auto type = word.is_string() ? parse_type(word.get<std::string>()) : std::nullopt;
  if (!type) {
    return invalid_tensor(source, name,
                          fmt::format("dtype is {}, expected F64, F32, F16, BF16, I64, I32, I16, "
                                      "I8, U8 or BOOL",
                                      word.dump(-1, ' ', true)));
  }
  if (!is_list_of_counts(entry["shape"])) {
    return invalid_tensor(source, name, "shape is not a list of whole numbers");
  }
  const Json& offsets = entry["data_offsets"];
  if (!is_list_of_counts(offsets) || offsets.size() != 2) {
    return invalid_tensor(source, name, "data_offsets is not a pair of whole numbers");
  }
  Placed placed;
  placed.tensor.name = name;
  placed.tensor.type = *type;
  placed.tensor.shape = entry["shape"].get<std::vector<std::int64_t>>();
  placed.begin = offsets[0].get<std::size_t>();
  placed.end = offsets[1].get<std::size_t>();
  const auto size = size_of(*type, placed.tensor.shape);
  if (!size || placed.end < placed.begin || placed.end - placed.begin != *size) {
    return invalid_tensor(source, name,
                          fmt::format("data_offsets {} do not fit shape {} of {}", offsets.dump(),
                                      entry["shape"].dump(), row_of(*type).word));
  }
  return placed;
}

// Fills in the bytes. Tensors must follow one another without gap or overlap, to the end.
Result<std::vector<Tensor>> take_bytes(std::vector<Placed> all, std::string_view data,
                                       std::string_view source) {
  std::stable_sort(all.begin(), all.end(), [](const Placed& a, const Placed& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::vector<Tensor> tensors;
  std::size_t position = 0;
  for (Placed& placed : all) {
    if (placed.begin != position) {
      return invalid_tensor(source, placed.tensor.name,
                            fmt::format("its data starts at {}, expected {}: tensors must follow "
                                        "one another",
                                        placed.begin, position));
    }
    if (placed.end > data.size()) {
      return fail(ErrorCode::kDataLoss,
                  fmt::format("{}: truncated: tensor \"{}\" ends at {}, the data at {}", source,
                              placed.tensor.name, placed.end, data.size()));
    }
    const std::span<const char> bytes(data.substr(placed.begin, placed.end - placed.begin));
    const auto raw = std::as_bytes(bytes);
    placed.tensor.bytes.assign(raw.begin(), raw.end());
    tensors.push_back(std::move(placed.tensor));
    position = placed.end;
  }
  if (position != data.size()) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: {} bytes are left over after the tensors",
                                                  source, data.size() - position));
  }
  return tensors;
}

Result<std::string_view> take_header(std::string_view& bytes, std::string_view source) {
  if (bytes.size() < kLengthBytes) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: truncated: {} bytes", source, bytes.size()));
  }
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  bytes.remove_prefix(kLengthBytes);
  if (length > kMaxSafetensorsHeader) {
    return invalid(source, fmt::format("not safetensors: the header's length is {}, expected at "
                                       "most {}",
                                       length, kMaxSafetensorsHeader));
  }
  if (length > bytes.size()) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: truncated: {} bytes of a header of {}",
                                                  source, bytes.size(), length));
  }
  const std::string_view header = bytes.substr(0, length);
  bytes.remove_prefix(length);
  if (!header.starts_with('{')) {
    return invalid(source, "not safetensors: the header does not start with {");
  }
  return header;
}

// Widest numbers first, so that every tensor is aligned to its own width; then by name.
std::vector<const Tensor*> storage_order(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> order;
  for (const Tensor& tensor : tensors) {
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const Tensor* a, const Tensor* b) {
    const std::size_t a_width = width_of(a->type);
    const std::size_t b_width = width_of(b->type);
    return a_width != b_width ? a_width > b_width : a->name < b->name;
  });
  return order;
}

Result<void> check_writable(const Tensor& tensor, std::set<std::string_view>& names) {
  constexpr std::string_view kSource = "write safetensors";
  if (tensor.name.empty() || tensor.name == kMetadata) {
    return invalid_tensor(kSource, tensor.name, "not a name for a tensor");
  }
  if (!names.insert(tensor.name).second) {
    return invalid_tensor(kSource, tensor.name, "occurs twice");
  }
  if (size_of(tensor.type, tensor.shape) != tensor.bytes.size()) {
    return invalid_tensor(kSource, tensor.name,
                          fmt::format("{} bytes do not fit its shape", tensor.bytes.size()));
  }
  return {};
}

// The header, padded so that the data starts at a multiple of eight.
Result<std::string> format_header(const Json& header) {
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalidArgument,
                "write safetensors: a name or a metadata text is not UTF-8");
  }
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  if (text.size() > kMaxSafetensorsHeader) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("write safetensors: the header would take {} bytes, at most {}",
                            text.size(), kMaxSafetensorsHeader));
  }
  return text;
}

}  // namespace

std::string_view to_string(DType type) {
  return row_of(type).word;
}

std::size_t width_of(DType type) {
  return row_of(type).width;
}

Tensor make_tensor(std::string name, std::vector<std::int64_t> shape,
                   std::span<const float> values) {
  const auto raw = std::as_bytes(values);
  Tensor tensor{std::move(name), DType::kFloat32, std::move(shape), {raw.begin(), raw.end()}};
  SYM_CHECK(size_of(tensor.type, tensor.shape) == tensor.bytes.size());
  return tensor;
}

Result<std::vector<float>> float_values(const Tensor& tensor) {
  if (tensor.type != DType::kFloat32) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("tensor \"{}\" is of type {}, expected F32", tensor.name,
                            to_string(tensor.type)));
  }
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  }
  return values;
}

const Tensor* TensorFile::find(std::string_view name) const {
  const auto tensor = std::find_if(tensors.begin(), tensors.end(),
                                   [&](const Tensor& candidate) { return candidate.name == name; });
  return tensor == tensors.end() ? nullptr : &*tensor;
}

Result<TensorFile> parse_safetensors(std::string_view bytes, std::string_view source) {
  SYM_ASSIGN_OR_RETURN(const std::string_view text, take_header(bytes, source));
  SYM_ASSIGN_OR_RETURN(const Json header, parse_header(text, source));
  TensorFile file;
  std::vector<Placed> all;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadata) {
      SYM_ASSIGN_OR_RETURN(file.metadata, parse_metadata(entry, source));
      continue;
    }
    SYM_ASSIGN_OR_RETURN(Placed placed, parse_entry(name, entry, source));
    all.push_back(std::move(placed));
  }
  SYM_ASSIGN_OR_RETURN(file.tensors, take_bytes(std::move(all), bytes, source));
  return file;
}

Result<std::string> format_safetensors(const TensorFile& file) {
  std::set<std::string_view> names;
  Json header = Json::object();
  if (!file.metadata.empty()) {
    header[std::string(kMetadata)] = file.metadata;
  }
  const std::vector<const Tensor*> order = storage_order(file.tensors);
  std::size_t position = 0;
  for (const Tensor* tensor : order) {
    SYM_RETURN_IF_ERROR(check_writable(*tensor, names));
    header[tensor->name] = {{"dtype", to_string(tensor->type)},
                            {"shape", tensor->shape},
                            {"data_offsets", {position, position + tensor->bytes.size()}}};
    position += tensor->bytes.size();
  }
  SYM_ASSIGN_OR_RETURN(const std::string text, format_header(header));

  const std::uint64_t length = text.size();
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, kLengthBytes);
  bytes.reserve(kLengthBytes + text.size() + position);
  bytes += text;
  for (const Tensor* tensor : order) {
    bytes.append(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
  }
  return bytes;
}

Result<TensorFile> load_safetensors(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const std::string bytes, read_file(path, kMaxSafetensorsFile));
  return parse_safetensors(bytes, path.string());
}

Result<void> save_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  SYM_ASSIGN_OR_RETURN(const std::string bytes, format_safetensors(file));
  return write_file_atomically(path, bytes);
}

}  // namespace symbiont::graph
