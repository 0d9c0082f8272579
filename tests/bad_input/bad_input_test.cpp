#include <ostream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cases.h"

namespace symbiont::testing {

// For the names that CTest lists; gtest finds it by its name.
void PrintTo(const Case& one, std::ostream* stream) {
  *stream << one.name;
}

namespace {

using ::testing::HasSubstr;

constexpr int kMisuse = 2;

class BadInput : public ::testing::TestWithParam<Case> {};

/// Nothing, or the one document that was asked for.
void expect_one_voice(const Case& one, const Ended& ended) {
  const bool asked_for_json =
      std::find(one.command.begin(), one.command.end(), "--json") != one.command.end();
  if (one.exit_code == kMisuse || !asked_for_json) {
    EXPECT_EQ(ended.output, "");
  } else if (!ended.output.empty()) {
    EXPECT_TRUE(nlohmann::json::accept(ended.output)) << ended.output;
  }
}

TEST_P(BadInput, IsAnsweredWithItsReasonAndLeavesNothingBehind) {
  const Case& one = GetParam();
  const Room room;
  room.write_job(one.edits);
  room.write_worker(one.worker);
  one.prepare(room);
  const auto before = room.contents();
  const bool had_ledger = room.has_ledger();

  const Ended ended = room.run(one.command, one.environment);

  EXPECT_EQ(ended.status.signal, 0) << ended.message;
  EXPECT_EQ(ended.status.exit_code, one.exit_code) << ended.message;
  EXPECT_THAT(ended.message, HasSubstr(one.message));
  expect_one_voice(one, ended);
  if (one.exit_code == kMisuse) {
    EXPECT_EQ(room.contents(), before) << "something was changed";
    EXPECT_EQ(room.has_ledger(), had_ledger);
  }
  room.expect_clean();
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(JobFile, BadInput, ::testing::ValuesIn(job_file_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Data, BadInput, ::testing::ValuesIn(data_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Command, BadInput, ::testing::ValuesIn(command_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Worker, BadInput, ::testing::ValuesIn(worker_cases()), name_of);

}  // namespace
}  // namespace symbiont::testing
