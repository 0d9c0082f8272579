#include <sys/wait.h>
#include <unistd.h>

#include "story.h"

namespace symbiont::ledger {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using LeaseTest = Story;

const Holder kFirst = {.pid = 41, .start_ticks = 7, .host = "alder", .boot_id = "boot-1"};
const Holder kSecond = {.pid = 42, .start_ticks = 8, .host = "birch", .boot_id = "boot-2"};

bool is_gone(const Lease&) {
  return true;
}
bool is_alive(const Lease&) {
  return false;
}

TEST_F(LeaseTest, IsRefusedWhileItsHolderLives) {
  must(ledger_.acquire_lease("job digits", kFirst, at(0), is_alive));
  const auto second = ledger_.acquire_lease("job digits", kSecond, at(1), is_alive);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAborted);
  EXPECT_EQ(second.error().message(), "acquire lease: job digits is held by pid 41 on host alder");
  must(ledger_.acquire_lease("job glyphs", kSecond, at(1), is_alive));
}

TEST_F(LeaseTest, IsTakenFromAHolderThatIsGone) {
  must(ledger_.acquire_lease("job digits", kFirst, at(0), is_alive));
  Lease judged;
  must(ledger_.acquire_lease("job digits", kSecond, at(9), [&](const Lease& lease) {
    judged = lease;
    return true;
  }));
  EXPECT_EQ(judged.holder.pid, 41);
  EXPECT_EQ(judged.holder.start_ticks, 7);
  EXPECT_EQ(judged.holder.boot_id, "boot-1");
  EXPECT_EQ(judged.heartbeat, at(0));
  ASSERT_THAT(must(ledger_.leases()), SizeIs(1));
  EXPECT_EQ(must(ledger_.leases()).at(0).holder.host, "birch");
  EXPECT_EQ(must(ledger_.leases()).at(0).heartbeat, at(9));
}

TEST_F(LeaseTest, CannotBeRenewedOnceItHasBeenTakenOver) {
  must(ledger_.acquire_lease("job digits", kFirst, at(0), is_alive));
  must(ledger_.renew_lease("job digits", kFirst, at(1)));
  EXPECT_EQ(must(ledger_.leases()).at(0).heartbeat, at(1));

  must(ledger_.acquire_lease("job digits", kSecond, at(2), is_gone));
  const auto renewed = ledger_.renew_lease("job digits", kFirst, at(3));
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().code(), ErrorCode::kAborted);
  EXPECT_THAT(renewed.error().message(), HasSubstr("now held by pid 42 on host birch"));
  EXPECT_EQ(must(ledger_.leases()).at(0).heartbeat, at(2));
}

TEST_F(LeaseTest, DistinguishesAReusedPidFromItsHolder) {
  must(ledger_.acquire_lease("job digits", kFirst, at(0), is_alive));
  Holder reused = kFirst;
  reused.start_ticks = 99;
  EXPECT_FALSE(ledger_.acquire_lease("job digits", reused, at(1), is_alive));
  EXPECT_FALSE(ledger_.renew_lease("job digits", reused, at(1)));
}

TEST_F(LeaseTest, IsFreeOnceReleasedByItsHolderOnly) {
  must(ledger_.acquire_lease("job digits", kFirst, at(0), is_alive));
  must(ledger_.release_lease("job digits", kSecond));
  EXPECT_THAT(must(ledger_.leases()), SizeIs(1));
  must(ledger_.release_lease("job digits", kFirst));
  EXPECT_THAT(must(ledger_.leases()), IsEmpty());
  must(ledger_.acquire_lease("job digits", kSecond, at(1), is_alive));
}

/// Opens the same ledger and claims the lease; the exit code says whether it won.
[[noreturn]] void race(const std::string& path, int start, int pid) {
  char go = 0;
  if (read(start, &go, 1) != 0) {
    _exit(9);
  }
  Result<Ledger> ledger = Ledger::open(path);
  if (!ledger) {
    std::fprintf(stderr, "%s\n", ledger.error().message().c_str());
    _exit(8);
  }
  Holder holder = kFirst;
  holder.pid = pid;
  const Result<void> won = ledger->acquire_lease("job digits", holder, at(0), is_alive);
  _exit(won ? 0 : won.error().code() == ErrorCode::kAborted ? 1 : 7);
}

TEST(Lease, IsWonByExactlyOneOfManyProcessesThatAlsoCreateTheLedger) {
  for (int round = 0; round < 10; ++round) {
    const symbiont::testing::TemporaryDirectory folder;
    int start[2];
    ASSERT_EQ(pipe(start), 0);
    std::vector<pid_t> racers;
    for (int racer = 0; racer < 4; ++racer) {
      const pid_t pid = fork();
      if (pid == 0) {
        close(start[1]);
        race(folder / "ledger.db", start[0], racer + 1);
      }
      racers.push_back(pid);
    }
    close(start[0]);
    close(start[1]);  // the end of the file lets all of them go at once
    int won = 0;
    int refused = 0;
    for (const pid_t racer : racers) {
      int status = 0;
      waitpid(racer, &status, 0);
      ASSERT_TRUE(WIFEXITED(status));
      won += WEXITSTATUS(status) == 0 ? 1 : 0;
      refused += WEXITSTATUS(status) == 1 ? 1 : 0;
    }
    EXPECT_EQ(won, 1);
    EXPECT_EQ(refused, 3);
  }
}

}  // namespace
}  // namespace symbiont::ledger
