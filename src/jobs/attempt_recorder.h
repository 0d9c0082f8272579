#pragma once
/// Writes what a worker does into the ledger and says when to stop.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "jobs/session.h"
#include "jobs/stopping.h"
#include "symbiont/train/attempt.h"

namespace symbiont::jobs {

/// Removes the checkpoint of an attempt that no process will start from any more, `path` below HOME
/// as the ledger has it. What is not below the attempt's folder stays.
void remove_checkpoint(const Session& session, ledger::Id attempt,
                       const std::filesystem::path& path);

/// The observer of one process of an attempt. Borrows everything; lives as long as the process.
class AttemptRecorder final : public train::AttemptObserver {
 public:
  AttemptRecorder(Session& session, const RunOptions& options, RunListener& listener,
                  const ledger::AttemptRecord& record, ledger::Incarnation incarnation,
                  std::optional<Joules> known_epoch_cost);

  Result<void> on_started(const train::Hello& hello, const Usage& startup) override;
  Result<void> on_progress(const train::Progress& progress) override;
  Result<train::Verdict> on_epoch(const train::EpochResult& result) override;
  Result<void> on_checkpoint(const train::Saved& saved, const Usage& carried) override;
  bool interrupted() override;

  /// The worker wrote its final weights and ended: booked with its start-up, as neither belongs to
  /// an epoch.
  Result<void> on_closed(const Usage& closing);

  /// Whether the last epoch has no finite metric.
  bool has_diverged() const;

  /// Records the part of an epoch in which the model diverged, as an epoch without a metric.
  Result<void> record_diverged_epoch(const Usage& unfinished);

 private:
  /// What the epoch in progress used before this process or its checkpoint, charged already.
  struct Carried {
    Usage usage;
    GramsCo2 emitted;
  };

  Result<bool> record(const ledger::Epoch& epoch);

  /// Of an epoch's usage until now, when that after what is carried began.
  WallTime begin_of_latest(const Usage& usage) const;
  /// Of an epoch's usage: what is carried keeps its grams, the rest is charged from `begin` on.
  GramsCo2 emitted_by(const Usage& usage, WallTime begin) const;
  Result<void> renew_lease();

  Session& session_;
  const RunOptions& options_;
  RunListener& listener_;
  ledger::Attempt attempt_;
  ledger::Incarnation incarnation_;
  std::vector<ledger::Epoch> epochs_;
  std::optional<Joules> known_epoch_cost_;
  std::filesystem::path checkpoint_path_;  // of the newest recorded one, below HOME; empty: none
  Usage startup_;
  Carried carried_;
  std::chrono::nanoseconds lease_renewed_;
};

}  // namespace symbiont::jobs
