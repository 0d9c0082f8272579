#include "symbiont/base/host.h"

#include <regex>

#include <gtest/gtest.h>

#include "symbiont/base/version.h"

namespace symbiont {
namespace {

TEST(Host, HasAName) {
  EXPECT_FALSE(host_name().empty());
}

TEST(Host, IdentifiesThisBootTheSameWayEveryTime) {
  EXPECT_TRUE(std::regex_match(boot_id(), std::regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")));
  EXPECT_EQ(boot_id(), boot_id());
}

TEST(Host, KnowsWhereThisProgramLies) {
  EXPECT_TRUE(std::filesystem::exists(executable_directory() / "base_test"));
}

TEST(Version, HasThreeNumbers) {
  EXPECT_TRUE(std::regex_match(std::string(version()), std::regex("[0-9]+\\.[0-9]+\\.[0-9]+")));
}

}  // namespace
}  // namespace symbiont
