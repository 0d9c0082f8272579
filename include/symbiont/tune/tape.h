#pragma once
/// A tape: every random draw of one simulated job, so that its decisions can be replayed exactly.
///
/// A JSON object with the job (gpu, dataset, network, optimizer, target_metric, max_epochs, b0,
/// eta_knob, beta or null for no bound, window, max_power in watts, recurrences), `path_draws` (for
/// each attempt in order, the repetition whose number of epochs was drawn) and `standard_normals`
/// (for each bandit decision, one variate per arm, batch sizes ascending). Other fields, such as
/// `expect`, are not read.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/units.h"
#include "symbiont/tune/trace.h"

namespace symbiont::tune {

struct Tape {
  std::string gpu;
  TraceJob job;
  double target_metric = 0.0;
  std::int64_t max_epochs = 0;
  std::int64_t default_batch_size = 0;
  double eta = 0.5;
  double beta = 2.0;  ///< +infinity: no bound
  std::int64_t window = 0;
  Watts max_power;
  std::int64_t recurrences = 0;
  std::vector<std::int64_t> path_draws;
  std::vector<double> standard_normals;
};

/// Parses a tape of at most 2 MiB; `source` is named in errors. kInvalidArgument naming the field,
/// what was expected and what was found.
Result<Tape> parse_tape(std::string_view text, std::string_view source);
/// Reads a tape from a file.
Result<Tape> load_tape(const std::filesystem::path& path);

}  // namespace symbiont::tune
