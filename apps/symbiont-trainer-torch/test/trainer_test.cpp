// The real program, driven over a real socket by a runner that says exactly what a test needs.

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/graph/safetensors.h"
#include "symbiont/train/protocol.h"

namespace symbiont::trainer {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::chrono::seconds kPatience{120};

std::string slurp(const fs::path& path) {
  std::stringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

// One trainer process and the runner's end of its channel.
class Worker {
 public:
  explicit Worker(Subprocess process) : process_(std::move(process)) {}

  void accept_from(int listener) {
    pollfd waiting{listener, POLLIN, 0};
    if (::poll(&waiting, 1, 120'000) == 1) {
      socket_ = FileDescriptor(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    }
  }

  void say(const train::RunnerMessage& message) { say_line(train::encode(message)); }
  void say_line(std::string line) {
    line += '\n';
    EXPECT_EQ(::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(line.size()));
  }

  // The next message of that kind; anything else, or the end of the channel, fails the test.
  template <typename Message>
  Message hear() {
    const std::optional<std::string> line = next_line();
    if (!line) {
      ADD_FAILURE() << "the worker closed the channel";
      return {};
    }
    const auto message = train::decode_worker_message(*line);
    if (!message || !std::holds_alternative<Message>(*message)) {
      ADD_FAILURE() << "unexpected: " << *line;
      return {};
    }
    return std::get<Message>(*message);
  }

  train::Ran run(std::optional<std::int64_t> steps) {
    say(train::Run{steps});
    return hear<train::Ran>();
  }
  train::EpochDone run_epoch() {
    EXPECT_TRUE(run(std::nullopt).epoch_end);
    return hear<train::EpochDone>();
  }
  train::Saved checkpoint() {
    say(train::Checkpoint{});
    return hear<train::Saved>();
  }
  std::string stop() {
    say(train::Stop{"enough"});
    std::string weights = slurp(hear<train::Done>().weights);
    EXPECT_EQ(end(), "exit code 0");
    return weights;
  }

  std::string end(std::chrono::milliseconds patience = kPatience) {
    const auto status = process_.wait(patience);
    return status ? status->describe() : "still running";
  }
  void hang_up() { socket_.reset(); }
  void kill() {
    process_.signal_group(SIGKILL);
    process_.wait(kPatience);
  }

 private:
  std::optional<std::string> next_line() {
    while (buffer_.find('\n') == std::string::npos) {
      char bytes[4096];
      const ssize_t count = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
      if (count <= 0) {
        return std::nullopt;
      }
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
    const std::size_t length = buffer_.find('\n');
    std::string line = buffer_.substr(0, length);
    buffer_.erase(0, length + 1);
    return line;
  }

  Subprocess process_;
  FileDescriptor socket_;
  std::string buffer_;
};

class Trainer : public testing::Test {
 protected:
  Trainer() {
    std::string pattern = (fs::temp_directory_path() / "symbiont-trainer-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    fs::create_directory(folder_ / "out");
    listen_at(folder_ / "channel");
    write_table();
    environment_ = {{"SYMBIONT_CHANNEL", (folder_ / "channel").string()},
                    {"SYMBIONT_JOB", "job"},
                    {"SYMBIONT_RUN", "run"},
                    {"SYMBIONT_RECURRENCE", "1"},
                    {"SYMBIONT_ATTEMPT", "1"},
                    {"SYMBIONT_BATCH_SIZE", "16"},
                    {"SYMBIONT_LEARNING_RATE", "0.01"},
                    {"SYMBIONT_MAX_EPOCHS", "10"},
                    {"SYMBIONT_SEED", "1"},
                    {"SYMBIONT_INITIAL_WEIGHTS", ""},
                    {"SYMBIONT_RESUME", ""},
                    {"SYMBIONT_OUTPUT", (folder_ / "out").string()},
                    {"OMP_NUM_THREADS", "1"},
                    {"OPENBLAS_NUM_THREADS", "1"}};
    arguments_ = {{"--model", "mlp"},
                  {"--data", "csv:" + (folder_ / "table.csv").string()},
                  {"--optimizer", "adam"}};
  }
  ~Trainer() override { fs::remove_all(folder_); }

  // 500 rows (400 to train on) of three numbers whose order tells the class.
  void write_table() {
    std::ofstream table(folder_ / "table.csv");
    table << "a,b,c,label\n";
    for (int row = 0; row < 500; ++row) {
      const int a = row * 37 % 101;
      const int b = row * 53 % 103;
      const int c = row * 71 % 107;
      const int label = a > b && a > c ? 0 : b > c ? 1 : 2;
      table << a << "," << b << "," << c << "," << label << "\n";
    }
  }

  void listen_at(const fs::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    listener_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(listener_.get(), 1), 0);
  }

  SpawnOptions spawn_options() const {
    SpawnOptions options;
    options.argv = prefix_;
    options.argv.push_back(SYMBIONT_TRAINER_PROGRAM);
    for (const auto& [name, value] : arguments_) {
      options.argv.push_back(name);
      options.argv.push_back(value);
    }
    options.environment.assign(environment_.begin(), environment_.end());
    options.stdout_file = folder_ / "stdout";
    options.stderr_file = folder_ / "stderr";
    return options;
  }

  // A worker that has connected.
  Worker connected() {
    Worker worker(std::move(Subprocess::spawn(spawn_options()).value()));
    worker.accept_from(listener_.get());
    return worker;
  }
  // A worker that is ready for its first lease.
  Worker ready() {
    Worker worker = connected();
    hello_ = worker.hear<train::Hello>();
    return worker;
  }
  // What a worker says that cannot go on.
  train::Failed failure() {
    Worker worker = connected();
    auto failed = worker.hear<train::Failed>();
    EXPECT_EQ(worker.end(), "exit code 1");
    return failed;
  }
  // How a worker ends that does not connect.
  std::string end_without_connection() {
    fs::remove(folder_ / "stderr");
    Worker worker(std::move(Subprocess::spawn(spawn_options()).value()));
    std::string end = worker.end();
    pollfd waiting{listener_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&waiting, 1, 0), 0) << "it connected";
    return end;
  }

  void use_fashion(const std::string& limit) {
    if (!fs::exists("/usr/share/datasets/fashion-mnist")) {
      GTEST_SKIP() << "dataset-fashion-mnist is not installed";
    }
    arguments_["--data"] = "fashion-mnist";
    arguments_["--limit"] = limit;
  }

  void kill_at(const std::string& failpoint) {
    std::ofstream(folder_ / "token") << "";
    environment_["SYMBIONT_FAILPOINT"] = failpoint + ":1:" + (folder_ / "token").string();
  }

  std::set<std::string> output_names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / "out")) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  // Three epochs in one process, or killed in the second one after a checkpoint and resumed.
  std::string weights_of_straight_run() {
    Worker worker = ready();
    for (int epoch = 0; epoch < 3; ++epoch) {
      worker.run_epoch();
    }
    return worker.stop();
  }
  std::string weights_of_killed_and_resumed_run() {
    Worker killed = ready();
    killed.run_epoch();
    killed.run(7);
    const train::Saved saved = killed.checkpoint();
    killed.run(5);
    killed.kill();
    environment_["SYMBIONT_RESUME"] = saved.path;
    Worker resumed = ready();
    EXPECT_EQ(hello_.resumed_epoch, 1);
    EXPECT_EQ(hello_.resumed_position, 7);
    EXPECT_EQ(resumed.run_epoch().index, 2);
    EXPECT_EQ(resumed.run_epoch().index, 3);
    return resumed.stop();
  }

  fs::path folder_;
  FileDescriptor listener_;
  std::vector<std::string> prefix_;
  std::map<std::string, std::string> environment_;
  std::map<std::string, std::string> arguments_;
  train::Hello hello_;
};

TEST_F(Trainer, SaysWhatItIsBeforeItsFirstLease) {
  Worker worker = ready();
  EXPECT_THAT(hello_.framework, testing::StartsWith("torch 1."));
  EXPECT_EQ(hello_.device, "cpu");
  EXPECT_EQ(hello_.parameters, 3 * 128 + 128 + 128 * 3 + 3);
  EXPECT_EQ(hello_.steps_per_epoch, 25);
  EXPECT_GT(hello_.memory_persistent_bytes, 400 * 3 * 4);
  EXPECT_GT(hello_.memory_ephemeral_bytes, 0);
  EXPECT_EQ(hello_.resumed_epoch, 0);
  worker.stop();
}

TEST_F(Trainer, HonoursLeasesExactly) {
  Worker worker = ready();
  const train::Ran three = worker.run(3);
  EXPECT_EQ(three.steps, 3);
  EXPECT_EQ(three.samples, 3 * 16);
  EXPECT_GT(three.seconds, 0.0);
  EXPECT_NEAR(three.loss, std::log(3.0), 0.3) << "three classes, hardly trained";
  EXPECT_FALSE(three.epoch_end);

  const train::Ran none = worker.run(0);
  EXPECT_EQ(none.steps, 0);
  EXPECT_FALSE(none.epoch_end);

  const train::Ran rest = worker.run(1000);
  EXPECT_EQ(rest.steps, 22) << "a lease never crosses an epoch's end";
  EXPECT_TRUE(rest.epoch_end);
  const auto first = worker.hear<train::EpochDone>();
  EXPECT_EQ(first.index, 1);
  EXPECT_NEAR(first.train_seconds, three.seconds + none.seconds + rest.seconds, 1e-9);

  EXPECT_EQ(worker.run(24).steps, 24);
  EXPECT_TRUE(worker.run(1).epoch_end);
  EXPECT_EQ(worker.hear<train::EpochDone>().index, 2);
  EXPECT_EQ(worker.run(std::nullopt).steps, 25);
}

TEST_F(Trainer, SplitsAnEpochIntoLeasesWithoutChangingItsResult) {
  const std::string whole = weights_of_straight_run();
  Worker worker = ready();
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (int lease = 0; lease < 5; ++lease) {
      worker.run(5);
    }
    worker.hear<train::EpochDone>();
  }
  EXPECT_EQ(worker.stop(), whole);
}

TEST_F(Trainer, RepeatsItselfToTheLastBitForOneSeedOnly) {
  const std::string once = weights_of_straight_run();
  EXPECT_FALSE(once.empty());
  EXPECT_EQ(weights_of_straight_run(), once);
  environment_["SYMBIONT_SEED"] = "2";
  EXPECT_NE(weights_of_straight_run(), once);
}

TEST_F(Trainer, LearnsATable) {
  Worker worker = ready();
  double metric = 0.0;
  for (int epoch = 0; epoch < 20; ++epoch) {
    metric = worker.run_epoch().metric;
  }
  EXPECT_GT(metric, 0.9);
}

TEST_F(Trainer, LearnsTwoThousandImages) {
  use_fashion("2000");
  if (IsSkipped()) {
    return;
  }
  environment_["SYMBIONT_LEARNING_RATE"] = "0.001";
  environment_["SYMBIONT_BATCH_SIZE"] = "32";
  Worker worker = ready();
  EXPECT_EQ(hello_.parameters, 784 * 128 + 128 + 128 * 10 + 10);
  double metric = 0.0;
  for (int epoch = 0; epoch < 8; ++epoch) {
    metric = worker.run_epoch().metric;
  }
  EXPECT_GT(metric, 0.75);
}

class EveryOptimizer : public Trainer, public testing::WithParamInterface<const char*> {};

TEST_P(EveryOptimizer, ResumesInsideAnEpochToTheSameWeights) {
  arguments_["--optimizer"] = GetParam();
  const std::string straight = weights_of_straight_run();
  EXPECT_FALSE(straight.empty());
  EXPECT_EQ(weights_of_killed_and_resumed_run(), straight);
}

INSTANTIATE_TEST_SUITE_P(Trainer, EveryOptimizer,
                         testing::Values("sgd", "sgd-plain", "adam", "adamw", "adadelta"),
                         [](const auto& name) {
                           std::string word = name.param;
                           std::erase(word, '-');
                           return word;
                         });

TEST_F(Trainer, ResumesAConvolutionalNetworkToTheSameWeights) {
  use_fashion("320");
  if (IsSkipped()) {
    return;
  }
  arguments_["--model"] = "cnn-small";
  const std::string straight = weights_of_straight_run();
  EXPECT_EQ(weights_of_killed_and_resumed_run(), straight);
}

TEST_F(Trainer, KeepsTheNewestTwoCheckpoints) {
  Worker worker = ready();
  worker.run(1);
  EXPECT_EQ(fs::path(worker.checkpoint().path).filename(), "checkpoint-0-1");
  worker.run(1);
  worker.checkpoint();
  worker.run_epoch();
  const train::Saved saved = worker.checkpoint();
  EXPECT_EQ(saved.epoch, 1);
  EXPECT_EQ(saved.position, 0);
  EXPECT_THAT(output_names(), UnorderedElementsAre("checkpoint-0-2", "checkpoint-1-0"));
}

TEST_F(Trainer, MaySaveTheSameStateTwice) {
  Worker worker = ready();
  worker.run(2);
  const std::string path = worker.checkpoint().path;
  const std::string weights = slurp(fs::path(path) / "weights.safetensors");
  EXPECT_EQ(worker.checkpoint().path, path);
  EXPECT_EQ(slurp(fs::path(path) / "weights.safetensors"), weights);
  EXPECT_THAT(output_names(), UnorderedElementsAre("checkpoint-0-2"));
}

TEST_F(Trainer, KeepsTheCheckpointItResumedFromUntilTheNextButOne) {
  Worker first = ready();
  first.run(2);
  const train::Saved known = first.checkpoint();
  first.run(2);
  first.checkpoint();  // the runner dies before it hears of this one
  first.kill();
  environment_["SYMBIONT_RESUME"] = known.path + "/";
  Worker second = ready();
  second.run(1);
  second.checkpoint();
  EXPECT_THAT(output_names(), UnorderedElementsAre("checkpoint-0-2", "checkpoint-0-3"));
}

class KilledAt : public Trainer, public testing::WithParamInterface<const char*> {};

TEST_P(KilledAt, ResumesToTheSameWeights) {
  const std::string straight = weights_of_straight_run();
  fs::remove_all(folder_ / "out");
  fs::create_directory(folder_ / "out");

  Worker before = ready();
  before.run(20);
  environment_["SYMBIONT_RESUME"] = before.checkpoint().path;
  before.kill();
  kill_at(GetParam());
  Worker killed = ready();
  for (const train::RunnerMessage& message :
       {train::RunnerMessage(train::Run{std::nullopt}), train::RunnerMessage(train::Checkpoint{}),
        train::RunnerMessage(train::Stop{"enough"})}) {
    killed.say(message);
  }
  EXPECT_THAT(killed.end(), HasSubstr("signal 9"));
  EXPECT_THAT(output_names(), testing::Contains("checkpoint-0-20"));

  Worker after = ready();
  EXPECT_EQ(hello_.resumed_position, 20);
  for (int epoch = 0; epoch < 3; ++epoch) {
    after.run_epoch();
  }
  after.checkpoint();
  EXPECT_THAT(output_names(), UnorderedElementsAre("checkpoint-0-20", "checkpoint-3-0"));
  EXPECT_EQ(after.stop(), straight);
}

INSTANTIATE_TEST_SUITE_P(Trainer, KilledAt,
                         testing::Values("worker.lease.middle", "worker.epoch.sent",
                                         "worker.save.begin", "worker.save.middle",
                                         "worker.save.renamed", "worker.stop.before_weights"),
                         [](const auto& name) {
                           std::string word = name.param;
                           std::replace(word.begin(), word.end(), '.', '_');
                           return word;
                         });

class BadCheckpoint : public Trainer {
 protected:
  void SetUp() override {
    Worker worker = ready();
    worker.run(2);
    checkpoint_ = worker.checkpoint().path;
    environment_["SYMBIONT_RESUME"] = checkpoint_.string();
  }
  void expect_refused(const std::string& why) {
    const train::Failed failed = failure();
    EXPECT_EQ(failed.code, "bad_checkpoint");
    EXPECT_THAT(failed.message, AllOf(HasSubstr(checkpoint_.string()), HasSubstr(why)));
  }
  void overwrite(const std::string& name, const std::string& bytes) {
    std::ofstream(checkpoint_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }
  fs::path checkpoint_;
};

TEST_F(BadCheckpoint, OfAnotherBatchSizeIsRefused) {
  environment_["SYMBIONT_BATCH_SIZE"] = "8";
  expect_refused("the batch size is 16, expected 8");
}

TEST_F(BadCheckpoint, OfAnotherOptimizerIsRefused) {
  arguments_["--optimizer"] = "sgd";
  expect_refused("the optimizer is adam, expected sgd");
}

TEST_F(BadCheckpoint, OfAnotherSeedIsRefused) {
  environment_["SYMBIONT_SEED"] = "2";
  expect_refused("the seed is 1, expected 2");
}

TEST_F(BadCheckpoint, WithTruncatedWeightsIsRefused) {
  const std::string whole = slurp(checkpoint_ / "weights.safetensors");
  overwrite("weights.safetensors", whole.substr(0, whole.size() - 1));
  expect_refused("weights.safetensors: truncated");
}

TEST_F(BadCheckpoint, WithoutOptimizerStateIsRefused) {
  fs::remove(checkpoint_ / "optimizer.safetensors");
  expect_refused("optimizer.safetensors");
}

TEST_F(BadCheckpoint, WithABrokenStateIsRefused) {
  overwrite("state.json", "{");
  expect_refused("state.json: not a JSON object");
  overwrite("state.json", "{\"version\": 2}");
  expect_refused("state.json: version is 2, expected 1");
  overwrite("state.json", "{\"version\": 1}");
  expect_refused("state.json");
}

TEST_F(BadCheckpoint, ThatIsNotThereIsRefused) {
  checkpoint_ = folder_ / "nowhere";
  environment_["SYMBIONT_RESUME"] = checkpoint_.string();
  expect_refused("progress.json");
}

TEST_F(Trainer, StartsFromGivenWeights) {
  Worker first = ready();
  first.run_epoch();
  const std::string trained = first.stop();
  std::ofstream(folder_ / "w.safetensors", std::ios::binary) << trained;
  environment_["SYMBIONT_INITIAL_WEIGHTS"] = (folder_ / "w.safetensors").string();
  environment_["SYMBIONT_SEED"] = "9";
  Worker second = ready();
  EXPECT_EQ(second.stop(), trained);
}

TEST_F(Trainer, RefusesWeightsOfAnotherShapeOrName) {
  const fs::path path = folder_ / "w.safetensors";
  ready().stop();
  environment_["SYMBIONT_INITIAL_WEIGHTS"] = path.string();
  graph::TensorFile weights = graph::load_safetensors(folder_ / "out/weights.safetensors").value();

  graph::TensorFile extra = weights;
  extra.tensors.push_back(graph::make_tensor("fc3.bias", {1}, std::vector<float>{0}));
  ASSERT_TRUE(graph::save_safetensors(path, extra));
  const train::Failed surplus = failure();
  EXPECT_EQ(surplus.code, "bad_weights");
  EXPECT_THAT(surplus.message, HasSubstr("no parameter \"fc3.bias\""));

  graph::TensorFile missing = weights;
  std::erase_if(missing.tensors, [](const auto& tensor) { return tensor.name == "fc2.bias"; });
  ASSERT_TRUE(graph::save_safetensors(path, missing));
  EXPECT_THAT(failure().message, HasSubstr("there is no tensor \"fc2.bias\""));

  for (graph::Tensor& tensor : weights.tensors) {
    if (tensor.name == "fc1.weight") {
      tensor.shape = {3, 128};
    }
  }
  ASSERT_TRUE(graph::save_safetensors(path, weights));
  EXPECT_THAT(failure().message,
              AllOf(HasSubstr(path.string()),
                    HasSubstr("\"fc1.weight\" has shape [3, 128], expected [128, 3]")));
}

TEST_F(Trainer, SaysWhichDataIsMissing) {
  arguments_["--data"] = "fashion-mnist";
  environment_["SYMBIONT_DATASETS"] = folder_.string();
  const train::Failed failed = failure();
  EXPECT_EQ(failed.code, "bad_data");
  EXPECT_THAT(failed.message, HasSubstr("apt-get install dataset-fashion-mnist"));
  EXPECT_THAT(slurp(folder_ / "stderr"), HasSubstr("bad_data"));
}

TEST_F(Trainer, RefusesABatchThatExceedsTheSet) {
  environment_["SYMBIONT_BATCH_SIZE"] = "401";
  EXPECT_THAT(failure().message, HasSubstr("401, expected at most the 400 training rows"));
}

TEST_F(Trainer, RefusesATableForAConvolutionalNetwork) {
  arguments_["--model"] = "cnn-small";
  EXPECT_THAT(failure().message, HasSubstr("at least 4x4, the data has 1x3"));
}

TEST_F(Trainer, ReportsALossThatIsNoNumber) {
  arguments_["--optimizer"] = "sgd-plain";
  environment_["SYMBIONT_LEARNING_RATE"] = "1e30";
  Worker worker = ready();
  const train::Ran ran = worker.run(std::nullopt);
  EXPECT_TRUE(std::isnan(ran.loss));
  worker.hear<train::EpochDone>();
  worker.stop();
}

TEST_F(Trainer, SaysWhenMemoryDoesNotSuffice) {
  use_fashion("60000");
  if (IsSkipped()) {
    return;
  }
  arguments_["--model"] = "cnn-small";
  environment_["SYMBIONT_BATCH_SIZE"] = "60000";
  prefix_ = {"prlimit", "--as=3000000000"};
  Worker worker = ready();
  worker.say(train::Run{1});
  EXPECT_EQ(worker.hear<train::Failed>().code, "out_of_memory");
  EXPECT_EQ(worker.end(), "exit code 1");
}

TEST_F(Trainer, DoesNotCallAFailedSaveOutOfMemory) {
  Worker worker = ready();
  fs::remove_all(folder_ / "out");
  std::ofstream(folder_ / "out") << "a file where a directory was";
  worker.say(train::Checkpoint{});
  EXPECT_EQ(worker.hear<train::Failed>().code, "save_failed");
}

TEST_F(Trainer, EndsWhenTheRunnerHangsUpBetweenLeases) {
  Worker worker = ready();
  worker.hang_up();
  EXPECT_EQ(worker.end(std::chrono::seconds(5)), "exit code 5");
}

TEST_F(Trainer, EndsWhenTheRunnerHangsUpInsideALease) {
  use_fashion("60000");
  if (IsSkipped()) {
    return;
  }
  environment_["SYMBIONT_BATCH_SIZE"] = "1";
  Worker worker = ready();
  worker.say(train::Run{std::nullopt});
  worker.hang_up();
  EXPECT_EQ(worker.end(std::chrono::seconds(5)), "exit code 5");
}

TEST_F(Trainer, EndsOnGarbage) {
  Worker worker = ready();
  worker.say_line("GET / HTTP/1.1");
  EXPECT_EQ(worker.hear<train::Failed>().code, "bad_message");
  EXPECT_EQ(worker.end(), "exit code 1");
}

TEST_F(Trainer, RefusesBadArgumentsBeforeConnecting) {
  const auto expect_refused = [this](const std::string& name, const std::string& value) {
    const auto before = arguments_;
    arguments_[name] = value;
    EXPECT_EQ(end_without_connection(), "exit code 2") << name << " " << value;
    EXPECT_THAT(slurp(folder_ / "stderr"), HasSubstr(name));
    arguments_ = before;
  };
  expect_refused("--model", "resnet-152");
  expect_refused("--optimizer", "magic");
  expect_refused("--limit", "0");
  expect_refused("--limit", "many");
  expect_refused("--threads", "0");
  expect_refused("--metric", "beauty");
  expect_refused("--colour", "red");
}

TEST_F(Trainer, RefusesABadEnvironmentBeforeConnecting) {
  environment_["SYMBIONT_BATCH_SIZE"] = "0";
  EXPECT_EQ(end_without_connection(), "exit code 2");
  EXPECT_THAT(slurp(folder_ / "stderr"), HasSubstr("SYMBIONT_BATCH_SIZE"));
}

TEST_F(Trainer, ExplainsItselfWithoutARunner) {
  arguments_.clear();
  environment_.erase("SYMBIONT_CHANNEL");
  prefix_ = {};
  SpawnOptions options = spawn_options();
  options.argv.push_back("--help");
  Worker worker(std::move(Subprocess::spawn(options).value()));
  EXPECT_EQ(worker.end(), "exit code 0");
  EXPECT_THAT(slurp(folder_ / "stdout"), HasSubstr("momentum 0.9"));
}

TEST_F(Trainer, LimitsItsThreadsWhenNobodyDid) {
  environment_.erase("OMP_NUM_THREADS");
  environment_.erase("OPENBLAS_NUM_THREADS");
  Worker worker = ready();
  EXPECT_THAT(worker.run(std::nullopt).steps, 25);
  worker.hear<train::EpochDone>();
  worker.stop();
}

TEST_F(Trainer, WarnsWhenTheReferenceBlasIsInUse) {
  const fs::path reference = "/usr/lib/x86_64-linux-gnu/blas";
  if (!fs::exists(reference / "libblas.so.3")) {
    GTEST_SKIP() << "the reference BLAS is not installed";
  }
  ready().stop();
  EXPECT_THAT(slurp(folder_ / "stderr"), IsEmpty()) << "an optimised BLAS is installed";
  environment_["LD_LIBRARY_PATH"] =
      reference.string() + ":" + reference.parent_path().string() + "/lapack";
  ready().stop();
  EXPECT_THAT(slurp(folder_ / "stderr"), HasSubstr("apt-get install libopenblas0-pthread"));
}

}  // namespace
}  // namespace symbiont::trainer
