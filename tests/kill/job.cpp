#include "job.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <utility>

#include <gtest/gtest.h>

#include "trace.h"

namespace symbiont::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kManyAttemptsJob = R"([job]
name = "killed"
recurrences = 3
target = {metric = "accuracy", value = 0.70, higher_is_better = true}
max_epochs = 8
seed = 1
baseline_runs = 1
[data]
set = "fashion-mnist"
limit = 2048
[train]
model = "mlp"
optimizer = "adam"
learning_rate = 0.001
batch_size = 128
batch_sizes = [64, 128, 256]
[energy]
meters = ["replay:trace.csv"]
[carbon]
intensity_g_per_kwh = 400
)";

constexpr const char* kLongEpochJob = R"([job]
name = "killed"
recurrences = 1
target = {metric = "accuracy", value = 0.60, higher_is_better = true}
max_epochs = 4
seed = 1
[data]
set = "fashion-mnist"
limit = 40960
[train]
model = "mlp"
optimizer = "adam"
learning_rate = 0.001
batch_size = 16
batch_sizes = [16]
[energy]
meters = ["replay:trace.csv"]
[carbon]
intensity_g_per_kwh = 400
)";

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string trap(const Death& death, const fs::path& token) {
  return death.failpoint + ":" + std::to_string(death.count) + ":" + token.string();
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Processes that have this text in a file of theirs below /proc.
std::vector<pid_t> processes_with(const std::string& text, const char* file) {
  std::vector<pid_t> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (is_number(name) && read(entry.path() / file).find(text) != std::string::npos) {
      found.push_back(static_cast<pid_t>(std::stol(name)));
    }
  }
  return found;
}

}  // namespace

Job::Job(Shape shape) : trainer_(SYMBIONT_TRAINER_PROGRAM) {
  fs::create_directory(folder_ / "tmp");
  write(folder_ / "trace.csv", trace_csv());
  write(folder_ / "job.toml", shape == Shape::kManyAttempts ? kManyAttemptsJob : kLongEpochJob);
}

Ended Running::end() {
  const std::optional<ExitStatus> status = process.wait(std::chrono::seconds(200));
  EXPECT_TRUE(status) << "it does not end";
  return {status.value_or(ExitStatus{-1, 0}), read(output), read(complaint)};
}

Running Job::spawn(const std::vector<std::string>& arguments,
                   const std::optional<Death>& death) const {
  SpawnOptions options;
  options.argv = {SYMBIONT_PROGRAM};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.argv.insert(options.argv.end(), {"--home", home_.string()});
  options.environment = {{"TMPDIR", (folder_ / "tmp").string()},
                         {"XDG_RUNTIME_DIR", ""},
                         {"SYMBIONT_TRAINER_TORCH", trainer_.string()}};
  if (death) {
    write(folder_ / "token", "x");
    options.environment.emplace_back("SYMBIONT_FAILPOINT", trap(*death, folder_ / "token"));
  }
  const std::string number = std::to_string(++commands_);
  options.stdout_file = folder_ / (number + ".out");
  options.stderr_file = folder_ / (number + ".err");
  Result<Subprocess> process = Subprocess::spawn(options);
  SYM_CHECK(process.has_value());
  return {std::move(*process), options.stdout_file, options.stderr_file};
}

Running Job::start(const std::optional<Death>& death,
                   const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"run", (folder_ / "job.toml").string(), "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return spawn(all, death);
}

Ended Job::run(const std::optional<Death>& death, const std::vector<std::string>& arguments) const {
  return start(death, arguments).end();
}

Ended Job::command(const std::vector<std::string>& arguments) const {
  return spawn(arguments, std::nullopt).end();
}

void Job::kill_worker(const Death& death) {
  const fs::path token = folder_ / "worker-token";
  write(token, "x");
  trainer_ = folder_ / "trainer";
  write(trainer_, "#!/bin/sh\nSYMBIONT_FAILPOINT='" + trap(death, token) + "' exec '" +
                      SYMBIONT_TRAINER_PROGRAM + "' \"$@\"\n");
  fs::permissions(trainer_, fs::perms::owner_all);
}

void Job::move_home() {
  const fs::path original = std::exchange(home_, folder_ / "home that was moved");
  fs::rename(original, home_);
}

fs::path Job::copy_home() {
  fs::path original = std::exchange(home_, folder_ / "home that was copied");
  fs::copy(original, home_, fs::copy_options::recursive);
  return original;
}

bool Job::has_died() const {
  return !fs::exists(folder_ / "token");
}

bool Job::worker_has_died() const {
  return !fs::exists(folder_ / "worker-token");
}

std::string Job::exported() const {
  const Ended ended = command({"ledger", "export"});
  EXPECT_TRUE(ended.status.success()) << ended.complaint;
  return ended.output;
}

Ended Job::check() const {
  return command({"ledger", "check"});
}

std::vector<pid_t> Job::workers() const {
  return processes_with("SYMBIONT_OUTPUT=" + (folder_ / "home").string(), "environ");
}

std::vector<pid_t> Job::processes() const {
  std::vector<pid_t> all = processes_with((folder_ / "home").string(), "cmdline");
  const std::vector<pid_t> trainers = workers();
  all.insert(all.end(), trainers.begin(), trainers.end());
  return all;
}

bool Job::leaves_nobody_behind() const {
  return wait_until([this] { return processes().empty(); }, std::chrono::seconds(5));
}

std::vector<fs::path> Job::checkpoints() const {
  std::vector<fs::path> found;
  for (const auto& attempt : fs::directory_iterator(home_ / "jobs" / "killed")) {
    for (const auto& entry : fs::directory_iterator(attempt)) {
      if (entry.is_directory()) {
        found.push_back(entry.path());
      }
    }
  }
  return found;
}

std::vector<fs::path> Job::litter() const {
  return {fs::directory_iterator(folder_ / "tmp"), fs::directory_iterator()};
}

void Job::age_litter() const {
  for (const fs::path& path : litter()) {
    fs::last_write_time(path, fs::file_time_type::clock::now() - std::chrono::hours(1));
  }
}

}  // namespace symbiont::testing
