#include "symbiont/base/error.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace symbiont {
namespace {

Result<int> parse_line(bool good) {
  if (!good) {
    return fail(ErrorCode::kInvalidArgument, "line 4: unknown field");
  }
  return 7;
}

Result<int> open_zoo(bool good) {
  SYM_ASSIGN_OR_RETURN(const int value, parse_line(good));
  SYM_RETURN_IF_ERROR(parse_line(good));
  return value + 1;
}

TEST(Error, ReadsAsAPathFromIntentToCause) {
  const Error error = Error(ErrorCode::kResourceExhausted, "disk is full")
                          .while_doing("open ledger")
                          .while_doing("run job.toml");

  EXPECT_EQ(error.message(), "run job.toml: open ledger: disk is full");
  EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
}

TEST(Error, TravelsThroughTheMacrosAndValuesDoToo) {
  EXPECT_EQ(open_zoo(true).value(), 8);
  ASSERT_FALSE(open_zoo(false));
  EXPECT_EQ(open_zoo(false).error().message(), "line 4: unknown field");
}

TEST(Error, OfTheOperatingSystemHasACodeThatACallerCanActOn) {
  EXPECT_EQ(errno_error(ENOENT, "x").code(), ErrorCode::kNotFound);
  EXPECT_EQ(errno_error(EACCES, "x").code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(errno_error(EROFS, "x").code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(errno_error(ENOSPC, "x").code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(errno_error(ENODEV, "x").code(), ErrorCode::kUnavailable);
  EXPECT_EQ(errno_error(9999, "x").code(), ErrorCode::kUnknown);
  EXPECT_EQ(errno_error(ENOSPC, "write a.csv").message(), "write a.csv: No space left on device");
}

TEST(ErrorCode, IsNamedAndNumberedAsInGrpc) {
  EXPECT_EQ(to_string(ErrorCode::kInvalidArgument), "INVALID_ARGUMENT");
  EXPECT_EQ(to_string(ErrorCode::kDataLoss), "DATA_LOSS");
  EXPECT_EQ(static_cast<int>(ErrorCode::kUnavailable), 14);
}

TEST(CheckDeathTest, NamesTheBrokenInvariant) {
  EXPECT_DEATH(SYM_CHECK(1 + 1 == 3), "error_test.cpp:[0-9]+: broken invariant: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace symbiont
