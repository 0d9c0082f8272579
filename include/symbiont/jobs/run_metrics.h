#pragma once
/// Metrics of a run for a monitoring system (docs/reference/observability.md lists them).

#include <string>

#include "symbiont/base/metrics.h"
#include "symbiont/jobs/runner.h"

namespace symbiont::jobs {

/// Keeps the metrics of the run that it listens to. Its methods belong to the runner's thread; the
/// registry may be read from others. Counters count this process's part of a run: what an earlier,
/// interrupted invocation did was collected from that one.
class RunMetrics final : public RunListener {
 public:
  /// `registry` must outlive this.
  explicit RunMetrics(MetricRegistry& registry);

  void on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) override;
  void on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                  std::int64_t position) override;
  void on_worker(const ledger::Incarnation& worker) override;
  void on_ready(const train::Hello& hello, const Usage& startup) override;
  void on_epoch(const ledger::Epoch& epoch) override;
  void on_closed(const Usage& closing) override;
  void on_worker_ended(const std::string& how, const Usage& lost) override;
  void on_retry(const std::string& reason) override;
  void on_attempt_finished(const ledger::AttemptResult& result) override;

 private:
  void charge(const std::string& use, const Usage& usage);

  std::string job_;
  std::string kind_;  // of the recurrence in progress
  Metric& run_recurrences_;
  Metric& recurrences_;
  Metric& attempts_;
  Metric& workers_;
  Metric& retries_;
  Metric& epochs_;
  Metric& energy_;
  Metric& time_;
  Metric& emitted_;
  Metric& batch_size_;
  Metric& metric_;
  Metric& attempt_cost_;
};

}  // namespace symbiont::jobs
