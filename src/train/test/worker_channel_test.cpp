#include "symbiont/train/worker_channel.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "temporary_directory.h"
#include "train/message_listener.h"

namespace symbiont::train {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

MessageListener listen() {
  Result<MessageListener> listener = MessageListener::create();
  EXPECT_TRUE(listener) << listener.error().message();
  return std::move(*listener);
}

/// The two ends of a channel in one process.
struct Pair {
  MessageListener listener = listen();
  std::optional<WorkerChannel> worker;
  std::optional<LineStream> runner;

  Pair() {
    Result<WorkerChannel> connected = WorkerChannel::connect(listener.path());
    EXPECT_TRUE(connected) << connected.error().message();
    worker.emplace(std::move(*connected));
    runner = listener.accept(seconds(10), ::getpgrp()).value();
    EXPECT_TRUE(runner);
  }
};

TEST(WorkerChannel, CarriesMessagesBothWays) {
  Pair pair;
  ASSERT_TRUE(pair.worker->send(Done{"weights"}));
  const auto line = pair.runner->receive(seconds(10));
  ASSERT_TRUE(line && *line);
  EXPECT_EQ(std::get<Done>(*decode_worker_message(**line)).weights, "weights");

  ASSERT_TRUE(pair.runner->send(encode(RunnerMessage(train::Run{7}))));
  const Result<RunnerMessage> message = pair.worker->receive();
  ASSERT_TRUE(message);
  EXPECT_EQ(std::get<train::Run>(*message).steps, 7);
}

TEST(WorkerChannel, LosesNoByteToItsWatcher) {
  Pair pair;
  // In rounds: a socket holds some 250 small messages, then its sender waits.
  for (std::int64_t round = 0; round < 10; ++round) {
    for (std::int64_t steps = 0; steps < 100; ++steps) {
      ASSERT_TRUE(pair.runner->send(encode(RunnerMessage(train::Run{steps}))));
    }
    for (std::int64_t steps = 0; steps < 100; ++steps) {
      const Result<RunnerMessage> message = pair.worker->receive();
      ASSERT_TRUE(message) << message.error().message();
      ASSERT_EQ(std::get<train::Run>(*message).steps, steps);
    }
  }
}

TEST(WorkerChannel, TellsThatTheRunnerHasGone) {
  Pair pair;
  pair.runner.reset();
  const Result<RunnerMessage> message = pair.worker->receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code(), ErrorCode::kCancelled);
  const Result<void> sent = pair.worker->send(Done{});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code(), ErrorCode::kCancelled);
  pair.worker.reset();  // before the watcher loses its patience: this test goes on
}

TEST(WorkerChannel, SaysWhatIsNoMessage) {
  Pair pair;
  ASSERT_TRUE(pair.runner->send("run faster"));
  const Result<RunnerMessage> message = pair.worker->receive();
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code(), ErrorCode::kInvalidArgument);
}

TEST(WorkerChannel, CannotConnectWhereNobodyListens) {
  const symbiont::testing::TemporaryDirectory directory;
  const Result<WorkerChannel> channel = WorkerChannel::connect(directory / "channel");
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(channel.error().message(), HasSubstr((directory / "channel").string()));
  EXPECT_FALSE(WorkerChannel::connect(directory / std::string(200, 'x')));
}

// A worker in the middle of a lease looks at nothing; it must end all the same.
TEST(WorkerChannel, EndsABusyProcessWithinASecondAfterItsRunner) {
  MessageListener listener = listen();
  const pid_t worker = ::fork();
  if (worker == 0) {
    ::alarm(10);  // a worker that does not end by itself fails the test, not the machine
    Result<WorkerChannel> channel = WorkerChannel::connect(listener.path());
    while (channel) {
      ::pause();
    }
    ::_exit(1);
  }
  Result<std::optional<LineStream>> runner = listener.accept(seconds(10), worker);
  ASSERT_TRUE(runner && *runner);
  ASSERT_TRUE((*runner)->send(encode(RunnerMessage(train::Run{}))));  // unread bytes do not matter
  runner->reset();
  int status = 0;
  ASSERT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

TEST(LineStream, RefusesALineLongerThanTheBound) {
  Pair pair;
  EXPECT_FALSE(pair.runner->send(std::string(kMaxMessageBytes + 1, 'x')));
  EXPECT_FALSE(pair.runner->send("two\nlines"));
  EXPECT_TRUE(pair.runner->send(std::string(kMaxMessageBytes, 'x')));
}

TEST(LineStream, GivesUpWhenNothingComes) {
  Pair pair;
  const auto line = pair.runner->receive(milliseconds(1));
  ASSERT_TRUE(line);
  EXPECT_FALSE(*line);
}

TEST(MessageListener, RemovesItsSocketOnceTheWorkerIsThere) {
  Pair pair;
  EXPECT_TRUE(pair.listener.path().empty());
}

TEST(MessageListener, IsOpenToItsUserOnlyAndRemovedWithItsObject) {
  namespace fs = std::filesystem;
  fs::path directory;
  {
    const MessageListener listener = listen();
    directory = listener.path().parent_path();
    EXPECT_EQ(fs::status(directory).permissions(), fs::perms::owner_all);
    EXPECT_TRUE(fs::is_socket(listener.path()));
  }
  EXPECT_FALSE(fs::exists(directory));
}

TEST(MessageListener, DoesWithoutARuntimeDirectoryThatIsNotThere) {
  ::setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
  const Result<MessageListener> listener = MessageListener::create();
  ::unsetenv("XDG_RUNTIME_DIR");
  EXPECT_TRUE(listener) << listener.error().message();
}

/// The variables a runner sets, and any one of them spoilt.
class WorkerEnvironmentTest : public ::testing::Test {
 protected:
  WorkerEnvironmentTest() {
    set("SYMBIONT_CHANNEL", (directory_ / "channel").string());
    set("SYMBIONT_JOB", "nightly");
    set("SYMBIONT_BATCH_SIZE", "64");
    set("SYMBIONT_LEARNING_RATE", "0.05");
    set("SYMBIONT_MAX_EPOCHS", "20");
    set("SYMBIONT_SEED", "18446744073709551615");
    set("SYMBIONT_OUTPUT", directory_.path().string());
  }
  ~WorkerEnvironmentTest() override {
    for (const std::string& name : names_) {
      ::unsetenv(name.c_str());
    }
  }

  void set(const std::string& name, const std::string& value) {
    names_.push_back(name);
    ::setenv(name.c_str(), value.c_str(), 1);
  }

  void expect_refused(const std::string& name, const std::vector<std::string>& values) {
    const std::string good = std::getenv(name.c_str());
    for (const std::string& value : values) {
      set(name, value);
      const Result<WorkerEnvironment> environment = WorkerEnvironment::from_process();
      ASSERT_FALSE(environment) << name << "=" << value;
      EXPECT_EQ(environment.error().code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(environment.error().message(), HasSubstr(name + ": found \"" + value + "\""));
    }
    ::unsetenv(name.c_str());
    const Result<WorkerEnvironment> environment = WorkerEnvironment::from_process();
    ASSERT_FALSE(environment) << name << " is missing";
    EXPECT_THAT(environment.error().message(), HasSubstr(name + ": found nothing"));
    set(name, good);
  }

  symbiont::testing::TemporaryDirectory directory_;
  std::vector<std::string> names_;
};

using WorkerEnvironmentOfAProcess = WorkerEnvironmentTest;

TEST_F(WorkerEnvironmentOfAProcess, IsReadFromItsVariables) {
  const Result<WorkerEnvironment> environment = WorkerEnvironment::from_process();
  ASSERT_TRUE(environment) << environment.error().message();
  EXPECT_EQ(environment->channel, directory_ / "channel");
  EXPECT_EQ(environment->job, "nightly");
  EXPECT_EQ(environment->run, "");
  EXPECT_EQ(environment->batch_size, 64);
  EXPECT_EQ(environment->learning_rate, 0.05);
  EXPECT_EQ(environment->max_epochs, 20);
  EXPECT_EQ(environment->seed, 18446744073709551615u);
  EXPECT_EQ(environment->output, directory_.path());
  EXPECT_TRUE(environment->resume.empty());
}

TEST_F(WorkerEnvironmentOfAProcess, NamesTheVariableThatIsWrong) {
  expect_refused("SYMBIONT_CHANNEL", {""});
  expect_refused("SYMBIONT_BATCH_SIZE",
                 {"", "0", "-1", "64x", " 64", "1e3", "9223372036854775808"});
  expect_refused("SYMBIONT_LEARNING_RATE", {"", "0", "-0.1", "nan", "inf", "0.1.2"});
  expect_refused("SYMBIONT_MAX_EPOCHS", {"0", "many"});
  expect_refused("SYMBIONT_SEED", {"", "-1", "18446744073709551616"});
  expect_refused("SYMBIONT_OUTPUT", {"", "/nonexistent", "/etc/passwd"});
}

}  // namespace
}  // namespace symbiont::train
