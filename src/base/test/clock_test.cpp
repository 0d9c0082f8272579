#include "symbiont/base/clock.h"

#include <gtest/gtest.h>

namespace symbiont {
namespace {

using namespace std::chrono_literals;

TEST(ManualClock, MovesOnlyWhenToldTo) {
  const WallTime start{24h};
  ManualClock clock(start);
  EXPECT_EQ(clock.now(), 0ns);
  EXPECT_EQ(clock.wall_now(), start);

  clock.advance(90s);
  EXPECT_EQ(clock.now(), 90s);
  EXPECT_EQ(clock.wall_now(), start + 90s);
}

TEST(SystemClock, NeverStepsBack) {
  const Clock& clock = system_clock();
  const auto first = clock.now();
  EXPECT_GE(clock.now(), first);
}

TEST(SystemClock, LivesInThisCentury) {
  using std::chrono::January;
  using std::chrono::sys_days;
  EXPECT_GT(system_clock().wall_now(), sys_days(2024y / January / 1));
  EXPECT_LT(system_clock().wall_now(), sys_days(2100y / January / 1));
}

}  // namespace
}  // namespace symbiont
