#include "symbiont/base/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace symbiont {
namespace {

using ::testing::ExitedWithCode;

void speak() {
  log::debug("a debug line");
  log::info("an info line");
  log::warning("a warning of {braces}");
  log::error("an error line");
}

// Each of these runs in a process of its own: the environment is read only once.
class LogDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("SYMBIONT_LOG"); }
  void TearDown() override { unsetenv("SYMBIONT_LOG"); }
};

TEST_F(LogDeathTest, WritesWarningsWithTimeAndLevelToStandardErrorByDefault) {
  EXPECT_EXIT((speak(), _exit(0)), ExitedWithCode(0),
              "^[-0-9]+T[:.0-9]+Z warning: a warning of .braces.\n[^\n]* error: an error line\n$");
}

TEST_F(LogDeathTest, ObeysTheEnvironment) {
  setenv("SYMBIONT_LOG", "debug", 1);
  EXPECT_EXIT((speak(), _exit(0)), ExitedWithCode(0), "debug: a debug line\n.*info: an info line");
  setenv("SYMBIONT_LOG", "error", 1);
  EXPECT_EXIT((speak(), _exit(0)), ExitedWithCode(0), "^[^ ]* error: an error line\n$");
}

TEST_F(LogDeathTest, ObeysTheProgramMoreThanTheEnvironment) {
  setenv("SYMBIONT_LOG", "debug", 1);
  EXPECT_EXIT((log::set_level(log::Level::kError), speak(), _exit(0)), ExitedWithCode(0),
              "^[^ ]* error: an error line\n$");
}

TEST_F(LogDeathTest, SaysThatItDoesNotKnowTheLevel) {
  setenv("SYMBIONT_LOG", "loud", 1);
  EXPECT_EXIT((log::debug("x"), _exit(0)), ExitedWithCode(0),
              "SYMBIONT_LOG: expected debug, info, warning or error, found \"loud\"");
}

}  // namespace
}  // namespace symbiont
