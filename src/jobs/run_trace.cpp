#include "symbiont/jobs/run_trace.h"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "jobs/line_file.h"
#include "symbiont/base/host.h"
#include "symbiont/base/random.h"
#include "symbiont/base/version.h"

namespace symbiont::jobs {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kKindInternal = 1;  // SPAN_KIND_INTERNAL
constexpr int kStatusError = 2;   // STATUS_CODE_ERROR

/// OTLP's JSON mapping writes 64-bit integers as strings.
std::string nanos(WallTime time) {
  return std::to_string(time.time_since_epoch().count());
}

Json attribute(std::string_view key, std::string_view value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}
Json attribute(std::string_view key, const char* value) {
  return attribute(key, std::string_view(value));
}
Json attribute(std::string_view key, std::int64_t value) {
  return {{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
}
Json attribute(std::string_view key, double value) {
  if (!std::isfinite(value)) {
    return attribute(key, std::isnan(value) ? "NaN" : "Infinity");
  }
  return {{"key", key}, {"value", {{"doubleValue", value}}}};
}
Json attribute(std::string_view key, bool value) {
  return {{"key", key}, {"value", {{"boolValue", value}}}};
}

struct Span {
  std::string id;
  std::string parent;  // empty: none
  std::string name;
  WallTime begin;
  Json attributes = Json::array();
  Json events = Json::array();
  std::string error;  // empty: none

  template <typename Value>
  void add(std::string_view key, Value value) {
    attributes.push_back(attribute(key, value));
  }
  void add(std::string_view key, const std::string& value) { add(key, std::string_view(value)); }
  void add(const Usage& usage) {
    add("symbiont.energy_j", usage.energy().value());
    add("symbiont.uncertainty_j", usage.uncertainty().value());
    add("symbiont.provenance", to_string(usage.provenance));
    add("symbiont.scope", to_string(usage.scope));
  }
};

}  // namespace

struct RunTrace::State {
  State(LineFile line_file, const Clock& wall) : file(std::move(line_file)), clock(wall) {}

  LineFile file;
  const Clock& clock;
  std::string trace_id;
  std::uint64_t span_seed = 0;
  std::uint64_t spans_named = 0;
  std::optional<Span> invocation;
  std::optional<Span> attempt;
  std::optional<Span> worker;
  Json finished = Json::array();  // not written yet

  Span open(std::string name, const std::optional<Span>& parent) {
    Span span;
    span.id = fmt::format("{:016x}", derive_seed(span_seed, "span", ++spans_named));
    span.parent = parent ? parent->id : "";
    span.name = std::move(name);
    span.begin = clock.wall_now();
    return span;
  }

  void close(const Span& span, WallTime end) {
    Json json = {{"traceId", trace_id}, {"spanId", span.id}};
    if (!span.parent.empty()) {
      json["parentSpanId"] = span.parent;
    }
    json["name"] = span.name;
    json["kind"] = kKindInternal;
    json["startTimeUnixNano"] = nanos(span.begin);
    json["endTimeUnixNano"] = nanos(std::max(end, span.begin));
    json["attributes"] = span.attributes;
    json["events"] = span.events;
    json["status"] = Json::object();
    if (!span.error.empty()) {
      json["status"] = {{"code", kStatusError}, {"message", span.error}};
    }
    finished.push_back(std::move(json));
  }
  void close(std::optional<Span>& span) {
    if (span) {
      close(*span, clock.wall_now());
      span.reset();
    }
  }

  void add_event(std::string_view name, Json attributes) {
    if (worker) {
      worker->events.push_back({{"timeUnixNano", nanos(clock.wall_now())},
                                {"name", name},
                                {"attributes", std::move(attributes)}});
    }
  }

  /// One line of the file.
  void write() {
    Json scope_spans = {{"scope", {{"name", "symbiont.jobs"}, {"version", version()}}},
                        {"spans", std::exchange(finished, Json::array())}};
    Json resource =
        Json::array({attribute("service.name", "symbiont"), attribute("service.version", version()),
                     attribute("host.name", std::string_view(host_name())),
                     attribute("process.pid", std::int64_t{::getpid()})});
    Json line;
    line["resourceSpans"] = Json::array({{{"resource", {{"attributes", std::move(resource)}}},
                                          {"scopeSpans", Json::array({std::move(scope_spans)})}}});
    file.append(line.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

  void end(const std::string& error) {
    for (std::optional<Span>* span : {&worker, &attempt, &invocation}) {
      if (*span) {
        (*span)->error = error;
        close(*span);
      }
    }
    write();
  }
};

RunTrace::RunTrace(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunTrace::~RunTrace() = default;

Result<std::unique_ptr<RunTrace>> RunTrace::open(const std::filesystem::path& path,
                                                 const Clock& clock) {
  SYM_ASSIGN_OR_RETURN(LineFile file, LineFile::open(path, "trace"));
  return std::unique_ptr<RunTrace>(new RunTrace(std::make_unique<State>(std::move(file), clock)));
}

void RunTrace::on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) {
  // The run names the trace; a span's name must differ between its invocations.
  const auto run_seed =
      derive_seed(static_cast<std::uint64_t>(run.started.time_since_epoch().count()), job.name,
                  static_cast<std::uint64_t>(run.id));
  state_->trace_id = fmt::format("{:016x}{:016x}", derive_seed(run_seed, "trace high"),
                                 derive_seed(run_seed, "trace low"));
  state_->span_seed =
      derive_seed(run_seed, "invocation",
                  static_cast<std::uint64_t>(state_->clock.wall_now().time_since_epoch().count()));
  state_->invocation = state_->open("symbiont run", std::nullopt);
  state_->invocation->add("symbiont.job", job.name);
  state_->invocation->add("symbiont.run", run.id);
  state_->invocation->add("symbiont.resumed", resumed);
  state_->invocation->add("symbiont.recurrences", run.recurrences);
  state_->invocation->add("symbiont.meters", job.meters);
}

void RunTrace::on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                          std::int64_t /*position*/) {
  state_->attempt = state_->open("attempt", state_->invocation);
  state_->attempt->add("symbiont.attempt", attempt.id);
  state_->attempt->add("symbiont.recurrence", recurrence.index);
  state_->attempt->add("symbiont.kind", to_string(recurrence.kind));
  state_->attempt->add("symbiont.try", std::int64_t{attempt.try_index});
  state_->attempt->add("symbiont.batch_size", attempt.batch_size);
  state_->attempt->add("symbiont.learning_rate", attempt.learning_rate);
  state_->attempt->add("symbiont.why", attempt.why);
}

void RunTrace::on_worker(const ledger::Incarnation& worker) {
  state_->worker = state_->open("worker", state_->attempt);
  state_->worker->add("symbiont.worker", std::int64_t{worker.number});
}

void RunTrace::on_ready(const train::Hello& hello, const Usage& startup) {
  Span span = state_->open("startup", state_->worker);
  if (state_->worker) {
    state_->worker->add("symbiont.framework", hello.framework);
    state_->worker->add("symbiont.device", hello.device);
    span.begin = state_->worker->begin;
  }
  span.add(startup);
  state_->close(span, state_->clock.wall_now());
}

void RunTrace::on_epoch(const ledger::Epoch& epoch) {
  Span span = state_->open("epoch", state_->worker);
  span.begin = epoch.begin;
  span.add("symbiont.epoch", epoch.index);
  span.add("symbiont.metric", epoch.metric);
  span.add("symbiont.time_s", epoch.usage.seconds().value());
  span.add(epoch.usage);
  if (epoch.emitted) {
    span.add("symbiont.emitted_g", epoch.emitted->value());
  }
  state_->close(span, epoch.end);
}

void RunTrace::on_checkpoint(const ledger::CheckpointRecord& checkpoint) {
  state_->add_event("checkpoint",
                    Json::array({attribute("symbiont.epoch", checkpoint.epoch),
                                 attribute("symbiont.position", checkpoint.position)}));
}

void RunTrace::on_worker_ended(const std::string& how, const Usage& lost) {
  if (!state_->worker) {
    return;
  }
  state_->worker->add("symbiont.how", how);
  state_->worker->add("symbiont.lost_energy_j", lost.energy().value());
  state_->close(state_->worker);
}

void RunTrace::on_retry(const std::string& reason) {
  if (state_->attempt) {
    state_->attempt->events.push_back(
        {{"timeUnixNano", nanos(state_->clock.wall_now())},
         {"name", "retry"},
         {"attributes", Json::array({attribute("symbiont.reason", std::string_view(reason))})}});
  }
}

void RunTrace::on_attempt_finished(const ledger::AttemptResult& result) {
  if (!state_->attempt) {
    return;
  }
  state_->attempt->add("symbiont.stopped", to_string(result.stopped));
  state_->attempt->add("symbiont.cost_j", result.cost.value());
  state_->close(state_->attempt);
  state_->write();
}

void RunTrace::on_run_ended(const RunOutcome& outcome) {
  if (state_->invocation) {
    state_->invocation->add("symbiont.outcome", to_string(outcome.kind));
  }
  const bool went_well =
      outcome.kind == RunOutcome::Kind::kFinished || outcome.kind == RunOutcome::Kind::kUnreached;
  state_->end(went_well ? "" : outcome.message);
}

void RunTrace::on_error(const Error& error) {
  state_->end(error.message());
}

}  // namespace symbiont::jobs
