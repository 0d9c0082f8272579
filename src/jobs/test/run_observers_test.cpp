// The event log, the metrics and the trace of one story: a worker that fails once, is started again
// and reaches the target.

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "symbiont/jobs/event_log.h"
#include "symbiont/jobs/run_metrics.h"
#include "symbiont/jobs/run_trace.h"
#include "temporary_directory.h"

namespace symbiont::jobs {
namespace {

using nlohmann::json;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const WallTime kStart{std::chrono::sys_days{std::chrono::year{2026} / 11 / 22}};

Usage joules(std::int64_t count) {
  return {count * 1'000'000, 0, seconds(1), Provenance::kModelled, Scope::kProcess};
}

class Story {
 public:
  explicit Story(RunListener& listener) : listener_(listener) {}

  void begin(bool resumed = false) {
    ledger::Job job;
    job.name = "fashion";
    job.meters = "modelled ±40 %, this process";
    ledger::Run run;
    run.id = 7;
    run.recurrences = 24;
    run.started = kStart;
    listener_.on_run(job, run, resumed);
    ledger::Recurrence recurrence;
    recurrence.index = 3;
    ledger::Attempt attempt;
    attempt.id = 11;
    attempt.batch_size = 256;
    attempt.why = R"({"stage":"pruning"})";
    listener_.on_attempt(recurrence, attempt, 1);
  }

  void work(int number) {
    ledger::Incarnation worker;
    worker.number = number;
    listener_.on_worker(worker);
    clock_.advance(seconds(1));
    train::Hello hello;
    hello.framework = "torch";
    listener_.on_ready(hello, joules(1));
    epoch(number, 0.25 * number);
  }

  void epoch(std::int64_t index, double metric) {
    ledger::Epoch epoch;
    epoch.index = index;
    epoch.metric = metric;
    epoch.usage = joules(10);
    epoch.begin = clock_.wall_now();
    clock_.advance(seconds(1));
    epoch.end = clock_.wall_now();
    epoch.emitted = GramsCo2(0.5);
    listener_.on_epoch(epoch);
    ledger::CheckpointRecord checkpoint;
    checkpoint.epoch = index;
    listener_.on_checkpoint(checkpoint);
  }

  void fail_once() {
    listener_.on_worker_ended("killed by signal 11", joules(3));
    listener_.on_retry("killed by signal 11");
  }

  void finish() {
    listener_.on_closed(joules(2));
    listener_.on_worker_ended("stopped", Usage{});
    ledger::AttemptResult result;
    result.attempt = 11;
    result.stopped = ledger::Stopped::kReached;
    result.cost = Joules(21.0);
    result.recurrence_finished = true;
    result.recurrence_reached = true;
    listener_.on_attempt_finished(result);
    RunOutcome outcome;
    outcome.run = 7;
    listener_.on_run_ended(outcome);
  }

  void tell() {
    begin();
    work(1);
    fail_once();
    work(2);
    finish();
  }

  const Clock& clock() const { return clock_; }

 private:
  RunListener& listener_;
  ManualClock clock_{kStart};
};

/// Tells the story to what `open` makes with its clock.
class Observers : public ::testing::Test {
 protected:
  std::vector<json> lines() const {
    std::ifstream file(folder_ / "file");
    std::vector<json> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(json::parse(line));
    }
    return lines;
  }

  testing::TemporaryDirectory folder_;
  RunListeners listeners_;
  Story story_{listeners_};
};

// --- Event log ----------------------------------------------------------------------------------

class EventLogFile : public Observers {
 protected:
  void open() {
    auto opened = EventLog::open(folder_ / "file", story_.clock());
    ASSERT_TRUE(opened) << opened.error().message();
    log_ = std::move(*opened);
    listeners_.add(*log_);
  }
  std::unique_ptr<EventLog> log_;
};

TEST_F(EventLogFile, TellsWhatHappenedInOrder) {
  open();
  story_.tell();
  std::vector<std::string> events;
  for (const json& line : lines()) {
    events.push_back(line.at("event"));
    EXPECT_EQ(line.at("job"), "fashion");
    EXPECT_EQ(line.at("run"), 7);
  }
  EXPECT_THAT(events,
              ElementsAre("run_started", "attempt_started", "worker_started", "worker_ready",
                          "epoch", "checkpoint", "worker_ended", "worker_retried", "worker_started",
                          "worker_ready", "epoch", "checkpoint", "weights_written", "worker_ended",
                          "attempt_finished", "run_ended"));
}

TEST_F(EventLogFile, CarriesTheFiguresWithUnitsAndWhereTheyComeFrom) {
  open();
  story_.tell();
  const json epoch = lines().at(4);
  EXPECT_EQ(epoch.at("time"), "2026-11-22T00:00:02.000000Z");
  EXPECT_EQ(epoch.at("energy_j"), 10.0);
  EXPECT_EQ(epoch.at("emitted_g"), 0.5);
  EXPECT_EQ(epoch.at("provenance"), "modelled");
  EXPECT_EQ(epoch.at("scope"), "process");
  EXPECT_EQ(lines().at(1).at("why").at("stage"), "pruning");
  EXPECT_EQ(lines().at(6).at("lost_energy_j"), 3.0);
}

TEST_F(EventLogFile, WritesNullForAMetricThatIsNoNumber) {
  open();
  story_.begin();
  story_.epoch(1, std::nan(""));
  EXPECT_TRUE(lines().at(2).at("metric").is_null());
}

TEST_F(EventLogFile, GoesOnInTheSameFileAfterARestart) {
  open();
  story_.begin();
  log_.reset();
  listeners_ = {};
  open();
  story_.begin(true);
  EXPECT_EQ(lines().at(0).at("resumed"), false);
  EXPECT_EQ(lines().at(2).at("resumed"), true);
}

TEST(EventLog, RefusesAPathThatCannotBeWritten) {
  const auto opened = EventLog::open("/proc/no/such/file");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message(), HasSubstr("event log /proc/no/such/file"));
}

TEST(EventLog, OnAFullDiskLetsTheRunGoOn) {
  const auto opened = EventLog::open("/dev/full");
  ASSERT_TRUE(opened);
  Story(**opened).tell();
}

// --- Metrics ------------------------------------------------------------------------------------

TEST(RunMetrics, AddsUpWhatTheRunUsed) {
  MetricRegistry registry;
  RunMetrics metrics(registry);
  Story(metrics).tell();
  const std::string text = registry.to_prometheus();
  for (const char* line : {
           "symbiont_run_recurrences{job=\"fashion\"} 24\n",
           "symbiont_recurrences_total{job=\"fashion\",kind=\"tuned\",reached=\"true\"} 1\n",
           "symbiont_attempts_total{job=\"fashion\",stopped=\"reached\"} 1\n",
           "symbiont_workers_started_total{job=\"fashion\"} 2\n",
           "symbiont_worker_retries_total{job=\"fashion\"} 1\n",
           "symbiont_epochs_total{job=\"fashion\"} 2\n",
           "{job=\"fashion\",use=\"epochs\",provenance=\"modelled\",scope=\"process\"} 20\n",
           "{job=\"fashion\",use=\"startup\",provenance=\"modelled\",scope=\"process\"} 4\n",
           "{job=\"fashion\",use=\"lost\",provenance=\"modelled\",scope=\"process\"} 3\n",
           "symbiont_emitted_grams_total{job=\"fashion\"} 1\n",
           "symbiont_validation_metric{job=\"fashion\"} 0.5\n",
           "symbiont_last_attempt_cost_joules{job=\"fashion\"} 21\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(RunMetrics, ShowsABatchSizeOnlyWhileAnAttemptRuns) {
  MetricRegistry registry;
  RunMetrics metrics(registry);
  Story story(metrics);
  story.begin();
  EXPECT_THAT(registry.to_prometheus(), HasSubstr("symbiont_batch_size{job=\"fashion\"} 256\n"));
  story.finish();
  EXPECT_THAT(registry.to_prometheus(), ::testing::Not(HasSubstr("symbiont_batch_size{")));
}

// --- Trace --------------------------------------------------------------------------------------

class RunTraceFile : public Observers {
 protected:
  void open() {
    auto opened = RunTrace::open(folder_ / "file", story_.clock());
    ASSERT_TRUE(opened) << opened.error().message();
    trace_ = std::move(*opened);
    listeners_.add(*trace_);
  }

  std::vector<json> spans() const {
    std::vector<json> spans;
    for (const json& line : lines()) {
      for (const json& span : line.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans")) {
        spans.push_back(span);
      }
    }
    return spans;
  }

  std::unique_ptr<RunTrace> trace_;
};

TEST_F(RunTraceFile, IsATreeOfSpansThatLieWithinTheirParents) {
  open();
  story_.tell();
  std::map<std::string, json> by_id;
  for (const json& span : spans()) {
    EXPECT_EQ(span.at("traceId").get<std::string>().size(), 32U);
    EXPECT_EQ(span.at("spanId").get<std::string>().size(), 16U);
    EXPECT_TRUE(by_id.emplace(span.at("spanId"), span).second) << "two spans of one name";
  }
  const auto nanos = [](const json& span, const char* key) {
    return std::stoll(span.at(key).get<std::string>());
  };
  std::vector<std::string> roots;
  for (const auto& [id, span] : by_id) {
    if (!span.contains("parentSpanId")) {
      roots.push_back(span.at("name"));
      continue;
    }
    const json& parent = by_id.at(span.at("parentSpanId"));
    EXPECT_GE(nanos(span, "startTimeUnixNano"), nanos(parent, "startTimeUnixNano"));
    EXPECT_LE(nanos(span, "endTimeUnixNano"), nanos(parent, "endTimeUnixNano"));
  }
  EXPECT_THAT(roots, ElementsAre("symbiont run"));
  EXPECT_EQ(by_id.size(), 8U);  // invocation, attempt, 2 workers, 2 start-ups, 2 epochs
}

TEST_F(RunTraceFile, KeepsOneTraceOverTheInvocationsOfARun) {
  open();
  story_.tell();
  trace_.reset();
  listeners_ = {};
  open();
  story_.tell();
  std::set<std::string> traces;
  std::set<std::string> names;
  for (const json& span : spans()) {
    traces.insert(span.at("traceId"));
    names.insert(span.at("spanId"));
  }
  EXPECT_EQ(traces.size(), 1U);
  EXPECT_EQ(names.size(), 16U);
}

TEST_F(RunTraceFile, ClosesWhatIsOpenWhenARunBreaksOff) {
  open();
  story_.begin();
  story_.work(1);
  listeners_.on_error(Error(ErrorCode::kResourceExhausted, "disk is full"));
  for (const json& span : spans()) {
    const bool inner = span.at("name") == "epoch" || span.at("name") == "startup";
    EXPECT_EQ(span.at("status").contains("message"), !inner) << span;
  }
  EXPECT_EQ(spans().size(), 5U);
}

}  // namespace
}  // namespace symbiont::jobs
