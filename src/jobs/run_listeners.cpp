#include "symbiont/jobs/runner.h"

namespace symbiont::jobs {

std::string_view to_string(RunOutcome::Kind kind) {
  switch (kind) {
    case RunOutcome::Kind::kFinished:
      return "finished";
    case RunOutcome::Kind::kUnreached:
      return "unreached";
    case RunOutcome::Kind::kFailed:
      return "failed";
    case RunOutcome::Kind::kInterrupted:
      break;
  }
  return "interrupted";
}

void RunListeners::on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) {
  for (RunListener* each : listeners_) each->on_run(job, run, resumed);
}
void RunListeners::on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                              std::int64_t position) {
  for (RunListener* each : listeners_) each->on_attempt(recurrence, attempt, position);
}
void RunListeners::on_worker(const ledger::Incarnation& worker) {
  for (RunListener* each : listeners_) each->on_worker(worker);
}
void RunListeners::on_ready(const train::Hello& hello, const Usage& startup) {
  for (RunListener* each : listeners_) each->on_ready(hello, startup);
}
void RunListeners::on_progress(const train::Progress& progress) {
  for (RunListener* each : listeners_) each->on_progress(progress);
}
void RunListeners::on_epoch(const ledger::Epoch& epoch) {
  for (RunListener* each : listeners_) each->on_epoch(epoch);
}
void RunListeners::on_checkpoint(const ledger::CheckpointRecord& checkpoint) {
  for (RunListener* each : listeners_) each->on_checkpoint(checkpoint);
}
void RunListeners::on_closed(const Usage& closing) {
  for (RunListener* each : listeners_) each->on_closed(closing);
}
void RunListeners::on_worker_ended(const std::string& how, const Usage& lost) {
  for (RunListener* each : listeners_) each->on_worker_ended(how, lost);
}
void RunListeners::on_retry(const std::string& reason) {
  for (RunListener* each : listeners_) each->on_retry(reason);
}
void RunListeners::on_attempt_finished(const ledger::AttemptResult& result) {
  for (RunListener* each : listeners_) each->on_attempt_finished(result);
}
void RunListeners::on_run_ended(const RunOutcome& outcome) {
  for (RunListener* each : listeners_) each->on_run_ended(outcome);
}
void RunListeners::on_error(const Error& error) {
  for (RunListener* each : listeners_) each->on_error(error);
}

}  // namespace symbiont::jobs
