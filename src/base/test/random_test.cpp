#include "symbiont/base/random.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace symbiont {
namespace {

Random with_state_1_2_3_4() {
  return Random::restore("0000000000000001000000000000000200000000000000030000000000000004")
      .value();
}

TEST(Random, MatchesThePublishedSequenceOfXoshiro256StarStar) {
  // The reference implementation of Blackman and Vigna from state {1, 2, 3, 4}.
  Random random = with_state_1_2_3_4();
  for (const std::uint64_t expected : {11520U, 0U, 1509978240U}) {
    EXPECT_EQ(random.bits(), expected);
  }
  for (const std::uint64_t expected :
       {1215971899390074240U, 1216172134540287360U, 607988272756665600U, 16172922978634559625U,
        8476171486693032832U, 10595114339597558777U, 2904607092377533576U}) {
    EXPECT_EQ(random.bits(), expected);
  }
}

TEST(Random, IsSeededThroughSplitmix64) {
  // Vigna's splitmix64 from seed 1234567: 6457827717110365317, 3203168211198807973,
  // 9817491932198370423, 4593380528125082431.
  EXPECT_EQ(Random(1234567).state(),
            "599ed017fb08fc85"
            "2c73f08458540fa5"
            "883ebce5a3f27c77"
            "3fbef740e9177b3f");
}

TEST(Random, GivesTheSameUniformNumbersEverywhere) {
  Random random(42);
  EXPECT_EQ(random.uniform(), 0x1.5780b2e0c2ec0p-4);
  EXPECT_EQ(random.uniform(), 0x1.84136619b444ep-2);
  EXPECT_EQ(random.uniform(), 0x1.5c2ea66473c93p-1);
  EXPECT_EQ(random.uniform(), 0x1.d9715a8e0766cp-1);
}

TEST(Random, GivesTheSameNormalNumbersEverywhere) {
  // From an independent implementation of the algorithm in random.h.
  Random random(42);
  EXPECT_EQ(random.normal(), -0x1.d01cde67b280ap-3);
  EXPECT_EQ(random.normal(), 0x1.11c42267763dbp+1);
  EXPECT_EQ(random.normal(), 0x1.32cc4fb2bf8c9p-1);
  EXPECT_EQ(random.normal(), -0x1.217f5f8d46c1dp+0);
  EXPECT_EQ(random.normal(), -0x1.8a2d35818f147p+0);
  EXPECT_EQ(random.normal(), 0x1.92ad9f8dbb387p+0);
}

TEST(Random, NormalNumbersHaveTheMomentsOfANormalDistribution) {
  constexpr int kCount = 200'000;
  Random random(1);
  double sum = 0;
  double squares = 0;
  double cubes = 0;
  double fourths = 0;
  int within_one = 0;
  for (int i = 0; i < kCount; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    cubes += x * x * x;
    fourths += x * x * x * x;
    within_one += std::abs(x) < 1.0 ? 1 : 0;
  }
  // Five standard errors of each estimate.
  const double root = std::sqrt(kCount);
  EXPECT_NEAR(sum / kCount, 0.0, 5 * 1.0 / root);
  EXPECT_NEAR(squares / kCount, 1.0, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(cubes / kCount, 0.0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(fourths / kCount, 3.0, 5 * std::sqrt(96.0) / root);
  EXPECT_NEAR(static_cast<double>(within_one) / kCount, 0.682689, 5 * 0.4655 / root);
}

TEST(Random, BelowIsUniform) {
  constexpr std::size_t kFaces = 7;
  constexpr int kCount = 140'000;
  Random random(3);
  std::vector<int> counts(kFaces);
  for (int i = 0; i < kCount; ++i) {
    ++counts.at(random.below(kFaces));
  }
  double chi_squared = 0;
  for (const int count : counts) {
    const double expected = static_cast<double>(kCount) / kFaces;
    chi_squared += (count - expected) * (count - expected) / expected;
  }
  EXPECT_LT(chi_squared, 22.46);  // 6 degrees of freedom, one in a thousand
}

TEST(Random, BelowRejectsWhatWouldFavourSmallNumbers) {
  // Of n = 3 * 2^62, a plain multiplication would give every third number twice as often.
  constexpr std::uint64_t kN = std::uint64_t{3} << 62;
  constexpr int kCount = 60'000;
  Random random(5);
  int remainder_zero = 0;
  for (int i = 0; i < kCount; ++i) {
    remainder_zero += random.below(kN) % 3 == 0 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(remainder_zero) / kCount, 1.0 / 3, 0.01);
}

TEST(Random, BelowOneIsZero) {
  Random random(9);
  EXPECT_EQ(random.below(1), 0U);
}

RC_GTEST_PROP(Random, BelowStaysBelow, (std::uint64_t seed)) {
  const auto n = *rc::gen::suchThat<std::uint64_t>([](std::uint64_t x) { return x > 0; });
  Random random(seed);
  RC_ASSERT(random.below(n) < n);
}

RC_GTEST_PROP(Random, UniformStaysInTheHalfOpenUnitInterval, (std::uint64_t seed)) {
  Random random(seed);
  const double x = random.uniform();
  RC_ASSERT(x >= 0.0 && x < 1.0);
}

RC_GTEST_PROP(Random, RestoredFromItsStateContinuesIdentically, (std::uint64_t seed)) {
  Random random(seed);
  for (int steps = *rc::gen::inRange(0, 50); steps > 0; --steps) {
    random.normal();
  }
  Random restored = Random::restore(random.state()).value();
  RC_ASSERT(restored == random);
  for (int i = 0; i < 10; ++i) {
    RC_ASSERT(restored.normal() == random.normal());
  }
}

TEST(Random, IsNotRestoredFromTextThatIsNoState) {
  const std::string good = Random(1).state();
  EXPECT_TRUE(Random::restore(good));
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "0", std::string(64, 'x'), good.substr(0, 63) + " ",
        "-" + good.substr(1), "0x" + good.substr(2)}) {
    EXPECT_FALSE(Random::restore(bad)) << bad;
  }
}

TEST(Random, IsNotRestoredFromAllZerosWhichItCouldNeverLeave) {
  const Result<Random> random = Random::restore(std::string(64, '0'));
  ASSERT_FALSE(random);
  EXPECT_EQ(random.error().code(), ErrorCode::kInvalidArgument);
}

TEST(DeriveSeed, GivesTheSameSeedsForever) {
  // From an independent implementation; stored runs depend on these.
  EXPECT_EQ(derive_seed(1, "shuffle"), 13181972340822539972U);
  EXPECT_EQ(derive_seed(1, "shuffle", 1), 14684981705942313147U);
  EXPECT_EQ(derive_seed(2, "shuffle"), 844633508283428713U);
  EXPECT_EQ(derive_seed(1, ""), 12793040940332582595U);
}

TEST(DeriveSeed, KeepsStreamsApart) {
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (const char* stream : {"", "a", "b", "ab", "ba"}) {
      for (std::uint64_t index = 0; index < 10; ++index) {
        seeds.push_back(derive_seed(seed, stream, index));
      }
    }
  }
  std::sort(seeds.begin(), seeds.end());
  EXPECT_EQ(std::adjacent_find(seeds.begin(), seeds.end()), seeds.end());
}

}  // namespace
}  // namespace symbiont
