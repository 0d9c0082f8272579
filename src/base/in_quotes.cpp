#include "base/in_quotes.h"

#include <iterator>

#include <fmt/format.h>

namespace symbiont {
namespace {

constexpr std::size_t kMaxShown = 60;

bool is_utf8_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// The start of `text` that is shown; never ends inside a UTF-8 character.
std::string_view shown_part(std::string_view text) {
  if (text.size() <= kMaxShown) {
    return text;
  }
  std::size_t end = kMaxShown;
  while (end > kMaxShown - 4 && is_utf8_continuation(text[end])) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace

std::string in_quotes(std::string_view text) {
  const std::string_view shown = shown_part(text);
  std::string result = "\"";
  for (const char c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", byte);
    } else {
      result += c;
    }
  }
  return result + (shown.size() < text.size() ? "...\"" : "\"");
}

}  // namespace symbiont
