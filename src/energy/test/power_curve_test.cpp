#include "symbiont/energy/power_curve.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "temporary_directory.h"

namespace symbiont::energy {
namespace {

using ::testing::HasSubstr;

Result<PowerCurve> parse(std::string_view text) {
  const auto table = CsvTable::parse(text, "curve.csv");
  if (!table) return tl::unexpected(table.error());
  return PowerCurve::parse(*table);
}

std::string complaint(std::string_view text) {
  const auto curve = parse(text);
  EXPECT_FALSE(curve);
  if (curve) return "";
  EXPECT_EQ(curve.error().code(), ErrorCode::kInvalidArgument);
  return curve.error().message();
}

// Cloud Carbon Footprint, methodology, appendix: average minimum and maximum watts.
TEST(PowerCurve, OffersThePublishedCoefficients) {
  EXPECT_EQ(find_power_curve("aws")->maximum(), Watts(3.5));
  EXPECT_EQ(find_power_curve("gcp")->idle(), Watts(0.71));
  EXPECT_EQ(find_power_curve("azure")->maximum(), Watts(3.76));
  EXPECT_NEAR(find_power_curve("")->idle().value(), 0.743333, 1e-6);
  EXPECT_NEAR(find_power_curve("generic")->maximum().value(), 3.84, 1e-12);
  for (const std::string_view name : power_curve_names()) EXPECT_TRUE(find_power_curve(name));
}

TEST(PowerCurve, NamesTheNearestWhenItDoesNotKnowOne) {
  const auto curve = find_power_curve("azur");

  ASSERT_FALSE(curve);
  EXPECT_EQ(curve.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(curve.error().message(), HasSubstr("did you mean azure?"));
}

TEST(PowerCurve, IsStraightBetweenItsPoints) {
  const auto curve = parse("utilisation,watts\n0,2\n0.5,6\n1,7\n");

  ASSERT_TRUE(curve) << curve.error().message();
  EXPECT_EQ(curve->at(0.0), Watts(2));
  EXPECT_EQ(curve->at(0.25), Watts(4));
  EXPECT_EQ(curve->at(0.5), Watts(6));
  EXPECT_EQ(curve->at(0.75), Watts(6.5));
  EXPECT_EQ(curve->at(1.0), Watts(7));
  EXPECT_EQ(curve->at(-1.0), Watts(2));
  EXPECT_EQ(curve->at(2.0), Watts(7));
  EXPECT_EQ(curve->uncertainty(), kEstimatorUncertainty);
}

TEST(PowerCurve, TakesTheLargestUncertaintyOfTheFile) {
  const auto curve = parse("utilisation,watts,uncertainty\n0,2,0.03\n0.5,6,0.11\n1,7,0.02\n");

  ASSERT_TRUE(curve) << curve.error().message();
  EXPECT_EQ(curve->uncertainty(), 0.11);
}

TEST(PowerCurve, SaysWhereAFileIsWrong) {
  const std::string head = "utilisation,watts\n";
  EXPECT_THAT(complaint(head + "0.1,2\n1,3\n"),
              AllOf(HasSubstr("curve.csv:2: column \"utilisation\""), HasSubstr("expected 0")));
  EXPECT_THAT(complaint(head + "0,2\n0.9,3\n"),
              AllOf(HasSubstr("curve.csv:3: column \"utilisation\""), HasSubstr("expected 1")));
  EXPECT_THAT(complaint(head + "0,2\n0.5,3\n0.5,3\n1,4\n"),
              AllOf(HasSubstr("curve.csv:4: column \"utilisation\""), HasSubstr("0.5 before it")));
  EXPECT_THAT(complaint(head + "0,2\n0.5,1.5\n1,4\n"),
              AllOf(HasSubstr("curve.csv:3: column \"watts\""), HasSubstr("no less than the 2")));
  EXPECT_THAT(complaint(head + "0,-1\n1,4\n"), HasSubstr("curve.csv:2: column \"watts\""));
  EXPECT_THAT(complaint(head + "0,0\n1,0\n"), HasSubstr("above 0 when fully used"));
  EXPECT_THAT(complaint(head + "0,1\n1,1e9\n"), HasSubstr("expected 0 to 10000"));
  EXPECT_THAT(complaint(head + "0,1\n1,many\n"), HasSubstr("curve.csv:3: column \"watts\""));
  EXPECT_THAT(complaint(head + "0,1\n"), HasSubstr("found 1 point, expected 2"));
  EXPECT_THAT(complaint("load,watts\n0,1\n1,2\n"), HasSubstr("utilisation"));
  EXPECT_THAT(complaint("utilisation,watts,uncertainty\n0,1,-0.1\n1,2,0\n"),
              HasSubstr("curve.csv:2: column \"uncertainty\""));
}

TEST(PowerCurve, IsFoundInAFile) {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory / "mine.csv") << "# measured here\nutilisation,watts\n0,1\n1,5\n";
  const std::string name = resolve_curve_path("csv:mine.csv", directory.path());

  EXPECT_EQ(find_power_curve(name)->maximum(), Watts(5));
  EXPECT_EQ(find_power_curve("csv:" + (directory / "none.csv").string()).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(resolve_curve_path("aws", directory.path()), "aws");
}

RC_GTEST_PROP(PowerCurve, NeverFallsAndStaysBetweenItsEnds, ()) {
  const auto steps = *rc::gen::nonEmpty<std::vector<std::uint8_t>>();
  std::vector<PowerCurve::Point> points{{0.0, Watts(1.0)}};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    points.push_back({static_cast<double>(i + 1) / static_cast<double>(steps.size()),
                      points.back().power + Watts(steps[i] / 16.0)});
  }
  const auto curve = PowerCurve::through("any", points);
  RC_ASSERT(curve.has_value());
  Watts last = curve->idle();
  for (int percent = 0; percent <= 100; ++percent) {
    const Watts now = curve->at(percent / 100.0);
    RC_ASSERT(now.value() >= last.value() - 1e-9);
    RC_ASSERT(now <= curve->maximum() + Watts(1e-9));
    last = now;
  }
}

}  // namespace
}  // namespace symbiont::energy
