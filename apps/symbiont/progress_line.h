#pragma once
/// One line on the terminal that says where the run is.

#include <chrono>
#include <string>

#include "symbiont/jobs/runner.h"

namespace symbiont::app {

/// Draws on standard error, and only if that is a terminal. Not thread-safe.
class ProgressLine final : public jobs::RunListener {
 public:
  ProgressLine();
  ~ProgressLine() override;

  void on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) override;
  void on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                  std::int64_t position) override;
  void on_progress(const train::Progress& progress) override;
  void on_epoch(const ledger::Epoch& epoch) override;
  void on_attempt_finished(const ledger::AttemptResult& result) override;
  void on_retry(const std::string& reason) override;

 private:
  void draw(double fraction_of_epoch);
  void clear();

  bool terminal_ = false;
  std::int64_t recurrences_ = 0;
  std::int64_t baseline_runs_ = 0;
  std::string label_;
  std::int64_t epochs_ = 0;
  std::int64_t max_epochs_ = 1;
  std::string metric_;
  std::chrono::steady_clock::time_point drawn_{};
};

}  // namespace symbiont::app
