#pragma once
/// What a run did, as one JSON object per line: for log collectors and for `tail -f`.
///
/// Every line has "time" (UTC, RFC 3339), "event", "job" and "run". docs/reference/observability.md
/// lists the events and their keys.

#include <filesystem>
#include <memory>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/jobs/runner.h"

namespace symbiont::jobs {

/// Appends to a file. Not thread-safe.
class EventLog final : public RunListener {
 public:
  /// Creates the file when it is missing and appends otherwise, so that a resumed run goes on in
  /// the same log. Errors name the path. `clock` must outlive the log.
  static Result<std::unique_ptr<EventLog>> open(const std::filesystem::path& path,
                                                const Clock& clock = system_clock());
  ~EventLog() override;

  void on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) override;
  void on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                  std::int64_t position) override;
  void on_worker(const ledger::Incarnation& worker) override;
  void on_ready(const train::Hello& hello, const Usage& startup) override;
  void on_epoch(const ledger::Epoch& epoch) override;
  void on_checkpoint(const ledger::CheckpointRecord& checkpoint) override;
  void on_closed(const Usage& closing) override;
  void on_worker_ended(const std::string& how, const Usage& lost) override;
  void on_retry(const std::string& reason) override;
  void on_attempt_finished(const ledger::AttemptResult& result) override;
  void on_run_ended(const RunOutcome& outcome) override;
  void on_error(const Error& error) override;

 private:
  struct State;
  explicit EventLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::jobs
