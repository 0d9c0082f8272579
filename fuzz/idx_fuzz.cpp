// Any bytes as an IDX file: an array whose size is the product of its dimensions, or an error.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <string_view>

#include "symbiont/data/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto array = symbiont::data::parse_idx(
      std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (array) {
    SYM_CHECK(std::accumulate(array->dimensions.begin(), array->dimensions.end(), std::size_t{1},
                              std::multiplies<>()) == array->values.size());
  }
  return 0;
}
