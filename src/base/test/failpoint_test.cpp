#include "symbiont/base/failpoint.h"

#include <fstream>

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "temporary_directory.h"

namespace symbiont {
namespace {

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

void pass(int times) {
  for (int i = 0; i < times; ++i) {
    failpoint("store.commit.before");
    failpoint("store.commit.after");
  }
}

// Each of these runs in a process of its own: the environment is read only once.
class FailpointDeathTest : public ::testing::Test {
 protected:
  void TearDown() override { unsetenv("SYMBIONT_FAILPOINT"); }

  void arm(const std::string& name_and_count) {
    std::ofstream(token_) << "token";
    setenv("SYMBIONT_FAILPOINT", (name_and_count + ":" + token_.string()).c_str(), 1);
  }

  testing::TemporaryDirectory directory_;
  std::filesystem::path token_ = directory_ / "to:ken";
};

TEST_F(FailpointDeathTest, CostsNothingWhenNotArmed) {
  EXPECT_EXIT((pass(3), _exit(0)), ExitedWithCode(0), "");
}

TEST_F(FailpointDeathTest, KillsAtTheCountAndTakesTheToken) {
  arm("store.commit.after:3");
  EXPECT_EXIT((pass(2), _exit(0)), ExitedWithCode(0), "");
  EXPECT_TRUE(std::filesystem::exists(token_));

  EXPECT_EXIT((pass(3), _exit(0)), KilledBySignal(SIGKILL), "");
  EXPECT_FALSE(std::filesystem::exists(token_));
}

TEST_F(FailpointDeathTest, KillsOnlyTheProcessThatRemovesTheToken) {
  arm("store.commit.before:1");
  std::filesystem::remove(token_);
  EXPECT_EXIT((pass(3), _exit(0)), ExitedWithCode(0), "");
}

TEST_F(FailpointDeathTest, SaysThatItCannotReadItsSetting) {
  for (const char* bad : {"", "name", "name:1", "name:0:x", "name:many:x", "name:-1:x"}) {
    setenv("SYMBIONT_FAILPOINT", bad, 1);
    EXPECT_EXIT((pass(1), _exit(0)), ExitedWithCode(0), "expected name:count:token") << bad;
  }
}

}  // namespace
}  // namespace symbiont
