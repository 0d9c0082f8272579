#pragma once
/// Published measurements of training runs, joined so that a run can be replayed from them.
///
/// A folder holds `summary_train.csv` (dataset, network, batch_size, optimizer, learning_rate, run,
/// target_metric, target_epoch; "nan" where a run never got there) and one `summary_power_GPU.csv`
/// per device (dataset, network, batch_size, optimizer, power_limit [W], time_per_epoch [s],
/// average_power [W]). A batch size that appears in only one of the two is left out.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "symbiont/base/csv.h"
#include "symbiont/base/error.h"
#include "symbiont/tune/power_limit.h"

namespace symbiont::tune {

/// What is trained.
struct TraceJob {
  std::string dataset;
  std::string network;
  std::string optimizer;

  friend auto operator<=>(const TraceJob&, const TraceJob&) = default;
};

/// Everything known of one batch size of one job on one device.
struct BatchTrace {
  std::vector<PowerPoint> power;  ///< ascending limits, not empty
  /// Epochs that repetition `run` needed to reach a target metric, by (target metric, run);
  /// absent where it never did. A key that is missing was not recorded.
  std::map<std::pair<double, std::int64_t>, std::optional<std::int64_t>> epochs;
};

/// The batch sizes of one job on one device, ascending.
using JobTrace = std::map<std::int64_t, BatchTrace>;

/// The traces of a folder. A value; thread-safe to read.
class TraceSet {
 public:
  /// Reads all traces of a folder. kNotFound when there are none; kInvalidArgument naming file,
  /// line and column for a bad number, a value out of range or a row that is there twice.
  static Result<TraceSet> load(const std::filesystem::path& folder);

  /// Adds runs, which every device shares, and power measurements. As `load`, from tables.
  Result<void> add_runs(const CsvTable& table);
  Result<void> add_power(std::string_view gpu, const CsvTable& table);

  /// The joined trace of a job. kNotFound naming what there is, when no batch size has both runs
  /// and power measurements.
  Result<JobTrace> job(std::string_view gpu, const TraceJob& job) const;
  /// The devices, ascending.
  std::vector<std::string> gpus() const;
  /// The jobs that have power measurements on a device, ascending.
  std::vector<TraceJob> jobs(std::string_view gpu) const;

 private:
  using Runs = std::map<std::int64_t, decltype(BatchTrace::epochs)>;         // by batch size
  using Power = std::map<std::int64_t, std::map<std::int64_t, PowerPoint>>;  // by size, then limit

  std::map<TraceJob, Runs> runs_;
  std::map<std::string, std::map<TraceJob, Power>, std::less<>> power_;
};

}  // namespace symbiont::tune
