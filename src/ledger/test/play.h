#pragma once
/// A random but legal life of a ledger, played on a ledger and in memory at once.
///
/// What happens depends only on the seed and on how many steps each process lived, so a test can
/// play in memory what a killed process had done and compare.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "symbiont/base/random.h"
#include "symbiont/ledger/ledger.h"

namespace symbiont::ledger {

/// What the ledger should hold of an attempt.
struct PlayedAttempt {
  Id recurrence = 0;
  std::vector<std::int64_t> epochs_uj;
  std::int64_t startup_uj = 0;
  std::int64_t lost_uj = 0;
  std::int64_t pending_uj = 0;
  std::int64_t carried_uj = 0;
  std::int64_t failures = 0;
  bool finished = false;

  friend bool operator==(const PlayedAttempt&, const PlayedAttempt&) = default;
};

struct PlayedState {
  std::map<Id, PlayedAttempt> attempts;
  std::string policy;
  std::int64_t runs_finished = 0;

  friend bool operator==(const PlayedState&, const PlayedState&) = default;
};

/// The same, read from a ledger.
Result<PlayedState> read_state(const Ledger& ledger);

class Play {
 public:
  explicit Play(std::uint64_t seed) : seed_(seed), random_(seed) {}

  /// A process starts: its first step buries what the last one left running.
  void begin_life();
  /// One operation; on `ledger` too if there is one. Errors of the ledger end the play.
  Result<void> step(Ledger* ledger);

  const PlayedState& state() const { return state_; }
  /// All that was ever spent and told to the ledger, start-up apart.
  std::int64_t spent_uj() const { return spent_uj_; }

 private:
  Result<void> create(Ledger* ledger);
  Result<void> bury(Ledger* ledger);
  Result<void> begin_run(Ledger* ledger);
  Result<void> finish_run(Ledger* ledger);
  Result<void> decide(Ledger* ledger);
  Result<void> begin_incarnation(Ledger* ledger);
  Result<void> work(Ledger* ledger);
  Result<void> start_up(Ledger* ledger);
  Result<void> spend(Ledger* ledger);
  Result<void> complete_epoch(Ledger* ledger);
  Result<void> repeat_epoch(Ledger* ledger);
  Result<void> save(Ledger* ledger);
  Result<void> end_incarnation(Ledger* ledger);
  Result<void> count_failure(Ledger* ledger);
  Result<void> finish_attempt(Ledger* ledger);

  PlayedAttempt& attempt() { return state_.attempts.at(*attempt_); }
  std::int64_t spend_some();
  std::string next_policy();

  std::uint64_t seed_;
  Random random_;
  std::uint64_t life_ = 0;
  PlayedState state_;
  std::int64_t spent_uj_ = 0;
  std::int64_t policies_ = 0;
  bool created_ = false;
  bool must_bury_ = false;
  Id runs_ = 0;
  Id recurrences_ = 0;
  Id incarnations_ = 0;
  std::optional<Id> run_;
  std::optional<Id> recurrence_;
  RecurrenceKind kind_ = RecurrenceKind::kTuned;
  std::optional<Id> attempt_;
  std::optional<Id> incarnation_;
};

}  // namespace symbiont::ledger
