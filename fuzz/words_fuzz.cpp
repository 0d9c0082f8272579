// A command line in one string: any text gives words or an error that says why, and words that were
// found are found again when each is put into single quotes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "symbiont/base/words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto words = symbiont::split_words({reinterpret_cast<const char*>(data), size});
  if (!words) {
    if (words.error().message().empty()) std::abort();
    return 0;
  }
  std::string line;
  for (const std::string& word : *words) {
    line += '\'';
    for (const char c : word) line += c == '\'' ? "'\\''" : std::string(1, c);
    line += "' ";
  }
  const auto again = symbiont::split_words(line);
  if (!again || *again != *words) std::abort();
  return 0;
}
