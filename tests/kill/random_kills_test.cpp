#include <array>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "job.h"
#include "reference.h"
#include "resumed.h"
#include "symbiont/base/random.h"

namespace symbiont::testing {
namespace {

/// A state, and how often a run comes by.
struct Place {
  const char* failpoint;
  std::uint64_t visits;
};

constexpr std::array kRunnerPlaces = {Place{"ledger.acquire_lease.after", 1},
                                      Place{"ledger.create_job.after", 1},
                                      Place{"ledger.begin_run.after", 1},
                                      Place{"ledger.bury_dead_incarnations.before", 1},
                                      Place{"ledger.bury_dead_incarnations.after", 1},
                                      Place{"ledger.decide.before", 6},
                                      Place{"ledger.decide.after", 6},
                                      Place{"ledger.begin_incarnation.before", 6},
                                      Place{"ledger.begin_incarnation.after", 6},
                                      Place{"train.worker.spawned", 6},
                                      Place{"ledger.record_startup.before", 12},
                                      Place{"ledger.record_startup.after", 12},
                                      Place{"train.lease.granted", 130},
                                      Place{"ledger.record_pending.before", 130},
                                      Place{"ledger.record_pending.after", 130},
                                      Place{"train.epoch.received", 16},
                                      Place{"ledger.record_epoch.before", 16},
                                      Place{"ledger.record_epoch.after", 16},
                                      Place{"train.checkpoint.requested", 11},
                                      Place{"train.checkpoint.saved", 11},
                                      Place{"ledger.record_checkpoint.before", 11},
                                      Place{"ledger.record_checkpoint.after", 11},
                                      Place{"train.stop.sent", 5},
                                      Place{"ledger.end_incarnation.before", 5},
                                      Place{"ledger.end_incarnation.after", 5},
                                      Place{"ledger.finish_attempt.before", 5},
                                      Place{"ledger.finish_attempt.after", 5},
                                      Place{"jobs.attempt.finished", 5},
                                      Place{"ledger.finish_run.before", 1}};

constexpr std::array kWorkerPlaces = {
    Place{"worker.lease.middle", 36}, Place{"worker.epoch.sent", 4}, Place{"worker.save.begin", 3},
    Place{"worker.save.middle", 3}, Place{"worker.save.renamed", 3}};

template <std::size_t kCount>
Death random_death(Random& random, const std::array<Place, kCount>& places) {
  const Place& place = places.at(random.below(kCount));
  return {place.failpoint, 1 + random.below(place.visits)};
}

/// Up to three runners die, perhaps a worker as well; the last runner comes through.
void live_through(Random& random) {
  Job job;
  if (random.below(3) == 0) {
    const Death death = random_death(random, kWorkerPlaces);
    std::cout << "  " << death.failpoint << ' ' << death.count << std::flush;
    job.kill_worker(death);
  }
  Ended last = {};
  std::int64_t lost_uj = 0;
  bool worker_was_alive = !job.worker_has_died();
  bool dies = true;
  for (std::uint64_t lives = 1 + random.below(3); dies && lives > 0; --lives) {
    const Death death = random_death(random, kRunnerPlaces);
    std::cout << "  " << death.failpoint << ' ' << death.count << std::flush;
    last = job.run(death);
    dies = job.has_died();
    if (dies) {
      expect_sound_ruins(job);
      const Books ruins = job.books();
      lost_uj = ruins.lost_uj() + ruins.pending_uj() +
                ruins.to_repeat_uj(reference().books, job.has_weights(ruins.open_attempt()));
      worker_was_alive = !job.worker_has_died();
      job.age_litter();
    }
  }
  std::cout << std::endl;
  last = dies ? job.run() : last;
  if (worker_was_alive && job.worker_has_died()) {
    EXPECT_GE(job.books().lost_uj(), lost_uj);  // what the worker took with it is not known
    lost_uj = job.books().lost_uj();
  }
  expect_undisturbed(job, last, lost_uj);
}

TEST(RandomKills, ChangeNothingButTheEnergyLost) {
  const bool is_long = std::getenv("SYMBIONT_LONG") != nullptr;
  const char* const given = std::getenv("KILL_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given)
                             : is_long        ? std::random_device()()
                                              : 1;
  std::cout << "KILL_TEST_SEED=" << seed << std::endl;
  const std::uint64_t rounds = is_long ? 300 : 3;
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + " of seed " + std::to_string(seed));
    Random random(derive_seed(seed, "kills", round));
    live_through(random);
  }
}

}  // namespace
}  // namespace symbiont::testing
