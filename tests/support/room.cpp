#include "room.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include "symbiont/base/file.h"

namespace symbiont::testing {
namespace {

constexpr std::chrono::seconds kForEver{90};

/// Recorded, so that no busy machine makes a training look dear.
constexpr std::string_view kEnergy =
    "batch_size,epoch,time_s,energy_j\n"
    "16,1,1,10\n"
    "64,1,1,10\n"
    "4096,1,1,10\n";

constexpr std::string_view kValidJob = R"([job]
name = "trial"
recurrences = 1
target = {metric = "accuracy", value = 0.85}
max_epochs = 5
baseline_runs = 0

[data]
set = "idx:data"

[train]
model = "mlp"
optimizer = "sgd"
learning_rate = 0.01
batch_size = 16
batch_sizes = [16]
deadline_s = 60

[energy]
meters = ["replay:energy.csv"]

[carbon]
zone = "DE"
)";

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The values are a gradient, the labels the row modulo ten: something that can be learned.
void write_part(const fs::path& folder, const std::string& part, int rows, int side) {
  std::string pixels;
  std::string labels;
  for (int row = 0; row < rows; ++row) {
    for (int pixel = 0; pixel < side * side; ++pixel) {
      pixels += static_cast<char>(pixel % 10 == row % 10 ? 255 : 0);
    }
    labels += static_cast<char>(row % 10);
  }
  std::ofstream(folder / (part + "-images-idx3-ubyte"), std::ios::binary)
      << idx({rows, side, side}, pixels);
  std::ofstream(folder / (part + "-labels-idx1-ubyte"), std::ios::binary) << idx({rows}, labels);
}

}  // namespace

Ended Running::wait() {
  const auto status = process.wait(kForEver);
  EXPECT_TRUE(status) << "still running after " << kForEver.count() << " s";
  Ended ended;
  ended.status = status ? *status : process.terminate(std::chrono::seconds(1));
  ended.output = text_of(output);
  ended.message = text_of(message);
  return ended;
}

Room::Room() {
  fs::create_directory(*this / "sockets");
  fs::create_directory(*this / "data");
  write_images(*this / "data", 64, 4);
  write(*this / "energy.csv", kEnergy);
  write_job({});
  write_worker("");
}

void Room::write(const fs::path& file, std::string_view bytes) const {
  const auto written = write_file_atomically(file, bytes);
  ASSERT_TRUE(written) << written.error().message();
}

void Room::write_job(const std::vector<Edit>& edits) const {
  std::string text(kValidJob);
  for (const Edit& edit : edits) {
    const std::size_t at = text.find(edit.from);
    ASSERT_NE(at, std::string::npos) << edit.from << " is not in the valid job file";
    text.replace(at, edit.from.size(), edit.to);
  }
  write(job_file(), text);
}

void Room::write_trainer(const std::string& script) const {
  write(trainer(), "#!/bin/sh\n" + script + "\n");
  fs::permissions(trainer(), fs::perms::owner_all);
}

void Room::write_worker(const std::string& arguments) const {
  write_trainer(fmt::format("[ \"$1\" != --version ] || exit 0\nexec {} --samples=64 --trace={} {}",
                            SCRIPTED_WORKER, (*this / "trace").string(), arguments));
}

Environment Room::environment(const Environment& more) const {
  Environment all = {{"SYMBIONT_HOME", home()},
                     {"SYMBIONT_TRAINER_TORCH", trainer()},
                     {"SYMBIONT_DATASETS", *this / "datasets"},
                     {"XDG_RUNTIME_DIR", *this / "sockets"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Running Room::spawn(Words argv, const Environment& more) const {
  SpawnOptions options;
  options.argv = std::move(argv);
  options.environment = environment(more);
  options.working_directory = directory_.path();
  ++commands_;
  options.stdout_file = *this / fmt::format("said-{}.out", commands_);
  options.stderr_file = *this / fmt::format("said-{}.err", commands_);
  auto process = Subprocess::spawn(options);
  if (!process) {
    ADD_FAILURE() << process.error().message();
    std::abort();
  }
  return {std::move(*process), options.stdout_file, options.stderr_file};
}

Running Room::start(const Words& words, const Environment& more) const {
  Words argv = {SYMBIONT_PROGRAM};
  argv.insert(argv.end(), words.begin(), words.end());
  return spawn(std::move(argv), more);
}

Ended Room::run(const Words& words, const Environment& more) const {
  return start(words, more).wait();
}

Ended Room::run_redirected(const std::string& line, const Words& words) const {
  Words argv = {"/bin/sh", "-c", line, "sh", SYMBIONT_PROGRAM};
  argv.insert(argv.end(), words.begin(), words.end());
  return spawn(std::move(argv), {}).wait();
}

std::string Room::exported() const {
  const Ended ended = run({"ledger", "export"});
  EXPECT_TRUE(ended.status.success()) << ended.message;
  return ended.output;
}

std::map<std::string, std::string> Room::contents() const {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory_.path())) {
    const std::string name = fs::relative(entry.path(), directory_.path()).string();
    if (name.starts_with("said-") || name.starts_with("home/ledger.sqlite")) {
      continue;
    }
    files[name] = entry.is_regular_file() ? text_of(entry.path()) : "";
  }
  return files;
}

bool Room::worker_says(const std::string& start) const {
  return eventually([&] {
    std::istringstream trace(text_of(*this / "trace"));
    for (std::string line; std::getline(trace, line);) {
      if (line.starts_with(start)) {
        return true;
      }
    }
    return false;
  });
}

std::vector<pid_t> Room::processes() const {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", ignored)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && pid != ::getpid() &&
        text_of(entry.path() / "environ").find(directory_.path().string()) != std::string::npos) {
      found.push_back(pid);
    }
  }
  return found;
}

void Room::expect_clean() const {
  EXPECT_TRUE(eventually([this] { return processes().empty(); }, std::chrono::seconds(5)))
      << "pid " << processes().front() << " is left";
  EXPECT_TRUE(fs::is_empty(*this / "sockets")) << "a socket is left";
  if (has_ledger()) {
    const Ended check = run({"ledger", "check"});
    EXPECT_EQ(check.status.exit_code, 0) << check.output << check.message;
  }
}

fs::path real_trainer() {
  return fs::path(SYMBIONT_PROGRAM).parent_path() / "symbiont-trainer-torch";
}

void write_images(const fs::path& folder, int rows, int side) {
  write_part(folder, "train", rows, side);
  write_part(folder, "t10k", 20, side);
}

std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  std::string result(compressBound(bytes.size()) + 64, '\0');
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
            Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::string idx(const std::vector<int>& dimensions, std::string_view values) {
  std::string bytes = {0, 0, 8, static_cast<char>(dimensions.size())};
  for (const int dimension : dimensions) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes += static_cast<char>(dimension >> shift & 255);
    }
  }
  return bytes.append(values);
}

bool eventually(const std::function<bool()>& holds, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace symbiont::testing
