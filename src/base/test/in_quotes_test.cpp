#include "base/in_quotes.h"

#include <gtest/gtest.h>

namespace symbiont {
namespace {

TEST(InQuotes, ShowsOrdinaryTextAsItIs) {
  EXPECT_EQ(in_quotes("größe 1"), "\"größe 1\"");
}

TEST(InQuotes, DefusesWhatATerminalWouldObey) {
  EXPECT_EQ(in_quotes("\x1b[2J\n\x7f"), "\"\\x1b[2J\\x0a\\x7f\"");
}

TEST(InQuotes, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(in_quotes(std::string(60, 'x')), '"' + std::string(60, 'x') + '"');
  EXPECT_EQ(in_quotes(std::string(61, 'x')), '"' + std::string(60, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(59, 'x') + "ä" + "y"), '"' + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace symbiont
