#pragma once
/// What a run did, read from the ledger: as a table for people and as JSON for programs.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/usage.h"
#include "symbiont/ledger/ledger.h"
#include "symbiont/report/saving.h"

namespace symbiont::report {

/// An attempt in the figures of the commands.
struct AttemptSummary {
  std::int64_t batch_size = 0;
  std::int64_t epochs = 0;
  Usage usage;
  std::optional<double> cost_j;  ///< as observed; none while it is unfinished
  std::optional<double> metric;  ///< of the last epoch
  bool reached = false;
  std::optional<std::string> stopped;  ///< none when it reached the target
  std::string reason;
};

/// A recurrence: sums over its attempts; batch size and metric are those of the last.
struct RecurrenceSummary {
  std::int64_t index = 0;
  std::int64_t batch_size = 0;
  std::int64_t epochs = 0;
  Usage usage;
  Usage lost;
  std::optional<double> emitted_g;
  std::optional<double> cost_j;  ///< of the attempts that ended; none while none has
  std::optional<double> metric;
  bool reached = false;
  bool finished = false;
  std::string why;      ///< JSON object of the first attempt's decision
  std::string weights;  ///< of the last attempt, a path below HOME; empty: none
  std::vector<AttemptSummary> attempts;
};

/// The default configuration as it was measured in this run: the baseline recurrences and those
/// tuned ones that the policy ran at the default and that reached the target at the first try.
struct BaselineSummary {
  std::int64_t batch_size = 0;
  std::int64_t runs = 0;
  double epochs = 0.0;  ///< means over the runs
  double time_s = 0.0;
  double energy_j = 0.0;
  double cost_j = 0.0;
  std::optional<double> sd_cost_j;
  Usage spent;             ///< on the extra runs alone: their own line in the bill
  std::int64_t extra = 0;  ///< how many extra runs were made
};

struct Savings {
  Saving energy;
  Saving time;
  Saving cost;
};

struct RunSummary {
  ledger::Job job;
  ledger::Run run;
  bool resumed = false;
  std::vector<RecurrenceSummary> recurrences;
  std::optional<BaselineSummary> baseline;  ///< none when the default was never measured
  std::optional<Savings> saving;            ///< last five recurrences against the baseline
  std::int64_t steady = 0;                  ///< how many those are: five at most
  std::int64_t steady_exploring = 0;        ///< of which the policy did not choose by cost
  std::optional<Savings> saving_total;      ///< all of them
  Usage startup;                            ///< of all worker processes
  Usage lost;
};

/// Reads a run. `default_batch_size` comes from the history's identity. kNotFound when there is
/// none.
Result<RunSummary> summarise(const ledger::Ledger& ledger, ledger::Id run, bool resumed);

/// The document of `symbiont run --json` and `symbiont report --json` (keys: docs/reference).
std::string to_json(const RunSummary& summary);

/// The table for people, ending in a newline. `color` adds ANSI attributes. `home` is --home as a
/// person can use it, for paths below it; empty: unknown.
std::string to_text(const RunSummary& summary, bool color, const std::filesystem::path& home = {});

}  // namespace symbiont::report
