#pragma once
/// A run as a trace for OpenTelemetry: invocation > attempt > worker > startup and epochs.
///
/// The file is in the format of the OpenTelemetry file exporter: one JSON object per line, each an
/// ExportTraceServiceRequest (OTLP 1.0, opentelemetry-proto "trace/v1/trace.proto"). A collector's
/// `otlpjsonfile` receiver reads it, and a line can be posted to /v1/traces as it is.

#include <filesystem>
#include <memory>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/jobs/runner.h"

namespace symbiont::jobs {

/// Appends the spans of each attempt when it ends, and the invocation's at its end. All invocations
/// of one run share a trace id, so a resumed run is one trace. Not thread-safe.
class RunTrace final : public RunListener {
 public:
  /// Creates the file when it is missing. Errors name the path. `clock` must outlive the trace.
  static Result<std::unique_ptr<RunTrace>> open(const std::filesystem::path& path,
                                                const Clock& clock = system_clock());
  ~RunTrace() override;

  void on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) override;
  void on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                  std::int64_t position) override;
  void on_worker(const ledger::Incarnation& worker) override;
  void on_ready(const train::Hello& hello, const Usage& startup) override;
  void on_epoch(const ledger::Epoch& epoch) override;
  void on_checkpoint(const ledger::CheckpointRecord& checkpoint) override;
  void on_worker_ended(const std::string& how, const Usage& lost) override;
  void on_retry(const std::string& reason) override;
  void on_attempt_finished(const ledger::AttemptResult& result) override;
  void on_run_ended(const RunOutcome& outcome) override;
  void on_error(const Error& error) override;

 private:
  struct State;
  explicit RunTrace(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::jobs
