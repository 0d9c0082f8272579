#pragma once
/// job.toml: what a recurring training job is, as its user writes it.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/tune/policy.h"

namespace symbiont::jobs {

/// When a training counts as done.
struct Target {
  std::string metric = "accuracy";  ///< or "loss"; of a command any name
  double value = 0.0;
  bool higher_is_better = true;

  /// NaN never reaches a target.
  bool is_reached_by(double measured) const;
};

/// `[train] worker = "torch"`: symbiont-trainer-torch trains.
struct TorchSpec {};

/// `[train] worker = "command"`: a command that speaks the worker protocol.
struct CommandSpec {
  std::vector<std::string> command;  ///< words, at least the program's
};

/// `[train] worker = "plain"`: a training command that knows nothing of the worker protocol.
struct PlainSpec {
  std::vector<std::string> command;  ///< words; placeholders as in train::SupervisorOptions
  std::string metrics;               ///< where it reports its epochs, see train::MetricsFormat
  std::int64_t first_epoch = 1;      ///< the number it gives its first epoch: 0 or 1
  std::chrono::seconds stop_grace{10};
};

using WorkerSpec = std::variant<TorchSpec, CommandSpec, PlainSpec>;

/// Where the grams of a joule come from. At most one of the three sources is set; none means the
/// world's average, flagged as a default.
struct CarbonSpec {
  std::string zone;                           ///< a country: "DE", "DEU"
  std::filesystem::path intensity_csv;        ///< a series, UTC
  std::optional<double> intensity_g_per_kwh;  ///< a constant
  double pue = 1.0;                           ///< power usage effectiveness, at least 1
};

/// The whole file, validated. Paths in it are relative to the file's folder.
struct JobSpec {
  std::filesystem::path file;

  // [job]
  std::string name;  ///< letters, digits, '.', '_', '-'; not all digits; at most 64
  std::int64_t recurrences = 1;
  Target target;
  std::int64_t max_epochs = 1;
  std::uint64_t seed = 1;
  std::int64_t baseline_runs = 0;

  // [data]
  /// "fashion-mnist", "digits", "idx:DIR", "csv:FILE"; may be empty with a command
  std::string data_set;
  std::optional<std::int64_t> data_limit;

  // [train]
  WorkerSpec worker;
  std::string model;  ///< may be empty with a command
  std::string optimizer;
  double learning_rate = 0.0;   ///< at the default batch size
  std::int64_t batch_size = 0;  ///< the default
  std::vector<std::int64_t> batch_sizes;
  int threads = 1;  ///< of the worker; of a command of one's own, all processors unless said
  bool limits_threads = true;  ///< the worker is told; else a command of one's own decides
  std::chrono::seconds deadline{300};

  // [tune]
  tune::PolicyKind policy = tune::PolicyKind::kFaithful;
  double eta = 0.5;
  double beta = 2.0;
  std::int64_t window = 0;
  tune::WindowScope window_scope = tune::WindowScope::kPerArm;

  // [energy]
  std::vector<std::string> meters = {"auto"};
  std::filesystem::path sysroot = "/";
  std::string curve;

  CarbonSpec carbon;

  /// The words of the user's own command, of either kind; empty when symbiont-trainer-torch trains.
  const std::vector<std::string>& own_command() const;
  /// The plain command; null when the worker is of another kind.
  const PlainSpec* plain() const { return std::get_if<PlainSpec>(&worker); }

  /// The line of every key, present or not (then its table's), as "table.key".
  std::map<std::string, int, std::less<>> lines;

  /// "FILE:LINE: [table] key", for what is found wrong with a value after the file was read.
  std::string place(std::string_view table, std::string_view key) const;

  /// What the tuner is told.
  tune::PolicyConfig policy_config() const;

  /// The keys that identify the job's learning, as one JSON object of strings and numbers: data,
  /// model, target, optimizer, learning_rate, batch_size, batch_sizes, eta, beta; and
  /// the command, if there is one.
  std::string identity() const;
};

/// The first key (in the order above) in which two identities differ, with both values, as
/// "learning_rate: was 0.001, is now 0.01". Nothing when they agree.
std::optional<std::string> identity_difference(std::string_view before, std::string_view after);

/// Parses and validates. kInvalidArgument naming line, key, what was found and expected;
/// kUnimplemented ("not in this version") for keys whose feature is still to come.
Result<JobSpec> parse_job_file(std::string_view text, const std::filesystem::path& path);
Result<JobSpec> load_job_file(const std::filesystem::path& path);

/// A commented job file to start from: what `symbiont init` writes, and `symbiont init --plain`.
std::string job_file_template(std::string_view job_name);
std::string plain_job_file_template(std::string_view job_name);

}  // namespace symbiont::jobs
