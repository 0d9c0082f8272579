#include <fstream>

#include "mount.h"
#include "story.h"
#include "symbiont/base/file.h"

namespace symbiont::ledger {
namespace {

using symbiont::testing::kCannotMount;
using symbiont::testing::make_read_only;
using symbiont::testing::on_small_disk;
using symbiont::testing::TemporaryDirectory;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int32_t kOurs = 0x53594d42;

class OpenTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_ / "ledger.db"; }
  void write(std::string_view bytes) const { std::ofstream(path(), std::ios::binary) << bytes; }
  std::string bytes() const { return must(read_file(path())); }

  TemporaryDirectory folder_;
};

ErrorCode code_of(const Result<Ledger>& ledger) {
  return ledger ? ErrorCode{} : ledger.error().code();
}

TEST_F(OpenTest, CreatesALedgerThatIsSound) {
  const Ledger ledger = must(Ledger::open("sqlite:" + path()));
  EXPECT_THAT(must(ledger.jobs()), IsEmpty());
  EXPECT_THAT(must(ledger.check()), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(OpenTest, SaysWhichKindsOfLedgerThereAre) {
  const auto other = Ledger::open("postgresql://db/ledger");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kUnimplemented);
  EXPECT_EQ(other.error().message(),
            "open ledger: a ledger of kind \"postgresql\" is not in this version, expected a path "
            "or sqlite:PATH");
  EXPECT_EQ(code_of(Ledger::open("")), ErrorCode::kInvalidArgument);
}

TEST_F(OpenTest, TakesAnyFileNameLiterally) {
  const std::filesystem::path odd = folder_ / "a ?mode=memory&x=%41#ü.db";
  must(Ledger::open(odd.string()));
  EXPECT_TRUE(std::filesystem::exists(odd));
}

TEST_F(OpenTest, ReadsOnlyWhatIsThere) {
  const auto missing = Ledger::open_read_only(path());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message(), "open ledger: " + path() + ": there is no such file");
  EXPECT_FALSE(std::filesystem::exists(path()));

  must(Ledger::open(path()));
  const std::string before = bytes();
  Ledger reader = must(Ledger::open_read_only(path()));
  EXPECT_THAT(must(reader.check()), IsEmpty());
  const auto created = reader.create_job(some_job("digits"), some_history(), at(0));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code(), ErrorCode::kPermissionDenied);
  reader = must(Ledger::open_read_only(path()));
  EXPECT_EQ(bytes(), before);
}

TEST_F(OpenTest, ReadsWhileAnotherWrites) {
  Ledger writer = must(Ledger::open(path()));
  const Ledger reader = must(Ledger::open_read_only(path()));
  must(writer.create_job(some_job("digits"), some_history(), at(0)));
  EXPECT_TRUE(must(reader.find_job("digits")));
}

TEST_F(OpenTest, SaysThatTheFolderIsMissingOrIsAFile) {
  EXPECT_EQ(code_of(Ledger::open((folder_ / "none" / "ledger.db").string())), ErrorCode::kNotFound);
  write("a file");
  EXPECT_EQ(code_of(Ledger::open(path() + "/ledger.db")), ErrorCode::kNotFound);
  EXPECT_EQ(code_of(Ledger::open(folder_.path().string())), ErrorCode::kInvalidArgument);
}

TEST_F(OpenTest, RefusesAFolderWhereNothingCanBeCreated) {
  const auto ledger = Ledger::open("/proc/ledger.db");
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().code(), ErrorCode::kPermissionDenied);
  EXPECT_EQ(ledger.error().message(),
            "open ledger: /proc/ledger.db: no permission to write it or to create files in its "
            "folder");
}

TEST_F(OpenTest, RefusesAReadOnlyFolderButReadsALedgerInIt) {
  const int outcome = on_small_disk(folder_.path(), "4m", [&] {
    must(must(Ledger::open(path())).create_job(some_job("digits"), some_history(), at(0)));
    if (!make_read_only(folder_.path())) {
      std::exit(kCannotMount);
    }
    EXPECT_EQ(code_of(Ledger::open(path())), ErrorCode::kPermissionDenied);
    EXPECT_EQ(code_of(Ledger::open((folder_ / "new.db").string())), ErrorCode::kPermissionDenied);
    EXPECT_TRUE(must(must(Ledger::open_read_only(path())).find_job("digits")));
    return !HasFailure();
  });
  if (outcome == kCannotMount) {
    GTEST_SKIP() << "no permission to mount a file system of our own";
  }
  EXPECT_EQ(outcome, 0);
}

/// Records epochs until the ledger says why it cannot.
Error record_until_refused(Ledger& ledger) {
  const Job job = must(ledger.create_job(some_job("digits"), some_history(), at(0)));
  const History history = must(ledger.current_history(job.id));
  const ledger::Run run = must(ledger.begin_run(job.id, history.id, 1, 0, at(0)));
  Decision decision;
  decision.run = run.id;
  decision.history = history.id;
  decision.attempt.batch_size = 1;
  decision.attempt.why = std::string(10'000, 'w');
  const Attempt attempt = must(ledger.decide(decision));
  const Incarnation process = must(ledger.begin_incarnation(attempt.id, at(0)));
  for (std::int64_t index = 1;; ++index) {
    const Result<bool> recorded = ledger.record_epoch(attempt.id, process.id, epoch(index, 5));
    if (!recorded) {
      return recorded.error();
    }
  }
}

bool survives_full_disk(const std::string& path, const std::filesystem::path& ballast) {
  {
    std::ofstream(ballast) << std::string(700 << 10, 'b');
    Ledger ledger = must(Ledger::open(path));
    const Error full = record_until_refused(ledger);
    EXPECT_EQ(full.code(), ErrorCode::kResourceExhausted);
    EXPECT_EQ(full.message(), "record epoch: " + path + ": disk is full");
    // The ledger that met the full disk goes on as soon as there is room.
    const auto records = must(ledger.recurrences_of_run(1));
    const auto next = static_cast<std::int64_t>(records.at(0).attempts.at(0).epochs.size()) + 1;
    EXPECT_FALSE(ledger.record_epoch(1, 1, epoch(next, 5)));
    std::filesystem::resize_file(ballast, 100 << 10);
    EXPECT_TRUE(must(ledger.record_epoch(1, 1, epoch(next, 5))));
    EXPECT_FALSE(must(ledger.record_epoch(1, 1, epoch(next, 5))));
  }
  EXPECT_THAT(must(must(Ledger::open(path)).check()), IsEmpty());
  return !::testing::Test::HasFailure();
}

TEST_F(OpenTest, IsSoundAfterTheDiskWasFull) {
  const int outcome = on_small_disk(
      folder_.path(), "1m", [&] { return survives_full_disk(path(), folder_ / "ballast"); });
  if (outcome == kCannotMount) {
    GTEST_SKIP() << "no permission to mount a file system of our own";
  }
  EXPECT_EQ(outcome, 0);
}

TEST_F(OpenTest, SaysThatTheDiskIsFullWhenNothingCanBeCreated) {
  const int outcome = on_small_disk(folder_.path(), "64k", [&] {
    std::ofstream(folder_ / "ballast") << std::string(1 << 20, 'b');
    const auto ledger = Ledger::open(path());
    EXPECT_EQ(code_of(ledger), ErrorCode::kResourceExhausted);
    return !HasFailure();
  });
  if (outcome == kCannotMount) {
    GTEST_SKIP() << "no permission to mount a file system of our own";
  }
  EXPECT_EQ(outcome, 0);
}

TEST_F(OpenTest, WaitsOnlySoLongForAnotherWriter) {
  Ledger waiting = must(Ledger::open(path(), std::chrono::milliseconds(20)));
  store::Database other = must(store::Database::open(path(), {.application_id = kOurs}));
  store::Transaction held = must(store::Transaction::begin(other));
  const auto refused = waiting.create_job(some_job("digits"), some_history(), at(0));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kAborted);
  EXPECT_EQ(refused.error().message(),
            "create job: " + path() + ": locked by another process for more than 20 ms");
  EXPECT_THAT(must(waiting.jobs()), IsEmpty());
  must(held.commit());
  must(waiting.create_job(some_job("digits"), some_history(), at(0)));
}

TEST_F(OpenTest, LeavesALedgerOfANewerProgramUntouched) {
  must(Ledger::open(path()));
  {
    store::Database newer = must(store::Database::open(path(), {.application_id = kOurs}));
    must(newer.execute_script("PRAGMA user_version = 7"));
  }
  const std::string before = bytes();
  for (const auto& open : {Ledger::open, Ledger::open_read_only}) {
    const auto ledger = open(path(), Ledger::kLockTimeout);
    ASSERT_FALSE(ledger);
    EXPECT_EQ(ledger.error().code(), ErrorCode::kFailedPrecondition);
    EXPECT_EQ(ledger.error().message(),
              "open ledger: " + path() + ": has schema version 7, this program's is 3");
  }
  EXPECT_EQ(bytes(), before);
}

TEST_F(OpenTest, LeavesADatabaseOfAnotherProgramUntouched) {
  {
    store::Database other = must(store::Database::open(path(), {.application_id = 99}));
    must(other.execute_script("CREATE TABLE theirs (a INTEGER)"));
  }
  const std::string before = bytes();
  const auto ledger = Ledger::open(path());
  ASSERT_FALSE(ledger);
  EXPECT_EQ(ledger.error().code(), ErrorCode::kFailedPrecondition);
  EXPECT_THAT(ledger.error().message(), HasSubstr("is a database of another program"));
  EXPECT_EQ(bytes(), before);
}

TEST_F(OpenTest, RefusesGarbageAndLeavesItUntouched) {
  const std::string garbage = std::string(5000, '\0') + "not a database";
  for (const std::string& content : {garbage, std::string("key = 3\n")}) {
    write(content);
    const auto ledger = Ledger::open(path());
    ASSERT_FALSE(ledger);
    EXPECT_EQ(ledger.error().code(), ErrorCode::kDataLoss);
    EXPECT_THAT(ledger.error().message(), AllOf(HasSubstr(path()), HasSubstr("damaged")));
    EXPECT_EQ(bytes(), content);
  }
}

TEST_F(OpenTest, NeverTakesADamagedLedgerForASoundOne) {
  {
    Ledger ledger = must(Ledger::open(path()));
    must(ledger.create_job(some_job("digits"), some_history(), at(0)));
  }
  const std::string sound = bytes();
  for (std::size_t page = 0; page < sound.size() / 4096; ++page) {
    std::string damaged = sound;
    damaged.replace(page * 4096, 4096, 4096, '\xa5');
    write(damaged);
    const auto ledger = Ledger::open(path());
    if (ledger) {
      EXPECT_THAT(must(ledger->check()), ::testing::Not(IsEmpty())) << "page " << page;
    } else {
      EXPECT_EQ(ledger.error().code(), ErrorCode::kDataLoss) << "page " << page;
    }
  }
  write(sound.substr(0, sound.size() / 2));
  const auto truncated = Ledger::open(path());
  ASSERT_FALSE(truncated);
  EXPECT_EQ(truncated.error().code(), ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace symbiont::ledger
