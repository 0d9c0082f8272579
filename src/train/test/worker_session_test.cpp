#include "symbiont/train/worker_session.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "temporary_directory.h"
#include "train/message_listener.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using Kind = WorkerSession::Task::Kind;

/// A session, and the runner's end of it in the same process.
class WorkerSessionTest : public ::testing::Test {
 protected:
  WorkerSessionTest() {
    Result<MessageListener> listener = MessageListener::create();
    EXPECT_TRUE(listener) << listener.error().message();
    listener_.emplace(std::move(*listener));
    environment_.channel = listener_->path();
    environment_.batch_size = 16;
    environment_.max_epochs = 3;
    environment_.output = folder_.path();
  }

  WorkerSession open() {
    Result<WorkerSession> session = WorkerSession::open(environment_);
    EXPECT_TRUE(session) << session.error().message();
    runner_ = listener_->accept(seconds(10), ::getpgrp()).value();
    return std::move(*session);
  }

  WorkerSession started(std::int64_t steps_per_epoch = 10) {
    WorkerSession session = open();
    Hello hello;
    hello.steps_per_epoch = steps_per_epoch;
    const Result<void> said = session.start(hello);
    EXPECT_TRUE(said) << said.error().message();
    hello_ = heard<Hello>();
    return session;
  }

  void ask(const RunnerMessage& message) { ASSERT_TRUE(runner_->send(encode(message))); }

  template <typename Message>
  Message heard() {
    const auto line = runner_->receive(seconds(10));
    EXPECT_TRUE(line && *line);
    const Result<WorkerMessage> message = decode_worker_message(line && *line ? **line : "");
    EXPECT_TRUE(message && std::holds_alternative<Message>(*message)) << (*line).value_or("");
    return message && std::holds_alternative<Message>(*message) ? std::get<Message>(*message)
                                                                : Message();
  }
  bool silent() { return !runner_->receive(milliseconds(0)).value().has_value(); }

  /// What is to be done next, once the runner has asked for it.
  WorkerSession::Task asked(WorkerSession& session, const RunnerMessage& message) {
    ask(message);
    const Result<WorkerSession::Task> task = session.next();
    EXPECT_TRUE(task) << task.error().message();
    return *task;
  }

  std::vector<std::string> names_in_output() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  symbiont::testing::TemporaryDirectory folder_;
  std::optional<MessageListener> listener_;
  WorkerEnvironment environment_;
  std::optional<LineStream> runner_;
  Hello hello_;
};

using AWorkerSession = WorkerSessionTest;

void expect_error(const Result<void>& result, ErrorCode code) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), code) << result.error().message();
}

TEST_F(AWorkerSession, ReportsALeaseWhenItIsUsedUp) {
  WorkerSession session = started();
  const WorkerSession::Task task = asked(session, train::Run{4});
  EXPECT_EQ(task.kind, Kind::kTrain);
  EXPECT_EQ(task.steps, 4);

  ASSERT_TRUE(session.trained(3, 48, 6.0));
  EXPECT_TRUE(silent());
  EXPECT_EQ(session.next()->steps, 1);
  ASSERT_TRUE(session.trained(1, 16, 4.0));

  const Ran ran = heard<Ran>();
  EXPECT_EQ(ran.steps, 4);
  EXPECT_EQ(ran.samples, 64);
  EXPECT_EQ(ran.loss, 2.5);
  EXPECT_FALSE(ran.epoch_end);
  EXPECT_EQ(session.progress().position, 4);
}

TEST_F(AWorkerSession, AsksForAnEvaluationAfterTheLastStepOfAnEpoch) {
  WorkerSession session = started();
  EXPECT_EQ(asked(session, train::Run{std::nullopt}).steps, 10);
  ASSERT_TRUE(session.trained(10, 160, 1.0));
  EXPECT_TRUE(heard<Ran>().epoch_end);

  EXPECT_EQ(session.next()->kind, Kind::kEvaluate);
  ASSERT_TRUE(session.evaluated(0.75));
  const EpochDone done = heard<EpochDone>();
  EXPECT_EQ(done.index, 1);
  EXPECT_EQ(done.metric, 0.75);
  EXPECT_GE(done.train_seconds, 0.0);
  EXPECT_EQ(session.progress(), (WorkerProgress{1, 0, 0.0}));
}

TEST_F(AWorkerSession, NeverRunsPastTheEndOfAnEpoch) {
  WorkerSession session = started();
  EXPECT_EQ(asked(session, train::Run{1'000'000}).steps, 10);
}

TEST_F(AWorkerSession, AnswersAnEmptyLeaseByItself) {
  WorkerSession session = started();
  ask(train::Run{0});
  ask(train::Run{2});
  EXPECT_EQ(session.next()->steps, 2);
  const Ran ran = heard<Ran>();
  EXPECT_EQ(ran.steps, 0);
  EXPECT_EQ(ran.loss, 0.0);
}

TEST_F(AWorkerSession, SaysThatALossOrMetricIsNotFinite) {
  WorkerSession session = started(1);
  asked(session, train::Run{1});
  ASSERT_TRUE(session.trained(1, 16, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(std::isnan(heard<Ran>().loss));
  ASSERT_TRUE(session.evaluated(std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(heard<EpochDone>().metric));
}

TEST_F(AWorkerSession, MakesACheckpointOfWhatWasWrittenAndResumesFromIt) {
  std::string path;
  {
    WorkerSession session = started();
    asked(session, train::Run{4});
    ASSERT_TRUE(session.trained(4, 64, 0.0));
    heard<Ran>();
    const WorkerSession::Task task = asked(session, train::Checkpoint{});
    ASSERT_EQ(task.kind, Kind::kSave);
    ASSERT_TRUE(write_file_atomically(task.folder / "weights", "w"));
    ASSERT_TRUE(session.saved());
    const Saved saved = heard<Saved>();
    EXPECT_EQ(saved.epoch, 0);
    EXPECT_EQ(saved.position, 4);
    path = saved.path;
  }
  EXPECT_THAT(names_in_output(), UnorderedElementsAre("checkpoint-0-4"));
  EXPECT_EQ(*read_file(fs::path(path) / "weights"), "w");

  listener_.emplace(*MessageListener::create());
  environment_.channel = listener_->path();
  environment_.resume = path;
  WorkerSession resumed = started();
  EXPECT_EQ(hello_.resumed_epoch, 0);
  EXPECT_EQ(hello_.resumed_position, 4);
  EXPECT_EQ(asked(resumed, train::Run{std::nullopt}).steps, 6);
}

TEST_F(AWorkerSession, LeavesNothingOfACheckpointThatWasNotSaved) {
  {
    WorkerSession session = started();
    asked(session, train::Checkpoint{});
    EXPECT_THAT(names_in_output(), UnorderedElementsAre(".checkpoint-0-0"));
    ASSERT_TRUE(session.failed("save_failed", "disk full"));
    EXPECT_EQ(heard<Failed>().code, "save_failed");
  }
  EXPECT_TRUE(names_in_output().empty());
}

TEST_F(AWorkerSession, MayStartOverInsteadOfResuming) {
  fs::create_directory(folder_ / "checkpoint-2-5");
  ASSERT_TRUE(write_file_atomically(folder_ / "checkpoint-2-5" / "progress.json",
                                    R"({"version":1,"epoch":2,"position":5,"train_seconds":1.5})"));
  environment_.resume = folder_ / "checkpoint-2-5";
  WorkerSession session = open();
  EXPECT_EQ(session.progress(), (WorkerProgress{2, 5, 1.5}));
  session.start_over();
  Hello hello;
  hello.steps_per_epoch = 3;
  ASSERT_TRUE(session.start(hello));
  EXPECT_EQ(heard<Hello>().resumed_epoch, 0);
}

TEST_F(AWorkerSession, RefusesACheckpointThatDoesNotFitTheEpoch) {
  fs::create_directory(folder_ / "checkpoint-2-5");
  ASSERT_TRUE(write_file_atomically(folder_ / "checkpoint-2-5" / "progress.json",
                                    R"({"version":1,"epoch":2,"position":5,"train_seconds":1.5})"));
  environment_.resume = folder_ / "checkpoint-2-5";
  WorkerSession session = open();
  Hello hello;
  hello.steps_per_epoch = 0;
  expect_error(session.start(hello), ErrorCode::kInvalidArgument);
  hello.steps_per_epoch = 5;
  expect_error(session.start(hello), ErrorCode::kInvalidArgument);
  EXPECT_EQ(heard<Failed>().code, "bad_checkpoint");
}

TEST_F(AWorkerSession, TellsTheRunnerOfACheckpointThatCannotBeRead) {
  environment_.resume = folder_ / "checkpoint-1-0";
  const Result<WorkerSession> session = WorkerSession::open(environment_);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::kNotFound);
  runner_ = listener_->accept(seconds(10), ::getpgrp()).value();
  const Failed failed = heard<Failed>();
  EXPECT_EQ(failed.code, "bad_checkpoint");
  EXPECT_THAT(failed.message, HasSubstr((folder_ / "checkpoint-1-0/progress.json").string()));
}

TEST_F(AWorkerSession, FinishesWithTheReasonAndTheWeights) {
  WorkerSession session = started();
  const WorkerSession::Task task = asked(session, Stop{"target reached"});
  EXPECT_EQ(task.kind, Kind::kFinish);
  EXPECT_EQ(task.reason, "target reached");
  ASSERT_TRUE(session.finished(folder_ / "weights.safetensors"));
  EXPECT_EQ(heard<Done>().weights, (folder_ / "weights.safetensors").string());
  expect_error(session.next().map([](const auto&) {}), ErrorCode::kFailedPrecondition);
}

TEST_F(AWorkerSession, RefusesAnswersThatNobodyAskedFor) {
  WorkerSession session = open();
  expect_error(session.next().map([](const auto&) {}), ErrorCode::kFailedPrecondition);
  expect_error(session.trained(1, 1, 0.0), ErrorCode::kFailedPrecondition);
  Hello hello;
  hello.steps_per_epoch = 10;
  ASSERT_TRUE(session.start(hello));
  heard<Hello>();
  expect_error(session.start(hello), ErrorCode::kFailedPrecondition);
  expect_error(session.evaluated(1.0), ErrorCode::kFailedPrecondition);
  expect_error(session.saved(), ErrorCode::kFailedPrecondition);
  expect_error(session.finished(""), ErrorCode::kFailedPrecondition);
  asked(session, train::Run{2});
  expect_error(session.trained(3, 48, 0.0), ErrorCode::kInvalidArgument);
  expect_error(session.trained(-1, 0, 0.0), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(silent());
}

TEST_F(AWorkerSession, GivesUpWaitingWhenAskedTo) {
  WorkerSession session = started();
  const auto task = session.next(milliseconds(1));
  ASSERT_TRUE(task);
  EXPECT_FALSE(*task);
}

TEST_F(AWorkerSession, TellsThatTheRunnerHasGone) {
  {
    WorkerSession session = started();
    runner_.reset();
    expect_error(session.next().map([](const auto&) {}), ErrorCode::kCancelled);
  }  // before the watcher loses its patience: this test goes on
}

TEST_F(AWorkerSession, IsSilentInAForkedChild) {
  WorkerSession session = started();
  const pid_t child = ::fork();
  if (child == 0) {
    session.leave_to_parent();
    const bool ended = !session.next(milliseconds(0));
    { const WorkerSession gone = std::move(session); }
    ::_exit(ended ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(asked(session, train::Run{2}).steps, 2);  // the parent's connection lives
}

TEST_F(AWorkerSession, TrainsByItselfWhereThereIsNoRunner) {
  environment_.channel.clear();
  Result<WorkerSession> session = WorkerSession::open(environment_);
  ASSERT_TRUE(session);
  EXPECT_TRUE(session->standalone());
  Hello hello;
  hello.steps_per_epoch = 7;
  ASSERT_TRUE(session->start(hello));
  for (std::int64_t epoch = 0; epoch < environment_.max_epochs; ++epoch) {
    const auto lease = session->next();
    ASSERT_EQ(lease->kind, Kind::kTrain);
    ASSERT_EQ(lease->steps, 7);
    ASSERT_TRUE(session->trained(7, 112, 1.0));
    ASSERT_EQ(session->next()->kind, Kind::kEvaluate);
    ASSERT_TRUE(session->evaluated(0.5));
  }
  const auto end = session->next();
  ASSERT_EQ(end->kind, Kind::kFinish);
  EXPECT_EQ(end->reason, "all 3 epochs are done");
  EXPECT_TRUE(session->finished(""));
}

class ACheckpointFolder : public ::testing::Test {
 protected:
  std::string error_of(const std::string& progress) {
    std::ofstream(folder_ / "progress.json") << progress;
    const Result<WorkerProgress> read = read_progress(folder_.path());
    EXPECT_FALSE(read);
    return read ? "" : read.error().message();
  }
  symbiont::testing::TemporaryDirectory folder_;
};

TEST_F(ACheckpointFolder, KeepsTheOneBeforeAndRemovesOlderOnes) {
  fs::path previous;
  for (const std::int64_t epoch : {1, 2, 3}) {
    Result<CheckpointFolder> checkpoint = CheckpointFolder::begin(folder_.path(), {epoch, 0, 0.0});
    ASSERT_TRUE(checkpoint);
    const Result<fs::path> place = checkpoint->commit(previous);
    ASSERT_TRUE(place) << place.error().message();
    previous = *place;
  }
  EXPECT_FALSE(fs::exists(folder_ / "checkpoint-1-0"));
  EXPECT_TRUE(fs::exists(folder_ / "checkpoint-2-0"));
  EXPECT_EQ(*read_progress(previous), (WorkerProgress{3, 0, 0.0}));
}

TEST_F(ACheckpointFolder, SaysWhatIsWrongWithAProgress) {
  EXPECT_THAT(error_of("{"), HasSubstr("progress.json: not a JSON object"));
  EXPECT_THAT(error_of(R"({"version": 2})"), HasSubstr("version is 2, expected 1"));
  EXPECT_THAT(error_of(R"({"version":1,"position":1,"train_seconds":0})"),
              HasSubstr("epoch: found nothing, expected a count"));
  EXPECT_THAT(error_of(R"({"version":1,"epoch":-1,"position":1,"train_seconds":0})"),
              HasSubstr("epoch: found -1"));
  EXPECT_THAT(error_of(R"({"version":1,"epoch":1,"position":1.5,"train_seconds":0})"),
              HasSubstr("position: found 1.5"));
  EXPECT_THAT(error_of(R"({"version":1,"epoch":1,"position":1,"train_seconds":-1})"),
              HasSubstr("train_seconds: found -1"));
}

}  // namespace
}  // namespace symbiont::train
