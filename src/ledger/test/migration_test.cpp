#include <filesystem>
#include <string>

#include "ledger/schema.h"
#include "story.h"
#include "symbiont/base/file.h"

namespace symbiont::ledger {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A ledger as the first schema's program left it (test/schema_1.sql).
class FirstSchema : public ::testing::Test {
 protected:
  FirstSchema() {
    store::Database database =
        must(store::Database::open(path(), {.application_id = kApplicationId}));
    const std::filesystem::path dump = std::filesystem::path(LEDGER_TEST_FOLDER) / "schema_1.sql";
    must(database.execute_script(must(read_file(dump))));
  }

  std::string path() const { return folder_ / "ledger.db"; }

  symbiont::testing::TemporaryDirectory folder_;
};

TEST_F(FirstSchema, IsStillOpenedAndSound) {
  const Ledger ledger = must(Ledger::open(path()));
  EXPECT_THAT(must(ledger.check()), IsEmpty());
  const Job job = must(ledger.find_job("digits")).value();
  EXPECT_EQ(job.seed, 5U);
  EXPECT_THAT(must(ledger.runs(job.id)), SizeIs(2));
  EXPECT_THAT(must(ledger.read_attempt(1)).epochs, SizeIs(3));
}

// Its second history was restarted with seed 11, which only the tuner heard of.
TEST_F(FirstSchema, KeepsTheSeedThatTheWorkersOfEveryHistoryHad) {
  const Ledger ledger = must(Ledger::open(path()));
  EXPECT_EQ(must(ledger.find_history(1)).seed, 5U);
  EXPECT_EQ(must(ledger.find_history(2)).seed, 5U);
}

TEST_F(FirstSchema, GoesOnWithItsUnfinishedRun) {
  Ledger ledger = must(Ledger::open(path()));
  const ledger::Run run = must(ledger.unfinished_run(1)).value();
  EXPECT_EQ(must(ledger.bury_dead_incarnations(run.id)), 0);
  const AttemptRecord open = must(ledger.read_attempt(2));
  EXPECT_EQ(open.checkpoint->position, 1);
  EXPECT_EQ(open.checkpoint->carried.energy_uj, 1'000'000);
  EXPECT_FALSE(open.checkpoint->carried_emitted);
  EXPECT_EQ(must(ledger.begin_incarnation(2, at(0))).number, 2);
}

TEST_F(FirstSchema, IsBroughtForwardOnce) {
  must(Ledger::open(path()));
  Ledger ledger = must(Ledger::open(path()));
  History history = some_history();
  history.seed = 17;
  must(ledger.start_history(1, history));
  EXPECT_EQ(must(must(Ledger::open(path())).current_history(1)).seed, 17U);
}

TEST_F(FirstSchema, IsNotChangedByAReader) {
  const std::string before = must(read_file(path()));
  const auto refused = Ledger::open_read_only(path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(must(read_file(path())), before);
}

}  // namespace
}  // namespace symbiont::ledger
