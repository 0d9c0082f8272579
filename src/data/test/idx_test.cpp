#include "symbiont/data/idx.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) {
    bytes += static_cast<char>(value >> shift & 0xff);
  }
  return bytes;
}

std::string idx(const std::vector<std::uint32_t>& dimensions, const std::string& values) {
  std::string bytes("\0\0\x08", 3);
  bytes += static_cast<char>(dimensions.size());
  for (const std::uint32_t dimension : dimensions) {
    bytes += big_endian(dimension);
  }
  return bytes + values;
}

TEST(Idx, ReadsDimensionsAndValues) {
  const auto array = parse_idx(idx({2, 3}, "abcdef"), "file");
  ASSERT_TRUE(array) << array.error().message();
  EXPECT_THAT(array->dimensions, ElementsAre(2, 3));
  EXPECT_THAT(array->values, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
}

TEST(Idx, NamesTheFileWhenTheMagicIsWrong) {
  const auto array = parse_idx("\x89PNG....", "cat.png");
  ASSERT_FALSE(array);
  EXPECT_EQ(array.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(array.error().message(), HasSubstr("cat.png: not an IDX file: starts with 89 50"));
}

TEST(Idx, RefusesValuesThatAreNotBytes) {
  std::string floats = idx({1}, "abcd");
  floats[2] = 0x0d;
  const auto array = parse_idx(floats, "file");
  ASSERT_FALSE(array);
  EXPECT_THAT(array.error().message(), HasSubstr("type 0x0d, expected 0x08"));
}

TEST(Idx, RefusesNoDimensionsAndTooMany) {
  EXPECT_FALSE(parse_idx(idx({}, ""), "file"));
  EXPECT_FALSE(parse_idx(idx({1, 1, 1, 1, 1}, "a"), "file"));
}

TEST(Idx, RefusesTruncatedValuesAndLeftovers) {
  const auto shorter = parse_idx(idx({2, 3}, "abcde"), "file");
  ASSERT_FALSE(shorter);
  EXPECT_EQ(shorter.error().code(), ErrorCode::kDataLoss);
  const auto longer = parse_idx(idx({2, 3}, "abcdefg"), "file");
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message(), HasSubstr("1 bytes are left over"));
}

TEST(Idx, RefusesHugeDimensionsWithoutAllocating) {
  const auto overflowing = parse_idx(idx({0xffffffff, 0xffffffff, 0xffffffff}, "a"), "file");
  ASSERT_FALSE(overflowing);
  EXPECT_THAT(overflowing.error().message(), HasSubstr("overflows"));
  const auto huge = parse_idx(idx({0xffffffff, 0x10000}, "a"), "file");
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code(), ErrorCode::kDataLoss);
}

RC_GTEST_PROP(Idx, EveryPrefixOfAFileIsRefused, ()) {
  const auto rows = *rc::gen::inRange<std::uint32_t>(1, 8);
  const auto columns = *rc::gen::inRange<std::uint32_t>(1, 8);
  const std::string whole = idx({rows, columns}, std::string(rows * columns, 'x'));
  const auto length = *rc::gen::inRange<std::size_t>(0, whole.size());
  RC_ASSERT(parse_idx(whole, "file").has_value());
  RC_ASSERT(!parse_idx(whole.substr(0, length), "file").has_value());
}

}  // namespace
}  // namespace symbiont::data
