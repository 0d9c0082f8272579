#include "report/draw/draw.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "report/plots/attempts.h"

namespace symbiont::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> list;
  for (const Tick& tick : axis.ticks) {
    list.push_back(tick.label);
  }
  return list;
}

TEST(Axis, HasRoundTicksAndOnePrefix) {
  const Axis axis = linear_axis(0.0, 2370.0, 100.0, 0.0, "cost", "J", 5);
  EXPECT_EQ(axis.title, "cost (kJ)");
  EXPECT_THAT(labels(axis), ElementsAre("0", "0.5", "1", "1.5", "2", "2.5"));
  EXPECT_DOUBLE_EQ(axis.scale(0.0), 100.0);
  EXPECT_DOUBLE_EQ(axis.scale(2500.0), 0.0);
}

TEST(Axis, OfOneValueHasRoomAroundIt) {
  const Axis axis = linear_axis(0.88, 0.88, 0.0, 100.0, "accuracy", "", 5);
  EXPECT_GT(axis.scale(0.88), 0.0);
  EXPECT_LT(axis.scale(0.88), 100.0);
}

TEST(Axis, IsLogarithmicWhereRatiosMatter) {
  const Axis axis = logarithmic_axis(1.0, 1000.0, 0.0, 100.0, "time", "s");
  EXPECT_NEAR(axis.scale(10.0) - axis.scale(1.0), axis.scale(100.0) - axis.scale(10.0), 1e-9);
  EXPECT_THAT(labels(axis), ::testing::IsSupersetOf({"1", "10", "100", "1000"}));
}

TEST(Axis, OfRecurrencesHasWholeNumbers) {
  EXPECT_THAT(labels(index_axis(1, 3, 0.0, 100.0, "recurrence")), ElementsAre("1", "2", "3"));
  EXPECT_THAT(labels(index_axis(7, 7, 0.0, 100.0, "recurrence")), ElementsAre("7"));
}

TEST(Axis, OfTimeNamesTheDayAtMidnight) {
  const WallTime evening{std::chrono::seconds(1'700'000'000)};  // 2023-11-14 22:13:20 UTC
  const Axis axis = time_axis(evening, evening + std::chrono::hours(4), 0.0, 100.0);
  EXPECT_THAT(labels(axis),
              ElementsAre("22:30", "23:00", "23:30", "11-15", "00:30", "01:00", "01:30", "02:00"));
  EXPECT_THAT(axis.title, HasSubstr("from 2023-11-14 22:13:20"));
}

RC_GTEST_PROP(Axis, KeepsItsTicksInsideAndFew, ()) {
  const double from = *rc::gen::inRange(-1'000'000, 1'000'000) * 1e-3;
  const double extent = std::pow(10.0, *rc::gen::inRange(-6, 9));
  const Axis axis = linear_axis(from, from + extent, 0.0, 100.0, "x", "J", 6);
  RC_ASSERT(axis.ticks.size() <= 50U);
  for (const Tick& tick : axis.ticks) {
    RC_ASSERT(axis.scale(tick.value) >= -0.01 && axis.scale(tick.value) <= 100.01);
  }
}

TEST(Escape, LeavesNothingThatHtmlWouldRead) {
  EXPECT_EQ(escape("a<b & \"c\" 'd'>"), "a&lt;b &amp; &quot;c&quot; &#39;d&#39;&gt;");
  EXPECT_EQ(escape("±40 %"), "±40 %");
}

TEST(Escape, ReplacesWhatIsNoText) {
  EXPECT_EQ(escape("a\x01z"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(escape("m\xfcll"), "m\xEF\xBF\xBDll");
  EXPECT_EQ(escape("\xed\xa0\x80").find('\xed'), std::string::npos);  // a surrogate
  EXPECT_EQ(escape("\xc0\xaf").find('\xc0'), std::string::npos);      // overlong
  EXPECT_EQ(escape(std::string_view("\xe2\x82", 2)).find('\xe2'), std::string::npos);  // cut off
}

RC_GTEST_PROP(Escape, GivesTextForAnyBytes, (const std::string& bytes)) {
  const std::string text = escape(bytes);
  RC_ASSERT(text.find_first_of("<>\"'") == std::string::npos);
  RC_ASSERT(escape("<" + text) == "&lt;" + escape(text));
}

TEST(Mark, DiffersInColorOrShape) {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  for (std::size_t i = 0; i < 63; ++i) {
    seen.emplace(mark_of(i).color, mark_of(i).shape);
  }
  EXPECT_EQ(seen.size(), 63U);
}

RC_GTEST_PROP(Thinned, KeepsTheLastAndNoMoreThanAsked, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(1, 2000);
  const auto most = *rc::gen::inRange<std::size_t>(1, 300);
  std::vector<int> items(count);
  items.back() = 7;
  const std::vector<int> kept = thinned(items, most);
  RC_ASSERT(!kept.empty() && kept.size() <= std::max(most, std::size_t{1}));
  RC_ASSERT(kept.back() == 7);
}

}  // namespace
}  // namespace symbiont::report
