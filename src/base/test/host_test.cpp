#include "symbiont/base/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "symbiont/base/version.h"

namespace symbiont {
namespace {

using ::testing::MatchesRegex;

TEST(Host, HasAName) {
  EXPECT_FALSE(host_name().empty());
}

TEST(Host, IdentifiesThisBootTheSameWayEveryTime) {
  EXPECT_THAT(boot_id(), MatchesRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"));
  EXPECT_EQ(boot_id(), boot_id());
}

TEST(Host, KnowsWhereThisProgramLies) {
  EXPECT_TRUE(std::filesystem::exists(executable_directory() / "base_test"));
}

TEST(Version, HasThreeNumbers) {
  EXPECT_THAT(std::string(version()), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

}  // namespace
}  // namespace symbiont
