#include "symbiont/jobs/event_log.h"

#include <cmath>
#include <optional>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "jobs/line_file.h"

namespace symbiont::jobs {
namespace {

using Json = nlohmann::ordered_json;

/// "2026-11-22T17:04:05.123456Z".
std::string rfc3339(WallTime time) {
  const auto micros = std::chrono::floor<std::chrono::microseconds>(time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(micros);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (micros - seconds).count());
}

/// JSON has no NaN and no infinity.
Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json count_or_null(const std::optional<std::int64_t>& count) {
  return count ? Json(*count) : Json(nullptr);
}

void add_usage(Json& line, std::string_view prefix, const Usage& usage) {
  const auto key = [&](std::string_view name) { return fmt::format("{}{}", prefix, name); };
  line[key("time_s")] = usage.seconds().value();
  line[key("energy_j")] = usage.energy().value();
  line[key("uncertainty_j")] = usage.uncertainty().value();
  line["provenance"] = to_string(usage.provenance);
  line["scope"] = to_string(usage.scope);
}

}  // namespace

struct EventLog::State {
  LineFile file;
  const Clock& clock;
  std::string job;
  ledger::Id run = 0;
  ledger::Id attempt = 0;

  Json begin(std::string_view event) const {
    Json line;
    line["time"] = rfc3339(clock.wall_now());
    line["event"] = event;
    line["job"] = job;
    line["run"] = run;
    return line;
  }
  Json begin_in_attempt(std::string_view event) const {
    Json line = begin(event);
    line["attempt"] = attempt;
    return line;
  }
  void write(const Json& line) {
    file.append(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
};

EventLog::EventLog(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventLog::~EventLog() = default;

Result<std::unique_ptr<EventLog>> EventLog::open(const std::filesystem::path& path,
                                                 const Clock& clock) {
  SYM_ASSIGN_OR_RETURN(LineFile file, LineFile::open(path, "event log"));
  std::unique_ptr<State> state(new State{std::move(file), clock, {}, 0, 0});
  return std::unique_ptr<EventLog>(new EventLog(std::move(state)));
}

void EventLog::on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) {
  state_->job = job.name;
  state_->run = run.id;
  Json line = state_->begin("run_started");
  line["resumed"] = resumed;
  line["recurrences"] = run.recurrences;
  line["baseline_runs"] = run.baseline_runs;
  line["meters"] = job.meters;
  line["max_power_w"] = job.max_power.value();
  state_->write(line);
}

void EventLog::on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                          std::int64_t /*position*/) {
  state_->attempt = attempt.id;
  Json line = state_->begin_in_attempt("attempt_started");
  line["recurrence"] = recurrence.index;
  line["kind"] = to_string(recurrence.kind);
  line["try"] = attempt.try_index;
  line["batch_size"] = attempt.batch_size;
  line["learning_rate"] = attempt.learning_rate;
  line["max_epochs"] = attempt.max_epochs;
  line["cost_bound_j"] = attempt.cost_bound ? Json(attempt.cost_bound->value()) : Json(nullptr);
  line["why"] = Json::parse(attempt.why, nullptr, false);
  if (line["why"].is_discarded()) {
    line["why"] = nullptr;
  }
  state_->write(line);
}

void EventLog::on_worker(const ledger::Incarnation& worker) {
  Json line = state_->begin_in_attempt("worker_started");
  line["worker"] = worker.number;
  state_->write(line);
}

void EventLog::on_ready(const train::Hello& hello, const Usage& startup) {
  Json line = state_->begin_in_attempt("worker_ready");
  line["framework"] = hello.framework;
  line["device"] = hello.device;
  line["parameters"] = count_or_null(hello.parameters);
  line["steps_per_epoch"] = count_or_null(hello.steps_per_epoch);
  line["resumed_epoch"] = hello.resumed_epoch;
  line["resumed_position"] = hello.resumed_position;
  add_usage(line, "startup_", startup);
  state_->write(line);
}

void EventLog::on_epoch(const ledger::Epoch& epoch) {
  Json line = state_->begin_in_attempt("epoch");
  line["epoch"] = epoch.index;
  line["metric"] = finite_or_null(epoch.metric);
  add_usage(line, "", epoch.usage);
  line["emitted_g"] = epoch.emitted ? Json(epoch.emitted->value()) : Json(nullptr);
  state_->write(line);
}

void EventLog::on_checkpoint(const ledger::CheckpointRecord& checkpoint) {
  Json line = state_->begin_in_attempt("checkpoint");
  line["epoch"] = checkpoint.epoch;
  line["position"] = checkpoint.position;
  state_->write(line);
}

void EventLog::on_closed(const Usage& closing) {
  Json line = state_->begin_in_attempt("weights_written");
  add_usage(line, "", closing);
  state_->write(line);
}

void EventLog::on_worker_ended(const std::string& how, const Usage& lost) {
  Json line = state_->begin_in_attempt("worker_ended");
  line["how"] = how;
  line["lost_energy_j"] = lost.energy().value();
  line["lost_time_s"] = lost.seconds().value();
  state_->write(line);
}

void EventLog::on_retry(const std::string& reason) {
  Json line = state_->begin_in_attempt("worker_retried");
  line["reason"] = reason;
  state_->write(line);
}

void EventLog::on_attempt_finished(const ledger::AttemptResult& result) {
  Json line = state_->begin_in_attempt("attempt_finished");
  line["stopped"] = to_string(result.stopped);
  line["reached"] = result.stopped == ledger::Stopped::kReached;
  line["reason"] = result.reason;
  line["cost_j"] = result.cost.value();
  line["recurrence_finished"] = result.recurrence_finished;
  state_->write(line);
}

void EventLog::on_run_ended(const RunOutcome& outcome) {
  Json line = state_->begin("run_ended");
  line["outcome"] = to_string(outcome.kind);
  line["message"] = outcome.message;
  state_->write(line);
}

void EventLog::on_error(const Error& error) {
  Json line = state_->begin("error");
  line["code"] = to_string(error.code());
  line["message"] = error.message();
  state_->write(line);
}

}  // namespace symbiont::jobs
