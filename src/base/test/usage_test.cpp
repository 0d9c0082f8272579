#include "symbiont/base/usage.h"

#include <gtest/gtest.h>

namespace symbiont {
namespace {

using std::chrono::nanoseconds;

TEST(Usage, AddsEnergyTimeAndSystematicUncertainty) {
  const Usage slice{1'000'000, 400'000, nanoseconds(5), Provenance::kModelled, Scope::kProcess};

  const Usage total = slice + slice;

  EXPECT_EQ(total,
            (Usage{2'000'000, 800'000, nanoseconds(10), Provenance::kModelled, Scope::kProcess}));
  EXPECT_DOUBLE_EQ(total.energy().value(), 2.0);
  EXPECT_DOUBLE_EQ(total.uncertainty().value(), 0.8);
}

TEST(Usage, StartsASumWithoutLeavingAMark) {
  const Usage slice{7, 3, nanoseconds(5), Provenance::kReplayed, Scope::kProcess};

  EXPECT_EQ(Usage{} + slice, slice);
  EXPECT_EQ(slice + Usage{}, slice);
}

TEST(Usage, SaysMixedWhenFiguresWereObtainedDifferently) {
  const Usage measured{7, 0, nanoseconds(5), Provenance::kMeasured, Scope::kMachine};
  const Usage replayed{7, 0, nanoseconds(5), Provenance::kReplayed, Scope::kMachine};

  EXPECT_EQ((measured + replayed).provenance, Provenance::kMixed);
}

TEST(Usage, KeepsTimeThatUsedNoEnergy) {
  const Usage idle{0, 0, nanoseconds(9), Provenance::kModelled, Scope::kProcess};

  EXPECT_EQ((Usage{} + idle).time, nanoseconds(9));
}

TEST(UsageDeathTest, RefusesToAddAMachineToAProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Usage machine{7, 0, nanoseconds(5), Provenance::kMeasured, Scope::kMachine};
  const Usage process{7, 0, nanoseconds(5), Provenance::kModelled, Scope::kProcess};

  EXPECT_DEATH(machine += process, "scope");
}

}  // namespace
}  // namespace symbiont
