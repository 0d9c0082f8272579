#include "symbiont/tune/trace.h"

#include <algorithm>
#include <array>
#include <functional>

#include <fmt/format.h>

namespace symbiont::tune {
namespace {

constexpr std::string_view kRunsFile = "summary_train.csv";
constexpr std::string_view kPowerPrefix = "summary_power_";
constexpr std::string_view kPowerSuffix = ".csv";
constexpr std::int64_t kMaxWhole = 1'000'000'000;
constexpr double kMaxMeasured = 1e9;

/// Reads the cells of a table by column name, with ranges.
class Rows {
 public:
  static Result<Rows> open(const CsvTable& table, std::vector<std::string_view> columns) {
    Rows rows(table);
    for (const std::string_view name : columns) {
      SYM_ASSIGN_OR_RETURN(const std::size_t column, table.column(name));
      rows.columns_.emplace(name, column);
    }
    return rows;
  }

  Result<TraceJob> job(std::size_t row) const {
    TraceJob job;
    SYM_ASSIGN_OR_RETURN(job.dataset, word(row, "dataset"));
    SYM_ASSIGN_OR_RETURN(job.network, word(row, "network"));
    SYM_ASSIGN_OR_RETURN(job.optimizer, word(row, "optimizer"));
    return job;
  }

  Result<std::int64_t> whole(std::size_t row, std::string_view name) const {
    const std::size_t column = at(name);
    SYM_ASSIGN_OR_RETURN(const std::int64_t value, table_->integer(row, column));
    if (value < 1 || value > kMaxWhole) {
      return wrong(row, name, fmt::format("a whole number from 1 to {}", kMaxWhole));
    }
    return value;
  }

  Result<double> measured(std::size_t row, std::string_view name) const {
    SYM_ASSIGN_OR_RETURN(const double value, table_->number(row, at(name)));
    if (!(value > 0.0 && value <= kMaxMeasured)) {
      return wrong(row, name, fmt::format("a number above 0, at most {}", kMaxMeasured));
    }
    return value;
  }

  Result<double> number(std::size_t row, std::string_view name) const {
    return table_->number(row, at(name));
  }

  const std::string& text(std::size_t row, std::string_view name) const {
    return table_->text(row, at(name));
  }

  tl::unexpected<Error> twice(std::size_t row, std::string_view name) const {
    return tl::unexpected(table_->error_at(row, at(name), "this measurement is there twice"));
  }

 private:
  explicit Rows(const CsvTable& table) : table_(&table) {}

  std::size_t at(std::string_view name) const { return columns_.at(name); }

  Result<std::string> word(std::size_t row, std::string_view name) const {
    if (text(row, name).empty()) {
      return wrong(row, name, "a name");
    }
    return text(row, name);
  }

  tl::unexpected<Error> wrong(std::size_t row, std::string_view name,
                              std::string_view expected) const {
    return tl::unexpected(table_->error_at(
        row, at(name), fmt::format("expected {}, found \"{}\"", expected, text(row, name))));
  }

  const CsvTable* table_;
  std::map<std::string_view, std::size_t> columns_;
};

Result<std::optional<std::int64_t>> target_epoch(const Rows& rows, std::size_t row) {
  if (rows.text(row, "target_epoch") == "nan") {
    return std::optional<std::int64_t>();
  }
  SYM_ASSIGN_OR_RETURN(const std::int64_t epoch, rows.whole(row, "target_epoch"));
  return std::optional(epoch);
}

Result<PowerPoint> power_point(const Rows& rows, std::size_t row) {
  PowerPoint point;
  SYM_ASSIGN_OR_RETURN(point.power_limit_w, rows.whole(row, "power_limit"));
  SYM_ASSIGN_OR_RETURN(const double time, rows.measured(row, "time_per_epoch"));
  SYM_ASSIGN_OR_RETURN(const double power, rows.measured(row, "average_power"));
  point.time_per_epoch = Seconds(time);
  point.average_power = Watts(power);
  return point;
}

/// "v100" of "summary_power_v100.csv"; empty for other names.
std::string gpu_of(const std::string& file_name) {
  const bool is_power = file_name.size() > kPowerPrefix.size() + kPowerSuffix.size() &&
                        file_name.starts_with(kPowerPrefix) && file_name.ends_with(kPowerSuffix);
  if (!is_power) {
    return {};
  }
  return file_name.substr(kPowerPrefix.size(),
                          file_name.size() - kPowerPrefix.size() - kPowerSuffix.size());
}

/// The power files of a folder by device, so that they are read in the same order everywhere.
Result<std::map<std::string, std::filesystem::path>> power_files(
    const std::filesystem::path& folder) {
  std::map<std::string, std::filesystem::path> files;
  std::error_code failure;
  for (std::filesystem::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    if (const std::string gpu = gpu_of(entry->path().filename().string()); !gpu.empty()) {
      files.emplace(gpu, entry->path());
    }
  }
  if (failure || files.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{}: {}", folder.string(),
                            failure ? failure.message() : "no summary_power_GPU.csv in it"));
  }
  return files;
}

}  // namespace

Result<TraceSet> TraceSet::load(const std::filesystem::path& folder) {
  SYM_ASSIGN_OR_RETURN(const auto files, power_files(folder));
  TraceSet traces;
  SYM_ASSIGN_OR_RETURN(const CsvTable runs, CsvTable::load(folder / kRunsFile));
  SYM_RETURN_IF_ERROR(traces.add_runs(runs));
  for (const auto& [gpu, file] : files) {
    SYM_ASSIGN_OR_RETURN(const CsvTable power, CsvTable::load(file));
    SYM_RETURN_IF_ERROR(traces.add_power(gpu, power));
  }
  return traces;
}

Result<void> TraceSet::add_runs(const CsvTable& table) {
  SYM_ASSIGN_OR_RETURN(const Rows rows,
                       Rows::open(table, {"dataset", "network", "optimizer", "batch_size", "run",
                                          "target_metric", "target_epoch"}));
  for (std::size_t row = 0; row < table.rows(); ++row) {
    SYM_ASSIGN_OR_RETURN(const TraceJob job, rows.job(row));
    SYM_ASSIGN_OR_RETURN(const std::int64_t batch_size, rows.whole(row, "batch_size"));
    SYM_ASSIGN_OR_RETURN(const std::int64_t run, rows.whole(row, "run"));
    SYM_ASSIGN_OR_RETURN(const double target, rows.number(row, "target_metric"));
    SYM_ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, target_epoch(rows, row));
    if (!runs_[job][batch_size].emplace(std::pair(target, run), epoch).second) {
      return rows.twice(row, "run");
    }
  }
  return {};
}

Result<void> TraceSet::add_power(std::string_view gpu, const CsvTable& table) {
  SYM_ASSIGN_OR_RETURN(const Rows rows,
                       Rows::open(table, {"dataset", "network", "optimizer", "batch_size",
                                          "power_limit", "time_per_epoch", "average_power"}));
  std::map<TraceJob, Power>& jobs = power_[std::string(gpu)];
  for (std::size_t row = 0; row < table.rows(); ++row) {
    SYM_ASSIGN_OR_RETURN(const TraceJob job, rows.job(row));
    SYM_ASSIGN_OR_RETURN(const std::int64_t batch_size, rows.whole(row, "batch_size"));
    SYM_ASSIGN_OR_RETURN(const PowerPoint point, power_point(rows, row));
    if (!jobs[job][batch_size].emplace(point.power_limit_w, point).second) {
      return rows.twice(row, "power_limit");
    }
  }
  return {};
}

Result<JobTrace> TraceSet::job(std::string_view gpu, const TraceJob& job) const {
  const auto device = power_.find(gpu);
  if (device == power_.end()) {
    return fail(ErrorCode::kNotFound, fmt::format("no power trace of gpu \"{}\"; there are {}", gpu,
                                                  fmt::join(gpus(), ", ")));
  }
  JobTrace joined;
  const auto runs = runs_.find(job);
  const auto power = device->second.find(job);
  if (runs != runs_.end() && power != device->second.end()) {
    for (const auto& [batch_size, epochs] : runs->second) {
      if (const auto points = power->second.find(batch_size); points != power->second.end()) {
        BatchTrace& trace = joined[batch_size];
        trace.epochs = epochs;
        for (const auto& [limit, point] : points->second) {
          trace.power.push_back(point);
        }
      }
    }
  }
  if (joined.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no batch size of {}/{} with {} has both runs and power on {}",
                            job.dataset, job.network, job.optimizer, gpu));
  }
  return joined;
}

std::vector<std::string> TraceSet::gpus() const {
  std::vector<std::string> gpus;
  for (const auto& [gpu, jobs] : power_) {
    gpus.push_back(gpu);
  }
  return gpus;
}

std::vector<TraceJob> TraceSet::jobs(std::string_view gpu) const {
  std::vector<TraceJob> jobs;
  if (const auto device = power_.find(gpu); device != power_.end()) {
    for (const auto& [job, power] : device->second) {
      jobs.push_back(job);
    }
  }
  return jobs;
}

}  // namespace symbiont::tune
