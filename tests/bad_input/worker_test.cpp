// Stories of workers that end well, or go on after they ended badly.

#include <algorithm>
#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "room.h"
#include "symbiont/base/host.h"

namespace symbiont::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

const Words kRun = {"run", "job.toml", "--json"};

class BadWorker : public ::testing::Test {
 protected:
  ~BadWorker() override { room_.expect_clean(); }

  /// Every attempt of a run, in order.
  static std::vector<Json> attempts(const Ended& ended) {
    std::vector<Json> all;
    const Json report = Json::parse(ended.output, nullptr, false);
    EXPECT_TRUE(report.is_object()) << ended.output << ended.message;
    for (const Json& recurrence : report.value("recurrences", Json::array())) {
      for (const Json& attempt : recurrence["attempts"]) {
        all.push_back(attempt);
      }
    }
    return all;
  }

  static bool any_stopped(const std::vector<Json>& attempts, const std::string& how,
                          std::int64_t batch_size) {
    return std::any_of(attempts.begin(), attempts.end(), [&](const Json& attempt) {
      return attempt["stopped"] == how && attempt["batch_size"] == batch_size;
    });
  }

  const Room room_;
};

TEST_F(BadWorker, ThatFailsFourTimesIsQuotedAndAGoodOneFinishesItsRun) {
  room_.write_worker("--misbehave=exit --after=4 --flood");
  const Ended failed = room_.run(kRun);
  EXPECT_EQ(failed.status.exit_code, 1);
  EXPECT_THAT(failed.message, HasSubstr("the worker failed 4 times, last: "));
  EXPECT_THAT(failed.message, HasSubstr("Traceback: something broke"));
  const auto quoted = failed.message.substr(failed.message.find("line "));
  EXPECT_LE(std::count(quoted.begin(), quoted.end(), '\n'), 51) << "more than the last 50 lines";

  room_.write_worker("");
  const Ended finished = room_.run(kRun);
  EXPECT_EQ(finished.status.exit_code, 0) << finished.message;
  EXPECT_TRUE(Json::parse(finished.output)["resumed"]);
}

TEST_F(BadWorker, ThatRunsOutOfMemoryAtOneBatchSizeCostsThatSizeAndNotTheRun) {
  room_.write_job(
      {{"batch_sizes = [16]", "batch_sizes = [16, 64]"}, {"recurrences = 1", "recurrences = 4"}});
  room_.write_trainer(
      fmt::format("[ $SYMBIONT_BATCH_SIZE = 64 ] && bad=--misbehave=out-of-memory\nexec {} $bad",
                  SCRIPTED_WORKER));
  const Ended ended = room_.run(kRun);
  EXPECT_EQ(ended.status.exit_code, 0) << ended.message;
  const auto all = attempts(ended);
  EXPECT_TRUE(any_stopped(all, "infeasible", 64)) << ended.output;
  EXPECT_EQ(
      std::count_if(all.begin(), all.end(), [](const Json& a) { return a["batch_size"] == 64; }), 1)
      << "an arm that does not fit was tried again";
}

TEST_F(BadWorker, ThatDivergesIsRecordedAsDiverged) {
  room_.write_job({{"learning_rate = 0.01", "learning_rate = 1e6"}});
  room_.write_worker("--samples=3200");
  const Ended ended = room_.run(kRun);
  EXPECT_EQ(ended.status.exit_code, 3);
  EXPECT_TRUE(any_stopped(attempts(ended), "diverged", 16)) << ended.output;
}

TEST_F(BadWorker, ThatIsSlowKeepsASecondRunnerOut) {
  room_.write_worker("--samples=100000 --step-ms=5");
  Running first = room_.start(kRun);
  ASSERT_TRUE(room_.worker_says("run"));
  const Ended second = room_.run(kRun);
  EXPECT_EQ(second.status.exit_code, 1);
  EXPECT_EQ(second.output, "");
  EXPECT_THAT(second.message, HasSubstr(fmt::format("held by pid {} on host {}",
                                                    first.process.pid(), host_name())));
  first.process.terminate(std::chrono::seconds(20));
}

class StoppedWorker : public BadWorker, public ::testing::WithParamInterface<int> {};

TEST_P(StoppedWorker, IsResumed) {
  room_.write_worker("--samples=4000 --step-ms=5");
  Running running = room_.start(kRun);
  ASSERT_TRUE(room_.worker_says("run"));
  running.process.signal_group(GetParam());
  const Ended stopped = running.wait();
  EXPECT_EQ(stopped.status.exit_code, 5) << stopped.message;
  EXPECT_THAT(stopped.message, HasSubstr("interrupted"));
  EXPECT_TRUE(Json::accept(stopped.output)) << stopped.output;

  const Ended check = room_.run({"run", "job.toml", "--check", "--recurrences", "7", "--json"});
  EXPECT_EQ(check.status.exit_code, 0) << check.message;
  EXPECT_THAT(check.message,
              HasSubstr("its own number of recurrences, 1; --recurrences counts for a new run"));
  EXPECT_EQ(Json::parse(check.output)["recurrences"], 1);

  room_.write_worker("--samples=4000");
  const Ended finished = room_.run(kRun);
  EXPECT_EQ(finished.status.exit_code, 0) << finished.message;
  EXPECT_TRUE(Json::parse(finished.output)["resumed"]);
}

INSTANTIATE_TEST_SUITE_P(By, StoppedWorker, ::testing::Values(SIGTERM, SIGHUP),
                         [](const auto& signal) {
                           return signal.param == SIGHUP ? "SIGHUP" : "SIGTERM";
                         });

TEST_F(BadWorker, OfAKilledRunnerLeavesAJobThatIsSaidToBeHeldByWhoIsGone) {
  room_.write_worker("--samples=4000 --step-ms=5");
  Running running = room_.start(kRun);
  ASSERT_TRUE(room_.worker_says("run"));
  const std::string holder =
      fmt::format("held by pid {} on {}", running.process.pid(), host_name());
  EXPECT_THAT(room_.run({"status"}).output, HasSubstr("job:trial " + holder + "\n"));

  ::kill(running.process.pid(), SIGKILL);
  EXPECT_EQ(running.wait().status.signal, SIGKILL);
  EXPECT_THAT(room_.run({"status"}).output,
              HasSubstr("job:trial was " + holder + ", which is gone\n"));
  EXPECT_TRUE(Json::parse(room_.run({"status", "--json"}).output)["leases"][0]["gone"]);

  room_.write_worker("--samples=4000");
  EXPECT_EQ(room_.run(kRun).status.exit_code, 0);
  EXPECT_THAT(room_.run({"status"}).output, Not(HasSubstr("held by")));
}

/// These train for real.
class BadTraining : public BadWorker {
 protected:
  void SetUp() override {
    if (!fs::exists(real_trainer())) {
      GTEST_SKIP() << "built without " << real_trainer().filename();
    }
    room_.write_trainer(fmt::format("exec {} \"$@\"", real_trainer().string()));
  }
};

TEST_F(BadTraining, DivergesAtAnAbsurdLearningRate) {
  room_.write_job({{"learning_rate = 0.01", "learning_rate = 1e30"}});
  const Ended ended = room_.run(kRun);
  EXPECT_EQ(ended.status.exit_code, 3) << ended.message;
  EXPECT_TRUE(any_stopped(attempts(ended), "diverged", 16)) << ended.output;
  EXPECT_THAT(ended.message, HasSubstr("lower [train] learning_rate"));
}

TEST_F(BadTraining, EndsUnreachedWhenTheTargetAsksTooMuch) {
  room_.write_job({{"value = 0.85", "value = 0.9999"},
                   {"max_epochs = 5", "max_epochs = 2"},
                   {"learning_rate = 0.01", "learning_rate = 1e-6"}});
  const Ended ended = room_.run(kRun);
  EXPECT_EQ(ended.status.exit_code, 3) << ended.message;
  EXPECT_THAT(ended.message, HasSubstr("raise [job] max_epochs or lower the target"));
}

TEST_F(BadTraining, WithoutTheMemoryForALargeBatchGoesOnWithASmallOne) {
  write_images(room_ / "data", 4096, 28);
  room_.write_job({{"model = \"mlp\"", "model = \"cnn-small\""},
                   {"value = 0.85", "value = 0.5"},
                   {"optimizer = \"sgd\"", "optimizer = \"adam\""},
                   {"batch_sizes = [16]", "batch_sizes = [16, 4096]"},
                   {"recurrences = 1", "recurrences = 2"}});
  room_.write_trainer(fmt::format("ulimit -v 900000; exec {} \"$@\"", real_trainer().string()));
  const Ended ended = room_.run(kRun);
  EXPECT_EQ(ended.status.exit_code, 0) << ended.message;
  EXPECT_TRUE(any_stopped(attempts(ended), "infeasible", 4096)) << ended.output;
}

}  // namespace
}  // namespace symbiont::testing
