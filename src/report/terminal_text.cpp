#include "symbiont/report/terminal_text.h"

namespace symbiont::report {
namespace {

bool is_control(unsigned char c) {
  return (c < ' ' && c != '\n' && c != '\t') || c == 0x7f;
}

// U+0080 to U+009F, of which some terminals obey a few.
bool is_c1(unsigned char first, unsigned char second) {
  return first == 0xc2 && second >= 0x80 && second <= 0x9f;
}

}  // namespace

std::string terminal_text(std::string text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (is_control(static_cast<unsigned char>(text[i]))) {
      text[i] = '?';
    } else if (is_c1(static_cast<unsigned char>(text[i]), static_cast<unsigned char>(next))) {
      text.replace(i, 2, "?");
    }
  }
  return text;
}

}  // namespace symbiont::report
