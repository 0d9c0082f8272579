#include "symbiont/store/database.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "temporary_directory.h"

namespace symbiont::store {
namespace {

using symbiont::testing::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The value of a Result that must have one.
template <typename T>
T must(Result<T> result) {
  SYM_CHECK(result || (std::fputs(result.error().message().c_str(), stderr), false));
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

std::int64_t read_integer(Row& row) {
  return row.integer();
}
std::string read_text(Row& row) {
  return row.text();
}

class DatabaseTest : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return folder_ / "some.db"; }
  Database another(std::chrono::milliseconds lock_timeout = std::chrono::milliseconds(20)) const {
    return must(Database::open(path(), {.lock_timeout = lock_timeout}));
  }
  void create_numbers() {
    must(database_.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, name TEXT) STRICT"));
  }
  std::int64_t count_numbers() {
    return must(database_.first("SELECT count(*) FROM numbers", read_integer)).value();
  }

  TemporaryDirectory folder_;
  Database database_ = must(Database::open(path()));
};

TEST_F(DatabaseTest, GivesBackWhatWasBound) {
  must(database_.execute(
      "CREATE TABLE t (i INTEGER, r REAL, t TEXT, b INTEGER, none INTEGER, some REAL, x INTEGER, "
      "y TEXT) STRICT"));
  const std::string text("with \0 inside, and ümlaut", 25);
  must(database_.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         std::numeric_limits<std::int64_t>::min(), 0.1, text, true,
                         std::optional<std::int64_t>(), std::optional(2.5),
                         std::tuple(7, std::string_view(""))));
  const auto read = must(database_.first("SELECT * FROM t", [&](Row& row) {
    EXPECT_EQ(row.integer(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(row.real(), 0.1);
    EXPECT_EQ(row.text(), text);
    EXPECT_TRUE(row.boolean());
    EXPECT_EQ(row.optional_integer(), std::nullopt);
    EXPECT_EQ(row.optional_real(), 2.5);
    EXPECT_EQ(row.value(), Value(std::int64_t{7}));
    EXPECT_EQ(row.optional_text(), "");
    return true;
  }));
  EXPECT_EQ(read, true);
}

TEST_F(DatabaseTest, KeepsEveryNumberToTheLastBit) {
  EXPECT_TRUE(rc::check([&](std::int64_t whole, double real) {
    const auto same = must(database_.first(
        "SELECT ?, ?", [&](Row& row) { return row.integer() == whole && row.real() == real; },
        whole, real));
    RC_ASSERT(same == true);
  }));
}

TEST_F(DatabaseTest, StoresNotANumberAsNull) {
  const auto value = must(database_.first(
      "SELECT ?", [](Row& row) { return row.optional_real(); }, std::nan("")));
  ASSERT_TRUE(value);
  EXPECT_FALSE(*value);
}

TEST_F(DatabaseTest, NamesTheColumnThatHoldsAnotherType) {
  must(database_.execute("CREATE TABLE loose (energy_uj)"));
  must(database_.execute("INSERT INTO loose VALUES ('much')"));
  const auto read = database_.all("SELECT energy_uj FROM loose", read_integer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(read.error().message(),
            path().string() + ": column energy_uj holds TEXT, expected INTEGER");
}

TEST_F(DatabaseTest, LetsAStatementRunInsideItself) {
  create_numbers();
  must(database_.execute("INSERT INTO numbers VALUES (1, 'one'), (2, 'two')"));
  std::vector<std::string> seen;
  const std::string sql = "SELECT name FROM numbers ORDER BY n";
  must(database_.for_each(sql, [&](Row& outer) {
    seen.push_back(outer.text());
    for (const std::string& inner : must(database_.all(sql, read_text))) {
      seen.push_back(inner);
    }
  }));
  EXPECT_THAT(seen, ElementsAre("one", "one", "two", "two", "one", "two"));
}

TEST_F(DatabaseTest, SaysWhichKindOfConstraintWasBroken) {
  must(database_.execute_script(
      "CREATE TABLE parents (id INTEGER PRIMARY KEY, size INTEGER NOT NULL CHECK (size >= 0)) "
      "STRICT; CREATE TABLE children (parent INTEGER REFERENCES parents (id)) STRICT; "
      "INSERT INTO parents VALUES (1, 0)"));
  const auto code = [&](std::string_view sql) { return database_.execute(sql).error().code(); };
  EXPECT_EQ(code("INSERT INTO parents VALUES (1, 0)"), ErrorCode::kAlreadyExists);
  EXPECT_EQ(code("INSERT INTO parents VALUES (2, -1)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("INSERT INTO parents VALUES (2, NULL)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("INSERT INTO parents VALUES (2, 'big')"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code("INSERT INTO children VALUES (9)"), ErrorCode::kNotFound);
}

TEST_F(DatabaseTest, SaysThatATableIsMissing) {
  const auto missing = database_.execute("DELETE FROM nowhere");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(missing.error().message(), HasSubstr("no such table: nowhere"));
}

TEST_F(DatabaseTest, UndoesATransactionThatIsNotCommitted) {
  create_numbers();
  {
    const Transaction undone = must(Transaction::begin(database_));
    must(database_.execute("INSERT INTO numbers VALUES (1, 'one')"));
    EXPECT_EQ(count_numbers(), 1);
  }
  EXPECT_EQ(count_numbers(), 0);

  Transaction kept = must(Transaction::begin(database_));
  must(database_.execute("INSERT INTO numbers VALUES (1, 'one')"));
  EXPECT_EQ(database_.changes(), 1);
  must(kept.commit());
  EXPECT_EQ(count_numbers(), 1);
}

TEST_F(DatabaseTest, FlushesFullCommitsOnly) {
  const auto synchronous = [&] {
    return must(database_.first("PRAGMA synchronous", read_integer)).value();
  };
  constexpr std::int64_t kNormal = 1;
  constexpr std::int64_t kFull = 2;
  for (const auto& [durability, expected] :
       {std::pair(Durability::kFull, kFull), std::pair(Durability::kRelaxed, kNormal),
        std::pair(Durability::kFull, kFull)}) {
    Transaction transaction = must(Transaction::begin(database_, durability));
    EXPECT_EQ(synchronous(), expected);
    must(transaction.commit());
  }
}

TEST_F(DatabaseTest, ReadsOneStateWhileAnotherWriterCommits) {
  create_numbers();
  Database writer = another();
  const Transaction reading = must(Transaction::begin_reading(database_));
  EXPECT_EQ(count_numbers(), 0);
  must(writer.execute("INSERT INTO numbers VALUES (1, 'one')"));
  EXPECT_EQ(count_numbers(), 0);
}

TEST_F(DatabaseTest, GivesUpOnALockAfterItsTimeout) {
  Database waiting = another(std::chrono::seconds(0));
  const Transaction held = must(Transaction::begin(database_));
  const auto refused = Transaction::begin(waiting);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kAborted);
  EXPECT_EQ(refused.error().message(),
            path().string() + ": locked by another process for more than 0 s");
}

TEST_F(DatabaseTest, SaysThatItIsFullAndKeepsWhatItHad) {
  create_numbers();
  must(database_.execute("INSERT INTO numbers VALUES (1, 'one')"));
  must(database_.execute_script("PRAGMA max_page_count = 3"));
  Transaction transaction = must(Transaction::begin(database_));
  const auto full =
      database_.execute("INSERT INTO numbers VALUES (2, ?)", std::string(100'000, 'x'));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(full.error().message(), path().string() + ": disk is full");
  EXPECT_EQ(count_numbers(), 1);
}

TEST_F(DatabaseTest, BelongsToTheProgramThatCreatedIt) {
  const std::filesystem::path theirs = folder_ / "theirs.db";
  must(Database::open(theirs, {.application_id = 7}));
  must(Database::open(theirs, {.application_id = 7}));
  const auto ours = Database::open(theirs, {.application_id = 8});
  ASSERT_FALSE(ours);
  EXPECT_EQ(ours.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(ours.error().message(),
            theirs.string() + ": is a database of another program (application id 7, expected 8)");
}

TEST_F(DatabaseTest, StaysUsableWhenItMoves) {
  create_numbers();
  Statement statement = must(database_.prepare("INSERT INTO numbers VALUES (?, ?)"));
  Database moved = std::move(database_);
  must(statement.bind(1, "one").run());
  database_ = std::move(moved);
  EXPECT_EQ(count_numbers(), 1);
}

constexpr std::array kVersions = {
    Migration{1, "CREATE TABLE numbers (n INTEGER PRIMARY KEY, name TEXT) STRICT"},
    Migration{2, "INSERT INTO numbers VALUES (1, 'one'); INSERT INTO numbers VALUES (2, 'two')"},
    Migration{3, "INSERT INTO numbers VALUES (3, 'three'); INSERT INTO numbers VALUES (1, 'uno')"}};

TEST_F(DatabaseTest, MigratesForwardStepByStepAndOnce) {
  const std::span<const Migration> all = kVersions;
  EXPECT_EQ(must(schema_version(database_)), 0);
  must(migrate(database_, all.first(1)));
  EXPECT_EQ(must(schema_version(database_)), 1);
  must(migrate(database_, all.first(2)));
  must(migrate(database_, all.first(2)));
  EXPECT_EQ(count_numbers(), 2);
  must(require_version(database_, all.first(2)));
  EXPECT_EQ(require_version(database_, all).error().code(), ErrorCode::kFailedPrecondition);
}

TEST_F(DatabaseTest, KeepsTheLastGoodVersionWhenAMigrationFails) {
  const auto failed = migrate(database_, kVersions);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message(), HasSubstr("migration 3: "));
  EXPECT_EQ(must(schema_version(database_)), 2);
  EXPECT_EQ(count_numbers(), 2);
}

TEST_F(DatabaseTest, RefusesASchemaOfANewerProgram) {
  const std::span<const Migration> all = kVersions;
  must(migrate(database_, all.first(2)));
  const auto refused = migrate(database_, all.first(1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(refused.error().message(),
            path().string() + ": has schema version 2, this program's is 1");
}

}  // namespace
}  // namespace symbiont::store
