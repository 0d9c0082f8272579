#include "symbiont/jobs/job_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "symbiont/base/config.h"
#include "symbiont/base/file.h"
#include "symbiont/base/host.h"
#include "symbiont/base/words.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/energy/power_curve.h"
#include "symbiont/train/metrics.h"
#include "symbiont/tune/learning_rate.h"

namespace symbiont::jobs {
namespace {

using Json = nlohmann::ordered_json;
using Integers = std::vector<std::int64_t>;
using Words = std::vector<std::string>;

constexpr std::int64_t kMaxRecurrences = 100'000;
constexpr std::int64_t kMaxEpochs = 1'000'000;
constexpr std::int64_t kMaxBatchSize = 1 << 24;
constexpr std::size_t kMaxBatchSizes = 64;
constexpr std::size_t kMaxMetricName = 256;
constexpr std::size_t kMaxCommandBytes = 64 << 10;
constexpr std::size_t kMaxCommandWords = 1024;

/// Every key of a table. They are made known before any is read, so that a misspelt one is named as
/// such instead of being reported as missing.
struct KnownTable {
  std::string_view table;
  Words keys;
};
const std::array<KnownTable, 6>& known_tables() {
  static const std::array<KnownTable, 6> tables = {{
      {"job", {"name", "recurrences", "target", "max_epochs", "seed", "baseline_runs"}},
      {"data", {"set", "limit"}},
      {"train",
       {"worker", "model", "optimizer", "learning_rate", "batch_size", "batch_sizes", "threads",
        "deadline_s", "command", "metrics", "first_epoch", "stop_grace_s"}},
      {"tune", {"policy", "eta", "beta", "window", "window_scope", "power"}},
      {"energy", {"meters", "sysroot", "curve"}},
      {"carbon", {"zone", "intensity_csv", "intensity_g_per_kwh", "pue"}},
  }};
  return tables;
}

/// Features that the file format reserves and this version does not have.
struct ReservedKey {
  std::string_view table;
  std::string_view key;
};
constexpr std::array kReservedKeys = {
    ReservedKey{"tune", "horizon"},
    ReservedKey{"tune", "drift"},
    ReservedKey{"tune", "reexplore_every"},
    ReservedKey{"warm", "enabled"},
    ReservedKey{"warm", "zoo"},
    ReservedKey{"warm", "task"},
    ReservedKey{"warm", "own"},
    ReservedKey{"warm", "min_transfer"},
    ReservedKey{"warm", "accuracy_limit"},
    ReservedKey{"warm", "policy"},
    ReservedKey{"warm", "schedule"},
};

tl::unexpected<Error> reject(const ConfigTable& table, std::string_view key, std::string what) {
  return tl::unexpected(table.error_at(key, what));
}

tl::unexpected<Error> not_yet(const ConfigTable& table, std::string_view key,
                              std::string_view what) {
  return fail(ErrorCode::kUnimplemented,
              table.error_at(key, fmt::format("{} is not in this version", what)).message());
}

Result<void> refuse_reserved_keys(Config& config) {
  for (const ReservedKey& reserved : kReservedKeys) {
    ConfigTable table = config.table(reserved.table);
    if (table.has(reserved.key)) {
      return not_yet(table, reserved.key, "this key");
    }
  }
  return {};
}

Result<void> refuse_unknown_keys(Config& config) {
  for (const KnownTable& known : known_tables()) {
    ConfigTable table = config.table(known.table);
    for (const std::string& key : known.keys) {
      table.has(key);
    }
  }
  ConfigTable target = config.table("job").table("target");
  for (const std::string_view key : {"metric", "value", "higher_is_better"}) {
    target.has(key);
  }
  return config.finish();
}

void remember_lines(Config& config, JobSpec& spec) {
  for (const KnownTable& known : known_tables()) {
    for (const std::string& key : known.keys) {
      spec.lines[fmt::format("{}.{}", known.table, key)] = config.table(known.table).line_of(key);
    }
  }
}

Result<std::int64_t> integer_between(ConfigTable& table, std::string_view key, std::int64_t value,
                                     std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    return reject(table, key,
                  fmt::format("expected a whole number from {} to {}, found {}", low, high, value));
  }
  return value;
}

Result<std::int64_t> required_between(ConfigTable& table, std::string_view key, std::int64_t low,
                                      std::int64_t high) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t value, table.required<std::int64_t>(key));
  return integer_between(table, key, value, low, high);
}

Result<std::int64_t> optional_between(ConfigTable& table, std::string_view key,
                                      std::int64_t fallback, std::int64_t low, std::int64_t high) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t value, table.optional<std::int64_t>(key, fallback));
  return integer_between(table, key, value, low, high);
}

/// A word out of a list; the error shows the list and the nearest one.
Result<std::string> one_of(ConfigTable& table, std::string_view key, const std::string& value,
                           const Words& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) {
    return value;
  }
  const std::string nearest = nearest_word(value, known);
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest);
  return reject(
      table, key,
      fmt::format("expected one of {}, found \"{}\"{}", fmt::join(known, ", "), value, hint));
}

bool is_job_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), allowed) &&
         !std::all_of(name.begin(), name.end(), digit);
}

/// Paths in a job file are relative to it, so that the job can be run from anywhere.
std::filesystem::path beside(const JobSpec& spec, const std::string& path) {
  if (path.empty() || std::filesystem::path(path).is_absolute()) {
    return path;
  }
  return std::filesystem::absolute(spec.file).parent_path() / path;
}

/// "idx:DIR" -> "idx:/where/the/job/is/DIR"; words without a path stay.
std::string resolve_source(const JobSpec& spec, const std::string& source,
                           std::string_view prefix) {
  if (!source.starts_with(prefix)) {
    return source;
  }
  return std::string(prefix) + beside(spec, source.substr(prefix.size())).string();
}

/// `any_metric`: a command of the user names its metric as it likes.
Result<void> read_target(ConfigTable job, bool any_metric, Target& target) {
  if (!job.has("target")) {
    return reject(job, "target",
                  "missing (expected {metric = \"accuracy\", value = 0.88, "
                  "higher_is_better = true})");
  }
  ConfigTable table = job.table("target");
  SYM_ASSIGN_OR_RETURN(target.metric, table.optional<std::string>("metric", "accuracy"));
  const bool is_known = target.metric == "accuracy" || target.metric == "loss";
  if (!any_metric) {
    SYM_RETURN_IF_ERROR(one_of(table, "metric", target.metric, {"accuracy", "loss"}));
  } else if (target.metric.empty() || target.metric.size() > kMaxMetricName) {
    return reject(table, "metric",
                  fmt::format("expected a name of 1 to {} bytes, found {}", kMaxMetricName,
                              target.metric.size()));
  }
  SYM_ASSIGN_OR_RETURN(target.value, table.required<double>("value"));
  if (!is_known && !table.has("higher_is_better")) {
    return reject(table, "higher_is_better",
                  fmt::format("missing (expected true or false: it goes without saying for "
                              "accuracy and loss, not for \"{}\")",
                              target.metric));
  }
  const bool higher_by_nature = target.metric == "accuracy";
  SYM_ASSIGN_OR_RETURN(target.higher_is_better,
                       table.optional<bool>("higher_is_better", higher_by_nature));
  // Some scripts count accuracy in percent.
  if (!any_metric && target.metric == "accuracy" && (target.value <= 0.0 || target.value > 1.0)) {
    return reject(table, "value",
                  fmt::format("expected an accuracy above 0 and at most 1, found {}; "
                              "no run could be judged by it",
                              target.value));
  }
  return {};
}

Result<void> read_job(Config& config, JobSpec& spec) {
  ConfigTable job = config.table("job");
  SYM_ASSIGN_OR_RETURN(spec.name, job.required<std::string>("name"));
  if (!is_job_name(spec.name)) {
    return reject(job, "name",
                  fmt::format("expected 1 to 64 letters, digits, '.', '_' or '-', not all digits "
                              "and not starting with '.' or '-', found \"{}\"",
                              spec.name));
  }
  SYM_ASSIGN_OR_RETURN(spec.recurrences, required_between(job, "recurrences", 1, kMaxRecurrences));
  SYM_RETURN_IF_ERROR(read_target(job, !spec.own_command().empty(), spec.target));
  SYM_ASSIGN_OR_RETURN(spec.max_epochs, required_between(job, "max_epochs", 1, kMaxEpochs));
  SYM_ASSIGN_OR_RETURN(const std::int64_t seed,
                       optional_between(job, "seed", 1, 0, std::int64_t{1} << 53));
  spec.seed = static_cast<std::uint64_t>(seed);
  SYM_ASSIGN_OR_RETURN(spec.baseline_runs, optional_between(job, "baseline_runs", 0, 0, 1000));
  return {};
}

Result<void> read_data(Config& config, JobSpec& spec) {
  ConfigTable data = config.table("data");
  if (!spec.own_command().empty() && !data.has("set") && !data.has("limit")) {
    return {};  // the command reads what it likes
  }
  SYM_ASSIGN_OR_RETURN(spec.data_set, data.required<std::string>("set"));
  const bool has_path = (spec.data_set.starts_with("idx:") || spec.data_set.starts_with("csv:")) &&
                        spec.data_set.size() > 4;
  if (spec.data_set == "glyphs") {
    return not_yet(data, "set", "the set \"glyphs\"");
  }
  if (!has_path) {
    SYM_ASSIGN_OR_RETURN(spec.data_set, one_of(data, "set", spec.data_set,
                                               {"fashion-mnist", "digits", "idx:DIR", "csv:FILE"}));
  }
  spec.data_set = resolve_source(spec, spec.data_set, "idx:");
  spec.data_set = resolve_source(spec, spec.data_set, "csv:");
  if (data.has("limit")) {
    SYM_ASSIGN_OR_RETURN(spec.data_limit,
                         required_between(data, "limit", 1, std::int64_t{1} << 40));
  }
  return {};
}

/// An array of words, or one string that is split as POSIX says.
Result<Words> read_words(ConfigTable& train) {
  const auto line = train.required<std::string>("command");
  if (!line) {
    auto words = train.required<Words>("command");
    if (!words) {
      return reject(train, "command",
                    train.has("command")
                        ? "expected an array of strings, or one string"
                        : "missing (expected the command that trains: an array of strings, or one "
                          "string)");
    }
    return words;
  }
  const auto words = split_words(*line);
  if (!words) {
    return reject(train, "command", words.error().message());
  }
  return *words;
}

Result<void> check_command(ConfigTable& train, const Words& command) {
  if (command.empty() || command.front().empty()) {
    return reject(train, "command", "expected a program and its arguments, found no program");
  }
  std::size_t bytes = 0;
  for (const std::string& word : command) {
    bytes += word.size() + 1;
    if (word.find('\0') != word.npos) {
      return reject(train, "command", "found a zero byte, which no argument can hold");
    }
  }
  if (bytes > kMaxCommandBytes || command.size() > kMaxCommandWords) {
    return reject(train, "command",
                  fmt::format("expected at most {} words and {} bytes, found {} and {}",
                              kMaxCommandWords, kMaxCommandBytes, command.size(), bytes));
  }
  return {};
}

Result<Words> read_command(ConfigTable& train) {
  SYM_ASSIGN_OR_RETURN(Words command, read_words(train));
  SYM_RETURN_IF_ERROR(check_command(train, command));
  return command;
}

Result<PlainSpec> read_plain(ConfigTable& train) {
  PlainSpec plain;
  SYM_ASSIGN_OR_RETURN(plain.command, read_command(train));
  SYM_ASSIGN_OR_RETURN(plain.metrics, train.required<std::string>("metrics"));
  if (const auto format = train::MetricsFormat::parse(plain.metrics, ""); !format) {
    return reject(train, "metrics", format.error().message());
  }
  SYM_ASSIGN_OR_RETURN(plain.first_epoch, optional_between(train, "first_epoch", 1, 0, 1));
  SYM_ASSIGN_OR_RETURN(const std::int64_t grace,
                       optional_between(train, "stop_grace_s", 10, 0, 60));
  plain.stop_grace = std::chrono::seconds(grace);
  return plain;
}

/// Decides what other tables need, so it is read first.
Result<void> read_worker(Config& config, JobSpec& spec) {
  ConfigTable train = config.table("train");
  SYM_ASSIGN_OR_RETURN(const std::string worker, train.optional<std::string>("worker", "torch"));
  SYM_RETURN_IF_ERROR(one_of(train, "worker", worker, {"torch", "plain", "command"}));
  if (worker == "plain") {
    SYM_ASSIGN_OR_RETURN(spec.worker, read_plain(train));
    return {};
  }
  if (worker == "command") {
    SYM_ASSIGN_OR_RETURN(Words command, read_command(train));
    spec.worker = CommandSpec{std::move(command)};
  } else if (train.has("command")) {
    return reject(train, "command",
                  "belongs to worker = \"plain\" or \"command\": \"torch\" trains by itself");
  }
  for (const std::string_view key : {"metrics", "first_epoch", "stop_grace_s"}) {
    if (train.has(key)) {
      return reject(train, key,
                    "belongs to worker = \"plain\", whose command reports nothing itself");
    }
  }
  return {};
}

/// For a command of the user a name and nothing more.
Result<void> read_model_name(ConfigTable& train, JobSpec& spec) {
  if (!spec.own_command().empty()) {
    SYM_ASSIGN_OR_RETURN(spec.model, train.optional<std::string>("model", ""));
    return {};
  }
  SYM_ASSIGN_OR_RETURN(spec.model, train.required<std::string>("model"));
  if (spec.model == "resnet-8" || spec.model.ends_with(".onnx")) {
    return not_yet(train, "model", fmt::format("the model \"{}\"", spec.model));
  }
  SYM_RETURN_IF_ERROR(one_of(train, "model", spec.model, {"mlp", "cnn-small"}));
  return {};
}

Result<void> read_model(ConfigTable& train, JobSpec& spec) {
  SYM_RETURN_IF_ERROR(read_model_name(train, spec));
  SYM_ASSIGN_OR_RETURN(spec.optimizer, train.required<std::string>("optimizer"));
  if (const auto rule = tune::learning_rate_rule(spec.optimizer); !rule) {
    return reject(train, "optimizer", rule.error().message());
  }
  SYM_ASSIGN_OR_RETURN(spec.learning_rate, train.required<double>("learning_rate"));
  if (spec.learning_rate <= 0.0) {
    return reject(train, "learning_rate",
                  fmt::format("expected a number above 0, found {}", spec.learning_rate));
  }
  return {};
}

Result<void> read_batch_sizes(ConfigTable& train, JobSpec& spec) {
  SYM_ASSIGN_OR_RETURN(spec.batch_size, required_between(train, "batch_size", 1, kMaxBatchSize));
  SYM_ASSIGN_OR_RETURN(spec.batch_sizes,
                       train.optional<Integers>("batch_sizes", Integers{spec.batch_size}));
  if (spec.batch_sizes.empty() || spec.batch_sizes.size() > kMaxBatchSizes) {
    return reject(
        train, "batch_sizes",
        fmt::format("expected 1 to {} sizes, found {}", kMaxBatchSizes, spec.batch_sizes.size()));
  }
  for (const std::int64_t size : spec.batch_sizes) {
    SYM_RETURN_IF_ERROR(integer_between(train, "batch_sizes", size, 1, kMaxBatchSize));
  }
  std::sort(spec.batch_sizes.begin(), spec.batch_sizes.end());
  const auto twice = std::adjacent_find(spec.batch_sizes.begin(), spec.batch_sizes.end());
  if (twice != spec.batch_sizes.end()) {
    return reject(train, "batch_sizes", fmt::format("the size {} is listed twice", *twice));
  }
  if (!std::binary_search(spec.batch_sizes.begin(), spec.batch_sizes.end(), spec.batch_size)) {
    return reject(train, "batch_sizes",
                  fmt::format("the default batch_size {} is not among them", spec.batch_size));
  }
  return {};
}

Result<void> read_train(Config& config, JobSpec& spec) {
  ConfigTable train = config.table("train");
  SYM_RETURN_IF_ERROR(read_model(train, spec));
  SYM_RETURN_IF_ERROR(read_batch_sizes(train, spec));
  const bool own = !spec.own_command().empty();
  SYM_ASSIGN_OR_RETURN(const std::int64_t threads,
                       optional_between(train, "threads",
                                        own ? std::min(available_processors(), 1024) : 1, 1, 1024));
  spec.threads = static_cast<int>(threads);
  spec.limits_threads = !own || train.has("threads");
  SYM_ASSIGN_OR_RETURN(const std::int64_t deadline,
                       optional_between(train, "deadline_s", 300, 1, 7 * 86'400));
  spec.deadline = std::chrono::seconds(deadline);
  return {};
}

Result<void> read_policy(ConfigTable& tune_table, JobSpec& spec) {
  SYM_ASSIGN_OR_RETURN(const std::string policy,
                       tune_table.optional<std::string>("policy", "faithful"));
  if (policy == "improved") {
    return not_yet(tune_table, "policy", "the policy \"improved\"");
  }
  SYM_RETURN_IF_ERROR(one_of(tune_table, "policy", policy, {"faithful", "fixed"}));
  spec.policy = policy == "fixed" ? tune::PolicyKind::kFixed : tune::PolicyKind::kFaithful;
  SYM_ASSIGN_OR_RETURN(const std::string power, tune_table.optional<std::string>("power", "off"));
  if (power == "observe" || power == "control") {
    return not_yet(tune_table, "power", fmt::format("power = \"{}\"", power));
  }
  SYM_RETURN_IF_ERROR(one_of(tune_table, "power", power, {"off"}));
  return {};
}

Result<void> read_tune(Config& config, JobSpec& spec) {
  ConfigTable table = config.table("tune");
  SYM_RETURN_IF_ERROR(read_policy(table, spec));
  SYM_ASSIGN_OR_RETURN(spec.eta, table.optional<double>("eta", 0.5));
  if (spec.eta < 0.0 || spec.eta > 1.0) {
    return reject(table, "eta",
                  fmt::format("expected a number from 0 (time) to 1 (energy), found {}", spec.eta));
  }
  SYM_ASSIGN_OR_RETURN(spec.beta, table.optional<double>("beta", 2.0));
  if (spec.beta <= 1.0) {
    return reject(table, "beta",
                  fmt::format("expected a number above 1, found {}: a bound at or below the best "
                              "cost would stop every run",
                              spec.beta));
  }
  SYM_ASSIGN_OR_RETURN(spec.window, optional_between(table, "window", 0, 0, 1'000'000));
  SYM_ASSIGN_OR_RETURN(std::string scope, table.optional<std::string>("window_scope", "per_arm"));
  SYM_ASSIGN_OR_RETURN(scope, one_of(table, "window_scope", scope, {"per_arm", "global"}));
  spec.window_scope = scope == "global" ? tune::WindowScope::kGlobal : tune::WindowScope::kPerArm;
  return {};
}

Result<void> read_energy(Config& config, JobSpec& spec) {
  ConfigTable table = config.table("energy");
  SYM_ASSIGN_OR_RETURN(spec.meters, table.optional<Words>("meters", Words{"auto"}));
  if (spec.meters.empty()) {
    return reject(table, "meters", "expected at least one meter, found none");
  }
  const std::filesystem::path folder = std::filesystem::absolute(spec.file).parent_path();
  for (std::string& meter : spec.meters) {
    if (const auto known = energy::Monitor::check_meter_name(meter); !known) {
      return reject(table, "meters", known.error().message());
    }
    meter = energy::Monitor::resolve_meter_path(meter, folder);
  }
  SYM_ASSIGN_OR_RETURN(const std::string sysroot, table.optional<std::string>("sysroot", "/"));
  spec.sysroot = beside(spec, sysroot);
  SYM_ASSIGN_OR_RETURN(spec.curve, table.optional<std::string>("curve", ""));
  spec.curve = energy::resolve_curve_path(spec.curve, folder);
  if (const auto known = energy::find_power_curve(spec.curve); !known) {
    return reject(table, "curve", known.error().message());
  }
  return {};
}

Result<void> read_carbon(Config& config, JobSpec& spec) {
  ConfigTable carbon = config.table("carbon");
  SYM_ASSIGN_OR_RETURN(spec.carbon.zone, carbon.optional<std::string>("zone", ""));
  SYM_ASSIGN_OR_RETURN(const std::string csv, carbon.optional<std::string>("intensity_csv", ""));
  spec.carbon.intensity_csv = beside(spec, csv);
  if (carbon.has("intensity_g_per_kwh")) {
    SYM_ASSIGN_OR_RETURN(spec.carbon.intensity_g_per_kwh,
                         carbon.required<double>("intensity_g_per_kwh"));
    if (*spec.carbon.intensity_g_per_kwh < 0.0) {
      return reject(carbon, "intensity_g_per_kwh", "expected a number of at least 0");
    }
  }
  const int sources = (spec.carbon.zone.empty() ? 0 : 1) + (csv.empty() ? 0 : 1) +
                      (spec.carbon.intensity_g_per_kwh ? 1 : 0);
  if (sources > 1) {
    return reject(carbon, csv.empty() ? "intensity_g_per_kwh" : "intensity_csv",
                  "expected one of zone, intensity_csv and intensity_g_per_kwh, found several");
  }
  SYM_ASSIGN_OR_RETURN(spec.carbon.pue, carbon.optional<double>("pue", 1.0));
  if (spec.carbon.pue < 1.0 || spec.carbon.pue > 10.0) {
    return reject(carbon, "pue",
                  fmt::format("expected a power usage effectiveness from 1 to 10, found {}",
                              spec.carbon.pue));
  }
  return {};
}

}  // namespace

bool Target::is_reached_by(double measured) const {
  if (std::isnan(measured)) {
    return false;
  }
  return higher_is_better ? measured >= value : measured <= value;
}

const std::vector<std::string>& JobSpec::own_command() const {
  static const std::vector<std::string> none;
  if (plain() != nullptr) {
    return plain()->command;
  }
  const auto* own = std::get_if<CommandSpec>(&worker);
  return own != nullptr ? own->command : none;
}

std::string JobSpec::place(std::string_view table, std::string_view key) const {
  const auto line = lines.find(fmt::format("{}.{}", table, key));
  return line == lines.end()
             ? fmt::format("{}: [{}] {}", file.string(), table, key)
             : fmt::format("{}:{}: [{}] {}", file.string(), line->second, table, key);
}

tune::PolicyConfig JobSpec::policy_config() const {
  tune::PolicyConfig config;
  // With one size there is nothing to learn, and a bound could only stop what has no alternative.
  config.kind = batch_sizes.size() == 1 ? tune::PolicyKind::kFixed : policy;
  config.batch_sizes = batch_sizes;
  config.default_batch_size = batch_size;
  config.beta = beta;
  config.window = window;
  config.window_scope = window_scope;
  return config;
}

std::string JobSpec::identity() const {
  Json identity;
  if (!own_command().empty()) {
    identity["command"] = own_command();
  }
  identity["data"] = data_limit ? fmt::format("{} (first {})", data_set, *data_limit) : data_set;
  identity["model"] = model;
  identity["target"] =
      fmt::format("{} {} {}", target.metric, target.higher_is_better ? ">=" : "<=", target.value);
  identity["optimizer"] = optimizer;
  identity["learning_rate"] = learning_rate;
  identity["batch_size"] = batch_size;
  identity["batch_sizes"] = batch_sizes;
  identity["eta"] = eta;
  identity["beta"] = beta;
  return identity.dump(-1, ' ', false, Json::error_handler_t::replace);  // paths hold any bytes
}

std::optional<std::string> identity_difference(std::string_view before, std::string_view after) {
  const Json was = Json::parse(before, nullptr, false);
  const Json is = Json::parse(after, nullptr, false);
  SYM_CHECK(is.is_object());
  if (!was.is_object()) {
    return "the ledger's record of the job file is not readable";
  }
  for (const auto& [key, value] : is.items()) {
    if (!was.contains(key) || was.at(key) != value) {
      const std::string old = was.contains(key) ? was.at(key).dump() : "absent";
      return fmt::format("{}: was {}, is now {}", key, old, value.dump());
    }
  }
  return std::nullopt;
}

Result<JobSpec> parse_job_file(std::string_view text, const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(Config config, Config::parse(text, path.string()));
  JobSpec spec;
  spec.file = path;
  SYM_RETURN_IF_ERROR(refuse_reserved_keys(config));
  SYM_RETURN_IF_ERROR(refuse_unknown_keys(config));
  remember_lines(config, spec);
  SYM_RETURN_IF_ERROR(read_worker(config, spec));
  SYM_RETURN_IF_ERROR(read_job(config, spec));
  SYM_RETURN_IF_ERROR(read_data(config, spec));
  SYM_RETURN_IF_ERROR(read_train(config, spec));
  SYM_RETURN_IF_ERROR(read_tune(config, spec));
  SYM_RETURN_IF_ERROR(read_energy(config, spec));
  SYM_RETURN_IF_ERROR(read_carbon(config, spec));
  return spec;
}

Result<JobSpec> load_job_file(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const std::string text, read_file(path, 1 << 20));
  return parse_job_file(text, path);
}

}  // namespace symbiont::jobs
