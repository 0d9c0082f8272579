#include "symbiont/base/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> words(std::string_view text) {
  auto split = split_words(text);
  EXPECT_TRUE(split) << (split ? "" : split.error().message());
  return split.value_or(std::vector<std::string>());
}

TEST(Words, AreSeparatedByBlanksOfAnyKind) {
  EXPECT_THAT(words("  python3\ttrain.py \n --fast "),
              ElementsAre("python3", "train.py", "--fast"));
  EXPECT_THAT(words(""), IsEmpty());
  EXPECT_THAT(words(" \n\t"), IsEmpty());
}

TEST(Words, KeepWhatIsInSingleQuotesAsItIs) {
  EXPECT_THAT(words(R"('a  b' c'\d"e'f '')"), ElementsAre("a  b", R"(c\d"ef)", ""));
}

TEST(Words, KnowFiveEscapesInDoubleQuotes) {
  EXPECT_THAT(words(R"("\"\\\$\`" "\n\'")"), ElementsAre(R"("\$`)", R"(\n\')"));
  EXPECT_THAT(words("\"a\\\nb\""), ElementsAre("ab"));
}

TEST(Words, TakeAnyCharacterAfterABackslash) {
  EXPECT_THAT(words(R"(a\ b \' \\ \n)"), ElementsAre("a b", "'", R"(\)", "n"));
  EXPECT_THAT(words("a\\\nb"), ElementsAre("ab")) << "a line that goes on";
}

TEST(Words, AreNeverExpanded) {
  EXPECT_THAT(
      words("$HOME ~ *.py {a,b} a|b >log `id` $(id) ; # no"),
      ElementsAre("$HOME", "~", "*.py", "{a,b}", "a|b", ">log", "`id`", "$(id)", ";", "#", "no"));
}

TEST(Words, NameTheQuoteThatIsNeverClosed) {
  for (const auto* text : {"a 'b c", "a \"b c", "a \"b\\"}) {
    const auto split = split_words(text);
    ASSERT_FALSE(split) << text;
    EXPECT_EQ(split.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(split.error().message(), HasSubstr("at character 3, which is never closed"));
  }
}

TEST(Words, DoNotEndInABackslash) {
  const auto split = split_words("a \\");
  ASSERT_FALSE(split);
  EXPECT_THAT(split.error().message(), HasSubstr("backslash at the end"));
}

RC_GTEST_PROP(Words, QuotedOneByOneAreFoundAgain, (const std::vector<std::string>& any)) {
  std::string line;
  for (const std::string& word : any) {
    line += '\'';
    for (const char c : word) {
      line += c == '\'' ? "'\\''" : std::string(1, c);
    }
    line += "' ";
  }
  RC_ASSERT(split_words(line) == any);
}

}  // namespace
}  // namespace symbiont
