// Stories of a ledger, or a job, that is not as it was.

#include <chrono>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include "room.h"

namespace symbiont::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

const Words kRun = {"run", "job.toml", "--json"};

/// Somebody else who uses the ledger's file.
class Stranger {
 public:
  explicit Stranger(const fs::path& file) {
    sqlite3* connection = nullptr;
    EXPECT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
    connection_.reset(connection);
  }
  void execute(const char* sql) {
    EXPECT_EQ(sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(connection_.get());
  }

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close(connection); }
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

class BadLedger : public ::testing::Test {
 protected:
  void run_once() {
    const Ended ended = room_.run(kRun);
    ASSERT_EQ(ended.status.exit_code, 0) << ended.message;
  }

  void expect_refused(const Ended& ended, int exit_code, const std::string& message) {
    EXPECT_EQ(ended.status.exit_code, exit_code) << ended.message;
    EXPECT_EQ(ended.output, "");
    EXPECT_THAT(ended.message, HasSubstr(message));
  }

  const Room room_;
};

TEST_F(BadLedger, ThatIsATextFileIsLeftAsItIs) {
  fs::create_directory(room_.home());
  room_.write(room_.ledger(), "Dear diary,\ntoday I trained a network.\n");
  const auto before = room_.contents();
  for (const Words& words : {kRun, Words{"report", "trial", "--json"}, Words{"status", "--json"},
                             Words{"ledger", "check"}}) {
    expect_refused(room_.run(words), 1,
                   "ledger.sqlite: the file is damaged: file is not a database");
  }
  EXPECT_EQ(room_.contents(), before);
  EXPECT_EQ(fs::file_size(room_.ledger()), 39U);
}

TEST_F(BadLedger, ThatIsADatabaseOfAnotherProgramIsLeftAsItIs) {
  fs::create_directory(room_.home());
  Stranger(room_.ledger()).execute("CREATE TABLE songs (name TEXT)");
  expect_refused(room_.run(kRun), 2, "is a database of another program");
}

TEST_F(BadLedger, ThatIsAFolderIsRefused) {
  fs::create_directories(room_.ledger());
  expect_refused(room_.run(kRun), 2, "ledger.sqlite: is a folder, expected a file");
}

TEST_F(BadLedger, OfANewerVersionIsRefused) {
  run_once();
  Stranger(room_.ledger()).execute("PRAGMA user_version = 999");
  for (const Words& words :
       {kRun, Words{"report", "trial"}, Words{"status"}, Words{"ledger", "check"}}) {
    expect_refused(room_.run(words), 2, "999");
  }
}

TEST_F(BadLedger, ThatSomebodyHoldsIsWaitedForBriefly) {
  run_once();
  Stranger stranger(room_.ledger());
  stranger.execute("BEGIN EXCLUSIVE");
  const auto begin = std::chrono::steady_clock::now();
  expect_refused(room_.run(kRun), 1, "locked by another process for more than 5 s");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
  stranger.execute("ROLLBACK");
  room_.expect_clean();
}

TEST_F(BadLedger, DoesNotForgiveAChangedJobButStartsAnew) {
  run_once();
  room_.write_job({{"learning_rate = 0.01", "learning_rate = 0.02"}});
  const std::string before = room_.exported();
  expect_refused(room_.run(kRun), 2, "learning_rate: was 0.01, is now 0.02");
  expect_refused(room_.run({"run", "job.toml", "--check", "--json"}), 2, "--restart-learning");
  EXPECT_EQ(room_.exported(), before);

  EXPECT_EQ(room_.run({"run", "job.toml", "--check", "--restart-learning"}).status.exit_code, 0);
  EXPECT_EQ(room_.exported(), before);
  const Ended restarted = room_.run({"run", "job.toml", "--restart-learning", "--json"});
  EXPECT_EQ(restarted.status.exit_code, 0) << restarted.message;
  room_.expect_clean();
}

TEST_F(BadLedger, DoesNotMixKindsOfEnergy) {
  run_once();
  room_.write_job({{"replay:energy.csv", "estimator"}});
  const std::string before = room_.exported();
  expect_refused(room_.run(kRun), 2, "figures of different kinds are never compared");
  expect_refused(room_.run({"run", "job.toml", "--check"}), 2,
                 "figures of different kinds are never compared");
  EXPECT_EQ(room_.exported(), before);
  room_.expect_clean();
}

TEST_F(BadLedger, KnowsNoJobOrRunOfThatName) {
  run_once();
  expect_refused(room_.run({"report", "trail", "--json"}), 2,
                 "there is no job \"trail\" in the ledger; `symbiont status` lists them");
  expect_refused(room_.run({"report", "99", "--json"}), 2, "99");
}

}  // namespace
}  // namespace symbiont::testing
