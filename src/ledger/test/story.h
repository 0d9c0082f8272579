#pragma once
/// A folder with a ledger in it, and the few things every story needs.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "symbiont/ledger/ledger.h"
#include "symbiont/store/database.h"
#include "temporary_directory.h"

namespace symbiont::ledger {

/// The value of a Result that must have one; the message of its error otherwise.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

inline WallTime at(int seconds) {
  return WallTime(std::chrono::seconds(1'700'000'000 + seconds));
}

inline Usage spent(std::int64_t energy_uj, std::int64_t time_ns = 0) {
  return Usage{.energy_uj = energy_uj,
               .uncertainty_uj = energy_uj / 10,
               .time = std::chrono::nanoseconds(time_ns == 0 ? energy_uj * 2 : time_ns),
               .provenance = Provenance::kModelled,
               .scope = Scope::kProcess};
}

inline Epoch epoch(std::int64_t index, std::int64_t energy_uj) {
  return Epoch{.index = index,
               .metric = 0.5 + 0.01 * static_cast<double>(index),
               .train_seconds = 1.25,
               .evaluation_seconds = 0.25,
               .usage = spent(energy_uj),
               .begin = at(static_cast<int>(index)),
               .end = at(static_cast<int>(index) + 1),
               .emitted = GramsCo2(0.125)};
}

inline Job some_job(std::string name) {
  Job job;
  job.name = std::move(name);
  job.meters = "modelled ±40 %, this process";
  job.provenance = Provenance::kModelled;
  job.scope = Scope::kProcess;
  job.max_power = Watts(35.5);
  job.seed = 0xfedc'ba98'7654'3210;
  return job;
}

inline History some_history() {
  History history;
  history.identity = R"({"model":"mlp"})";
  history.policy = "policy 0";
  history.draws = "draws 0";
  history.seed = 0xfedc'ba98'7654'3210;
  return history;
}

/// A ledger with one job, its history, and an unfinished run.
class Story : public ::testing::Test {
 protected:
  Story()
      : job_(must(ledger_.create_job(some_job("digits"), some_history(), at(0)))),
        history_(must(ledger_.current_history(job_.id))),
        run_(must(ledger_.begin_run(job_.id, history_.id, 5, 2, at(1)))) {}

  Decision decision(RecurrenceKind kind = RecurrenceKind::kTuned,
                    std::optional<Id> recurrence = std::nullopt) const {
    Decision decision;
    decision.run = run_.id;
    decision.history = history_.id;
    decision.kind = kind;
    decision.recurrence = recurrence;
    decision.attempt.batch_size = 64;
    decision.attempt.learning_rate = 0.05;
    decision.attempt.max_epochs = 20;
    decision.attempt.seed = ~std::uint64_t{0};
    decision.attempt.cost_bound = Joules(123.5);
    decision.attempt.why = R"({"stage":"sampling"})";
    return decision;
  }
  AttemptResult result(Id attempt, bool finishes_recurrence = true) const {
    AttemptResult result;
    result.attempt = attempt;
    result.history = history_.id;
    result.stopped = finishes_recurrence ? Stopped::kReached : Stopped::kBound;
    result.reason = "0.91 of 0.90";
    result.cost = Joules(17.25);
    result.recurrence_finished = finishes_recurrence;
    result.recurrence_reached = finishes_recurrence;
    return result;
  }

  std::string path() const { return folder_ / "ledger.db"; }

  /// Everything of the run's only attempt.
  AttemptRecord only_attempt() const {
    const auto records = must(ledger_.recurrences_of_run(run_.id));
    EXPECT_EQ(records.size(), 1u);
    EXPECT_EQ(records.at(0).attempts.size(), 1u);
    return records.at(0).attempts.at(0);
  }

  /// Changes the file behind the ledger's back, constraints or not.
  void tamper(std::string_view sql) {
    store::Database database = must(store::Database::open(path(), {.application_id = 0x53594d42}));
    must(
        database.execute_script("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON"));
    must(database.execute_script(sql));
  }

  symbiont::testing::TemporaryDirectory folder_;
  Ledger ledger_ = must(Ledger::open(path()));
  Job job_;
  History history_;
  ledger::Run run_;
};

}  // namespace symbiont::ledger
