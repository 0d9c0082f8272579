// Any bytes as a safetensors file: an error, or tensors that are written and read back the same.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbiont/graph/safetensors.h"

using symbiont::graph::Tensor;
using symbiont::graph::TensorFile;

namespace {

void sort_by_name(TensorFile& file) {
  std::sort(file.tensors.begin(), file.tensors.end(),
            [](const Tensor& a, const Tensor& b) { return a.name < b.name; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = symbiont::graph::parse_safetensors(
      std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!file) {
    return 0;
  }
  const auto bytes = symbiont::graph::format_safetensors(*file);
  if (!bytes) {
    return 0;  // an empty name, which is read but not written
  }
  auto again = symbiont::graph::parse_safetensors(*bytes, "fuzz");
  SYM_CHECK(again.has_value());
  sort_by_name(*file);
  sort_by_name(*again);
  SYM_CHECK(*file == *again);
  return 0;
}
