#pragma once
/// The six plots of a run's page as values: what is drawn, and the sentence that says what to see.
///
/// Everything here is a pure function of the ledger's rows. A plot with nothing to show says in
/// `missing` what is missing and how to get it; what was thinned to stay readable is in `notes`.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/report/summary.h"

namespace symbiont::report {

/// What is said beside a plot.
struct PlotText {
  std::string caption;             ///< one sentence with numbers; empty when something is missing
  std::string missing;             ///< why there is nothing to draw; empty when there is
  std::vector<std::string> notes;  ///< how the figures came about, where that matters
};

/// What a job learns for: the keys of its history's identity. Absent keys stay empty.
struct JobIdentity {
  std::string command;  ///< words of the user's own command, else empty
  std::string data;     ///< may be empty: then only the command knows
  std::string model;    ///< likewise
  std::string target;   ///< "accuracy >= 0.88"
  std::string optimizer;
  std::optional<double> learning_rate;
  std::int64_t batch_size = 0;            ///< the default
  std::vector<std::int64_t> batch_sizes;  ///< ascending; those that were run are always among them
  std::optional<double> eta;
  std::optional<double> beta;

  std::string metric() const;                  ///< "accuracy", else "metric"
  std::optional<double> target_value() const;  ///< 0.88
};
JobIdentity identity_of(const RunRecords& records);

// --- 1. Cost per recurrence ---------------------------------------------------------------------

/// A finished recurrence, or the mean of several in a row.
struct CostPoint {
  std::int64_t first = 0;  ///< indices over the job's life
  std::int64_t last = 0;
  double cost_j = 0.0;
  double least_j = 0.0;  ///< of the group; equal to cost_j for one
  double most_j = 0.0;
  std::int64_t batch_size = 0;  ///< the one chosen most often; of equals the smaller
  std::int64_t attempts = 0;
  bool reached = true;  ///< all of them
};

struct CostBand {
  double mean_j = 0.0;
  double sd_j = 0.0;  ///< 0 when there was one run
  std::int64_t runs = 0;
  std::int64_t batch_size = 0;
};

struct CostPlot {
  PlotText text;
  std::vector<CostPoint> points;
  std::optional<CostBand> baseline;
  std::optional<double> steady_j;  ///< mean of the last five; none below five
};
CostPlot cost_plot(const RunRecords& records, const RunSummary& summary);

// --- 2. Time and energy -------------------------------------------------------------------------

/// Time and energy of one attempt, or the means of all attempts at a batch size.
struct TimeEnergy {
  std::int64_t batch_size = 0;
  double time_s = 0.0;
  double energy_j = 0.0;
  std::int64_t attempts = 1;
};

/// Attempts that reached the target, baseline runs among them.
struct TimeEnergyPlot {
  PlotText text;
  std::vector<TimeEnergy> attempts;
  std::vector<TimeEnergy> means;  ///< one per batch size, ascending
  std::vector<TimeEnergy> front;  ///< the means that no other beats in both, by time
  bool on_a_line = false;         ///< energy is proportional to time within 5 %
};
TimeEnergyPlot time_energy_plot(const RunRecords& records);

// --- 3. Metric against seconds ------------------------------------------------------------------

struct MetricPoint {
  double seconds = 0.0;
  double metric = 0.0;
};

/// One attempt, epoch by epoch.
struct MetricCurve {
  std::int64_t batch_size = 0;
  std::vector<MetricPoint> points;
  bool reached = false;
  bool typical = false;  ///< of its batch size the one with the median time, reached preferred
};

struct MetricPlot {
  PlotText text;
  std::string metric;
  std::optional<double> target;
  std::vector<MetricCurve> curves;
};
MetricPlot metric_plot(const RunRecords& records);

// --- 4. Where joules and grams went -------------------------------------------------------------

enum class Spending {
  kUseful,            ///< reached the target, chosen from what was learned
  kExploringReached,  ///< reached it while sizes were still being tried: a model, maybe not the
                      ///< cheapest
  kExploringStopped,  ///< ended short of it
  kUnfinished,        ///< of an attempt that goes on when the run is resumed
  kLost,              ///< processes that ended before their work was saved
  kStartup,           ///< worker processes before their first lease and after their last
  kBaseline,          ///< the extra runs at the default
};
/// "useful", "exploring, reached", "exploring, stopped", "unfinished", "lost", "start-up",
/// "baseline".
std::string to_string(Spending spending);

struct SpendingPart {
  Spending spending = Spending::kUseful;
  double energy_j = 0.0;
  double emitted_g = 0.0;
  bool grams_estimated = false;  ///< charged at the run's mean intensity: the ledger has none
};

struct SpendingPlot {
  PlotText text;
  std::vector<SpendingPart> parts;  ///< one of each kind, in order
  double energy_j = 0.0;
  double uncertainty_j = 0.0;
  std::optional<double> emitted_g;  ///< none when no epoch has grams
};
SpendingPlot spending_plot(const RunRecords& records);

// --- 5. Beliefs ---------------------------------------------------------------------------------

/// What was believed about the cost of a batch size when it was last looked at in this run.
struct BeliefRow {
  enum class State { kCandidate, kPruned, kInfeasible, kUntried };
  std::int64_t batch_size = 0;
  State state = State::kUntried;
  std::optional<double> mean_j;
  std::optional<double> half_width_j;  ///< 1.96 deviations of the mean; none below two observations
  std::int64_t observations = 0;
  std::int64_t recurrence = 0;    ///< of the decision that looked at it
  std::vector<double> reached_j;  ///< costs of this run's attempts that reached the target
  std::vector<double> stopped_j;  ///< of those that did not: lower bounds
};

struct BeliefPlot {
  PlotText text;
  std::vector<BeliefRow> rows;  ///< one per batch size, ascending
  std::int64_t chosen = 0;      ///< by the last decision
};
BeliefPlot belief_plot(const RunRecords& records);

// --- 6. Carbon intensity ------------------------------------------------------------------------

/// Grams per kilowatt-hour over an epoch, or the energy-weighted mean of neighbouring ones.
struct IntensityStep {
  WallTime begin;
  WallTime end;
  double g_per_kwh = 0.0;
};

struct IntensityPlot {
  PlotText text;
  std::vector<IntensityStep> steps;  ///< by time
  double mean_g_per_kwh = 0.0;       ///< weighted by energy
  bool constant = false;
};
IntensityPlot intensity_plot(const RunRecords& records);

// --- Decisions ----------------------------------------------------------------------------------

/// Why a batch size was chosen and what came of it, in words; or of several in a row, alike.
struct DecisionText {
  std::int64_t first = 0;  ///< recurrences
  std::int64_t last = 0;
  int try_index = 1;
  std::int64_t batch_size = 0;
  std::string reason;
  std::string outcome;
};
/// Of the tuned recurrences, in order. Above 100 attempts, neighbours that chose the same batch
/// size for the same reason at the first try, and reached the target, become one.
std::vector<DecisionText> decision_texts(const RunRecords& records);

}  // namespace symbiont::report
