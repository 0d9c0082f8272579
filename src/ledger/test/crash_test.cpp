#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "play.h"
#include "symbiont/base/file.h"
#include "symbiont/base/random.h"
#include "symbiont/base/subprocess.h"
#include "temporary_directory.h"

namespace symbiont::ledger {
namespace {

using symbiont::testing::TemporaryDirectory;
using ::testing::IsEmpty;

constexpr std::array kMethods = {"create_job",
                                 "begin_run",
                                 "decide",
                                 "begin_incarnation",
                                 "record_startup",
                                 "record_pending",
                                 "record_epoch",
                                 "record_checkpoint",
                                 "end_incarnation",
                                 "count_failure",
                                 "finish_run",
                                 "finish_attempt",
                                 "bury_dead_incarnations"};

/// Where a process is to die.
struct Death {
  std::string failpoint;
  std::uint64_t count = 1;
  bool after_commit = false;
};

Death random_death(Random& random) {
  const bool after = random.below(2) == 1;
  const std::string method = kMethods.at(random.below(kMethods.size()));
  return {"ledger." + method + (after ? ".after" : ".before"), 1 + random.below(4), after};
}

class Crash : public ::testing::Test {
 protected:
  /// Lets a process play until it dies or has done 40 steps; the steps that it committed.
  int live(std::uint64_t seed, const Death& death) {
    const std::filesystem::path token = folder_ / "token";
    std::ofstream(token).put('x');
    SpawnOptions options;
    options.argv = {LEDGER_VICTIM, folder_ / "ledger.db", folder_ / "progress",
                    std::to_string(seed), "40"};
    for (const int steps : lives_) {
      options.argv.push_back(std::to_string(steps));
    }
    options.environment = {
        {"SYMBIONT_FAILPOINT",
         death.failpoint + ":" + std::to_string(death.count) + ":" + token.string()}};
    Result<Subprocess> victim = Subprocess::spawn(options);
    EXPECT_TRUE(victim) << victim.error().message();
    const std::optional<ExitStatus> status = victim->wait(std::chrono::seconds(60));
    EXPECT_TRUE(status && (status->success() || status->signal == SIGKILL));
    const bool died = !std::filesystem::exists(token);
    deaths_ += died ? 1 : 0;
    const auto seen = static_cast<int>(read_file(folder_ / "progress").value().size());
    return seen + (died && death.after_commit ? 1 : 0);
  }

  /// What the ledger should hold after all lives so far.
  Play replay(std::uint64_t seed) const {
    Play play(seed);
    for (const int steps : lives_) {
      play.begin_life();
      for (int step = 0; step < steps; ++step) {
        EXPECT_TRUE(play.step(nullptr));
      }
    }
    return play;
  }

  TemporaryDirectory folder_;
  std::vector<int> lives_;
  int deaths_ = 0;
};

std::int64_t booked_uj(const PlayedState& state) {
  std::int64_t sum = 0;
  for (const auto& [id, attempt] : state.attempts) {
    sum += std::accumulate(attempt.epochs_uj.begin(), attempt.epochs_uj.end(), std::int64_t{0});
    sum += attempt.lost_uj + attempt.pending_uj + attempt.carried_uj;
  }
  return sum;
}

class CrashTest : public Crash, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(CrashTest, LosesNoCommittedJouleWhereverItsProcessesAreKilled) {
  const std::uint64_t seed = GetParam();
  Random random(derive_seed(seed, "deaths"));
  for (int life = 0; life < 8; ++life) {
    const Death death = random_death(random);
    SCOPED_TRACE(death.failpoint + " number " + std::to_string(death.count));
    lives_.push_back(live(seed, death));

    const Result<Ledger> ledger = Ledger::open((folder_ / "ledger.db").string());
    ASSERT_TRUE(ledger) << ledger.error().message();
    EXPECT_THAT(ledger->check().value(), IsEmpty());
    const Play play = replay(seed);
    const PlayedState found = read_state(*ledger).value();
    ASSERT_EQ(found.attempts.size(), play.state().attempts.size());
    ASSERT_TRUE(found == play.state());
    ASSERT_EQ(booked_uj(found), play.spent_uj());
  }
  EXPECT_GT(deaths_, 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashTest, ::testing::Range(std::uint64_t{1}, std::uint64_t{13}));

TEST_F(Crash, HappensAtEveryFailpointThatIsListed) {
  for (const char* const method : kMethods) {
    for (const bool after : {false, true}) {
      const int deaths_before = deaths_;
      // A story long enough to pass every commit: seeds are tried until one dies there.
      for (std::uint64_t seed = 1; seed <= 20 && deaths_ == deaths_before; ++seed) {
        std::filesystem::remove(folder_ / "ledger.db");
        std::filesystem::remove(folder_ / "ledger.db-wal");
        std::filesystem::remove(folder_ / "ledger.db-shm");
        lives_.clear();
        if (std::string_view(method) == "bury_dead_incarnations") {
          lives_.push_back(live(seed, {"ledger.begin_incarnation.after", 1, true}));
          --deaths_;
        }
        live(seed, {"ledger." + std::string(method) + (after ? ".after" : ".before"), 1, after});
      }
      EXPECT_EQ(deaths_, deaths_before + 1) << method << (after ? " after" : " before");
    }
  }
}

}  // namespace
}  // namespace symbiont::ledger
