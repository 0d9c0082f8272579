#include "symbiont/base/provenance.h"

#include <gtest/gtest.h>

namespace symbiont {
namespace {

TEST(Provenance, OfASumIsTheirsIfEqualElseMixed) {
  EXPECT_EQ(combine(Provenance::kMeasured, Provenance::kMeasured), Provenance::kMeasured);
  EXPECT_EQ(combine(Provenance::kMeasured, Provenance::kModelled), Provenance::kMixed);
  EXPECT_EQ(combine(Provenance::kMixed, Provenance::kReplayed), Provenance::kMixed);
}

TEST(Provenance, IsReadBackFromItsWord) {
  for (const char* word : {"measured", "modelled", "replayed", "simulated", "mixed"}) {
    const auto provenance = parse_provenance(word);
    ASSERT_TRUE(provenance) << word;
    EXPECT_EQ(to_string(*provenance), word);
  }
  EXPECT_FALSE(parse_provenance("guessed"));
}

TEST(Scope, IsReadBackFromItsWord) {
  for (const char* word : {"machine", "process"}) {
    const auto scope = parse_scope(word);
    ASSERT_TRUE(scope) << word;
    EXPECT_EQ(to_string(*scope), word);
  }
  EXPECT_FALSE(parse_scope(""));
}

}  // namespace
}  // namespace symbiont
