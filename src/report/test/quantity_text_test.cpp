#include "symbiont/report/quantity_text.h"

#include <gtest/gtest.h>

namespace symbiont::report {
namespace {

TEST(QuantityText, TakesThePrefixThatLeavesOneToThreeDigitsBeforeThePoint) {
  EXPECT_EQ(with_prefix(18.34, "J"), "18.3 J");
  EXPECT_EQ(with_prefix(1243.0, "J"), "1.24 kJ");
  EXPECT_EQ(with_prefix(7.5e6, "J"), "7.5 MJ");
  EXPECT_EQ(with_prefix(0.0421, "g"), "42.1 mg");
  EXPECT_EQ(with_prefix(3e-6, "g"), "3 µg");
}

TEST(QuantityText, ReadsTheSizeOfANegativeQuantityAsThatOfAPositiveOne) {
  EXPECT_EQ(with_prefix(-1243.0, "J"), "-1.24 kJ");
}

TEST(QuantityText, GivesNothingAndWhatIsOutOfRangeNoPrefix) {
  EXPECT_EQ(with_prefix(0.0, "J"), "0 J");
  EXPECT_EQ(with_prefix(-0.0, "J"), "0 J");
  EXPECT_EQ(with_prefix(2.5e-9, "J"), "2.5e-09 J");
}

TEST(QuantityText, WritesADurationAsAClockDoesFromTwoMinutesOn) {
  EXPECT_EQ(duration(12.3), "12.30 s");
  EXPECT_EQ(duration(119.99), "119.99 s");
  EXPECT_EQ(duration(125.0), "0:02:05");
}

}  // namespace
}  // namespace symbiont::report
