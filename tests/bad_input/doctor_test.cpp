// What `symbiont doctor` says of bad surroundings.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "room.h"

namespace symbiont::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using Json = nlohmann::json;

struct Examined {
  int exit_code = 0;
  Json document;

  /// The check of this name; null when there is none.
  Json of(const std::string& what) const {
    for (const Json& check : document["checks"]) {
      if (check["what"] == what) {
        return check;
      }
    }
    return {};
  }
};

Examined examine(const Room& room, const Environment& environment = {}) {
  const Ended ended = room.run({"doctor", "--json"}, environment);
  EXPECT_EQ(ended.message, "");
  return {ended.status.exit_code, Json::parse(ended.output)};
}

TEST(Doctor, FindsARoomInWhichAJobCanRun) {
  const Room room;
  const Examined examined = examine(room);
  EXPECT_EQ(examined.exit_code, 0);
  EXPECT_EQ(examined.document["can_run"], true);
  EXPECT_EQ(examined.of("trainer")["status"], "ok");
  EXPECT_EQ(examined.of("home")["status"], "ok");
  EXPECT_EQ(examined.of("meter estimator")["status"], "ok");
}

TEST(Doctor, ChangesNothing) {
  const Room room;
  const auto before = room.contents();
  examine(room);
  EXPECT_EQ(room.contents(), before);
  room.expect_clean();
}

TEST(Doctor, CountsTheJobsOfTheLedger) {
  const Room room;
  EXPECT_THAT(examine(room).of("ledger")["found"], "none yet; the first run makes it");
  ASSERT_EQ(room.run({"run", "job.toml"}).status.exit_code, 0);
  EXPECT_THAT(examine(room).of("ledger")["found"].get<std::string>(), HasSubstr(", 1 job"));
}

TEST(Doctor, NamesThePackagesOfMissingData) {
  const Room room;  // which has no data sets
  const Examined examined = examine(room);
  EXPECT_EQ(examined.exit_code, 0);
  EXPECT_THAT(examined.document["packages"], Contains("dataset-fashion-mnist"));
  EXPECT_EQ(examined.of("data set fashion-mnist")["status"], "missing");
  EXPECT_THAT(room.run({"doctor"}).output, HasSubstr("apt-get install dataset-fashion-mnist"));
}

// Jobs with a command of their own run without it.
TEST(Doctor, NamesTheMissingTrainerAndWhatItIsNeededFor) {
  const Room room;
  const Examined examined = examine(room, {{"SYMBIONT_TRAINER_TORCH", "/nowhere/trainer"}});
  EXPECT_EQ(examined.exit_code, 0);
  EXPECT_EQ(examined.document["can_run"], true);
  EXPECT_EQ(examined.of("trainer")["status"], "missing");
  EXPECT_THAT(examined.of("trainer")["remedy"].get<std::string>(),
              HasSubstr("symbiont-trainer-torch"));
}

TEST(Doctor, SaysHowATrainerEndsThatDoesNotStart) {
  const Room room;
  room.write_trainer("exit 7");
  const Examined examined = examine(room);
  EXPECT_EQ(examined.of("trainer")["status"], "missing");
  EXPECT_THAT(examined.of("trainer")["found"].get<std::string>(), HasSubstr("exit code 7"));
}

TEST(Doctor, EndsWithOneWhereTheLedgerIsDamaged) {
  const Room room;
  fs::create_directory(room.home());
  room.write(room.ledger(), std::string(4096, 'x'));
  const Examined examined = examine(room);
  EXPECT_EQ(examined.exit_code, 1);
  EXPECT_EQ(examined.of("ledger")["prevents_run"], true);
}

TEST(Doctor, EndsWithOneWhereHomeIsNoFolder) {
  const Room room;
  room.write(room.home(), "a file");
  EXPECT_EQ(examine(room).exit_code, 1);
  EXPECT_EQ(examine(room).of("home")["prevents_run"], true);
}

}  // namespace
}  // namespace symbiont::testing
