// A worker that trains next to nothing and behaves, or misbehaves, as its arguments say. For tests
// of whatever drives workers.
//
//   scripted_worker [--KEY=VALUE]...
//
// It minimises w^2 by gradient descent, one number, one dimension; every step is deterministic, its
// checkpoints are real and a resumed run ends in the same weights as one that never stopped.
//
//   --samples=N           samples per epoch; steps per epoch = ceil(N / batch size). Default 640
//   --metrics=A,B,...     the metric after epoch 1, 2, ...; the last stands for all later ones
//   --target=X            without --metrics: the metric rises evenly to X, default 0.9, ...
//   --epochs-needed=B=E,...  ... which it reaches after E epochs at batch size B, never if E is 0;
//                         default 3 epochs
//   --step-ms=N           how long a step takes; default 0
//   --evaluation-ms=N     how long an evaluation takes; default 0
//   --pids=FILE           appends its pid, and that of a lingering child, to FILE, one a line
//   --trace=FILE          appends "run EPOCH POSITION STEPS", "checkpoint EPOCH POSITION", "stop
//                         REASON", "resume EPOCH POSITION" to FILE
//   --ignore-sigterm      ignores SIGTERM
//   --burn-ms=N           uses N ms of a processor after its last word, garbage or not, and ends
//   --linger              starts a child that stays in its process group and holds its files open
//   --flood               writes 1000 numbered lines to stderr at each lease
//   --misbehave=KIND      see below
//   --after=N             misbehaves at the N-th lease of the process; default 1
//   --once=FILE           misbehaves only if it is the one that removes FILE
//   --counter=FILE        killed-for-memory: rewrites FILE as the kernel would
//
// KIND, at the lease: hang; stop-itself (SIGSTOP); garbage; too-long; half-line; exit (code 3);
// exit-zero; kill (SIGKILL); killed-for-memory; nan-loss; out-of-memory; failed; wrong-steps;
// early-epoch; unexpected; close. At the end of an epoch once the N-th lease was granted:
// nan-metric, wrong-epoch, hang-evaluation. At a checkpoint: hang-checkpoint, exit-checkpoint,
// wrong-position, outside-checkpoint, output-checkpoint. At a stop: hang-stop, outside-weights.
// Before hello: mute, exit-early, hello-zero-steps, hello-ahead, hello-out-of-memory,
// garbage-hello. Instead of resuming: forget-checkpoint.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "symbiont/train/worker_channel.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "scripted_worker: " << why << "\n";
  std::exit(4);
}

template <typename T>
T must(Result<T> result) {
  if (!result) {
    give_up(result.error().message());
  }
  return std::move(*result);
}

void must(const Result<void>& result) {
  if (!result) {
    give_up(result.error().message());
  }
}

/// The arguments, by key.
class Script {
 public:
  Script(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string argument = argv[i];
      const std::size_t equals = argument.find('=');
      if (!argument.starts_with("--")) {
        give_up("not an argument of mine: " + argument);
      }
      values_[argument.substr(2, equals == std::string::npos ? equals : equals - 2)] =
          equals == std::string::npos ? "yes" : argument.substr(equals + 1);
    }
  }

  bool has(const std::string& key) const { return values_.contains(key); }
  std::string text(const std::string& key, const std::string& otherwise = "") const {
    return has(key) ? values_.at(key) : otherwise;
  }
  std::int64_t number(const std::string& key, std::int64_t otherwise) const {
    return has(key) ? std::stoll(values_.at(key)) : otherwise;
  }
  void append(const std::string& key, const std::string& line) const {
    if (has(key)) {
      std::ofstream(values_.at(key), std::ios::app) << line << std::endl;
    }
  }

 private:
  std::map<std::string, std::string> values_;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

[[noreturn]] void hang() {
  while (true) {
    std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

/// What is trained: one weight.
struct Model {
  std::int64_t epoch = 0;     // whole epochs done
  std::int64_t position = 0;  // steps done of the next one
  double weight = 1.0;

  static Model load(const fs::path& checkpoint) {
    Model model;
    std::istringstream text(must(read_file(checkpoint / "state.txt")));
    std::string weight;
    if (!(text >> model.epoch >> model.position >> weight)) {
      give_up("damaged checkpoint " + checkpoint.string());
    }
    model.weight = std::strtod(weight.c_str(), nullptr);
    return model;
  }

  void save(const fs::path& checkpoint) const {
    must(symbiont::create_directories(checkpoint));
    std::array<char, 64> weight_text{};
    std::snprintf(weight_text.data(), weight_text.size(), "%a", weight);
    must(write_file_atomically(
        checkpoint / "state.txt",
        std::to_string(epoch) + " " + std::to_string(position) + " " + weight_text.data() + "\n"));
  }

  // The smallest real safetensors file: one number.
  void export_weights(const fs::path& path) const {
    const std::string header = R"({"weight":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})";
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(header.size());
    bytes += header + std::string(8, '\0');
    std::memcpy(bytes.data() + 8 + header.size(), &weight, sizeof(weight));
    must(write_file_atomically(path, bytes));
  }
};

class ScriptedWorker {
 public:
  ScriptedWorker(Script script, WorkerEnvironment environment)
      : script_(std::move(script)),
        environment_(std::move(environment)),
        steps_per_epoch_((script_.number("samples", 640) + environment_.batch_size - 1) /
                         environment_.batch_size) {}

  int run() {
    prepare_process();
    misbehave_before_connecting();
    WorkerChannel channel = must(WorkerChannel::connect(environment_.channel));
    channel_ = &channel;
    load_checkpoint();
    start_lingering_child();
    send(hello());
    while (true) {
      Result<RunnerMessage> message = channel.receive();
      if (!message) {
        return 5;
      }
      if (const Run* lease = std::get_if<Run>(&*message)) {
        train(*lease);
      } else if (std::holds_alternative<Checkpoint>(*message)) {
        save();
      } else {
        stop(std::get<Stop>(*message));
        return 0;
      }
    }
  }

 private:
  // True when this misbehaviour is due now.
  bool misbehaves(const std::string& kind) const {
    return leases_ >= script_.number("after", 1) && misbehaves_before_leases(kind);
  }

  // The same for what --after does not speak of.
  bool misbehaves_before_leases(const std::string& kind) const {
    return script_.text("misbehave") == kind &&
           (!script_.has("once") || fs::remove(script_.text("once")));
  }

  void prepare_process() {
    script_.append("pids", std::to_string(::getpid()));
    if (script_.has("ignore-sigterm")) {
      std::signal(SIGTERM, SIG_IGN);
    }
  }

  void misbehave_before_connecting() {
    if (misbehaves_before_leases("mute")) {
      hang();
    }
    if (misbehaves_before_leases("exit-early")) {
      std::cerr << "no such data set\n";
      std::exit(3);
    }
  }

  void load_checkpoint() {
    if (!environment_.resume.empty() && script_.text("misbehave") != "forget-checkpoint") {
      model_ = Model::load(environment_.resume);
      script_.append("trace", "resume " + where());
    }
  }

  // After connecting: it inherits the channel.
  void start_lingering_child() const {
    if (script_.has("linger")) {
      const pid_t child = ::fork();
      if (child == 0) {
        hang();
      }
      script_.append("pids", std::to_string(child));
    }
  }

  Hello hello() {
    if (misbehaves_before_leases("garbage-hello")) {
      send_raw("hello!\n");
      hang();
    }
    if (misbehaves_before_leases("hello-out-of-memory")) {
      send(Failed{"out_of_memory", "the data set does not fit"});
      hang();
    }
    Hello hello{"scripted 1", "cpu", 1, steps_per_epoch_, 8, 8, model_.epoch, model_.position};
    if (misbehaves_before_leases("hello-zero-steps")) {
      hello.steps_per_epoch = 0;
    }
    if (misbehaves_before_leases("hello-ahead")) {
      hello.resumed_epoch = 1000;
    }
    return hello;
  }

  std::string where() const {
    return std::to_string(model_.epoch) + " " + std::to_string(model_.position);
  }

  void train(const Run& lease) {
    ++leases_;
    const std::int64_t left = steps_per_epoch_ - model_.position;
    const std::int64_t steps = std::min(lease.steps.value_or(left), left);
    script_.append("trace", "run " + where() + " " + std::to_string(steps));
    flood();
    misbehave_at_lease();
    Ran ran{steps, steps * environment_.batch_size, 0.0, 0.0, steps == left};
    const auto begin = std::chrono::steady_clock::now();
    for (std::int64_t step = 0; step < steps; ++step) {
      ran.loss += model_.weight * model_.weight / static_cast<double>(steps);
      model_.weight -= environment_.learning_rate * 2 * model_.weight;
      std::this_thread::sleep_for(std::chrono::milliseconds(script_.number("step-ms", 0)));
    }
    ran.seconds = seconds_since(begin);
    epoch_seconds_ += ran.seconds;
    model_.position += steps;
    distort(ran);
    send(ran);
    if (steps == left) {
      end_epoch();
    }
  }

  static double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  void flood() const {
    for (int line = 1; script_.has("flood") && line <= 1000; ++line) {
      std::cerr << "line " << line << " of lease " << leases_ << "\n";
    }
  }

  void misbehave_at_lease() {
    if (misbehaves("hang")) {
      hang();
    }
    if (misbehaves("stop-itself")) {
      std::raise(SIGSTOP);
    }
    if (misbehaves("garbage")) {
      send_raw("Epoch 1: loss 0.5\n");
      if (script_.has("burn-ms")) {
        burn();
        std::exit(3);
      }
    }
    if (misbehaves("too-long")) {
      send_raw(std::string(kMaxMessageBytes + 1, 'x'));
      hang();
    }
    if (misbehaves("half-line")) {
      send_raw(R"({"v":1,"type":"ran",)");
      std::exit(3);
    }
    if (misbehaves("exit")) {
      std::cerr << "Traceback: something broke\n";
      std::exit(3);
    }
    if (misbehaves("exit-zero")) {
      std::exit(0);
    }
    if (misbehaves("kill")) {
      std::raise(SIGKILL);
    }
    if (misbehaves("killed-for-memory")) {
      std::ofstream(script_.text("counter")) << "oom_kill_disable 0\noom_kill 1\n";
      std::raise(SIGKILL);
    }
    if (misbehaves("out-of-memory")) {
      send(Failed{"out_of_memory", "cannot allocate\n1.5 GB"});
      hang();
    }
    if (misbehaves("failed")) {
      send(Failed{"data", "the data set is damaged"});
      std::exit(1);
    }
    if (misbehaves("unexpected")) {
      send(Saved{"nowhere", 0, 0});
    }
    if (misbehaves("close")) {
      ::shutdown(raw_socket(), SHUT_RDWR);
    }
  }

  void distort(Ran& ran) {
    if (misbehaves("nan-loss")) {
      ran.loss = std::numeric_limits<double>::quiet_NaN();
    }
    if (misbehaves("wrong-steps")) {
      ++ran.steps;
    }
    if (misbehaves("early-epoch")) {
      ran.epoch_end = !ran.epoch_end;
    }
  }

  void end_epoch() {
    const auto begin = std::chrono::steady_clock::now();
    if (misbehaves("hang-evaluation")) {
      hang();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(script_.number("evaluation-ms", 0)));
    ++model_.epoch;
    model_.position = 0;
    EpochDone done{model_.epoch, metric(), std::exchange(epoch_seconds_, 0.0),
                   seconds_since(begin)};
    if (misbehaves("nan-metric")) {
      done.metric = std::numeric_limits<double>::quiet_NaN();
    }
    if (misbehaves("wrong-epoch")) {
      ++done.index;
    }
    send(done);
  }

  double metric() const {
    if (script_.has("metrics")) {
      const std::vector<std::string> curve = split(script_.text("metrics"), ',');
      const auto last = static_cast<std::int64_t>(curve.size());
      return std::stod(curve[static_cast<std::size_t>(std::min(model_.epoch, last) - 1)]);
    }
    const std::int64_t needed = epochs_needed();
    if (needed == 0) {
      return 0.0;
    }
    const double share = static_cast<double>(model_.epoch) / static_cast<double>(needed);
    return std::stod(script_.text("target", "0.9")) * std::min(share, 1.0);
  }

  std::int64_t epochs_needed() const {
    for (const std::string& entry : split(script_.text("epochs-needed"), ',')) {
      const std::vector<std::string> pair = split(entry, '=');
      if (pair.size() == 2 && std::stoll(pair[0]) == environment_.batch_size) {
        return std::stoll(pair[1]);
      }
    }
    return 3;
  }

  void save() {
    script_.append("trace", "checkpoint " + where());
    if (misbehaves("hang-checkpoint")) {
      hang();
    }
    if (misbehaves("exit-checkpoint")) {
      std::exit(3);
    }
    const fs::path checkpoint =
        misbehaves("outside-checkpoint") ? fs::path("/tmp") : environment_.output / "checkpoint";
    if (checkpoint != "/tmp") {
      model_.save(checkpoint);
    }
    Saved saved{checkpoint.string(), model_.epoch, model_.position};
    if (misbehaves("output-checkpoint")) {
      saved.path = environment_.output;
    }
    if (misbehaves("wrong-position")) {
      ++saved.position;
    }
    send(saved);
  }

  void stop(const Stop& order) {
    script_.append("trace", "stop " + order.reason);
    if (misbehaves("hang-stop")) {
      hang();
    }
    const fs::path weights = environment_.output / "weights.safetensors";
    model_.export_weights(weights);
    send(Done{misbehaves("outside-weights") ? "/etc/passwd" : weights.string()});
    burn();
  }

  void burn() const {
    const std::clock_t enough =
        std::clock() + script_.number("burn-ms", 0) * (CLOCKS_PER_SEC / 1000);
    while (std::clock() < enough) {
    }
  }

  void send(const WorkerMessage& message) {
    if (const Result<void> sent = channel_->send(message); !sent) {
      std::exit(5);
    }
  }

  // The channel sends nothing but messages; what is none goes around it.
  void send_raw(const std::string& bytes) {
    if (::send(raw_socket(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
      std::exit(5);
    }
  }

  // The descriptor of this process that is connected to the runner.
  static int raw_socket() {
    for (int fd = 3; fd < 64; ++fd) {
      int domain = 0;
      socklen_t size = sizeof(domain);
      if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX) {
        return fd;
      }
    }
    give_up("no connection to the runner");
  }

  const Script script_;
  const WorkerEnvironment environment_;
  const std::int64_t steps_per_epoch_;
  WorkerChannel* channel_ = nullptr;  // of `run`, which outlives every use
  Model model_;
  std::int64_t leases_ = 0;
  double epoch_seconds_ = 0.0;
};

}  // namespace
}  // namespace symbiont::train

int main(int argc, char** argv) {
  using namespace symbiont::train;
  ScriptedWorker worker(Script(argc, argv), must(WorkerEnvironment::from_process()));
  return worker.run();
}
