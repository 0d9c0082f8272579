#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr std::size_t kMostPoints = 600;
constexpr std::size_t kSteadyRecurrences = 5;

std::vector<const RecurrenceSummary*> finished(const RunSummary& summary) {
  std::vector<const RecurrenceSummary*> list;
  for (const RecurrenceSummary& recurrence : summary.recurrences) {
    if (recurrence.finished && recurrence.cost_j) {
      list.push_back(&recurrence);
    }
  }
  return list;
}

std::int64_t most_frequent(const std::map<std::int64_t, int>& counts) {
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

/// Requires at least one.
CostPoint point_of(std::span<const RecurrenceSummary* const> group) {
  CostPoint point;
  point.first = group.front()->index;
  point.last = group.back()->index;
  point.least_j = *group.front()->cost_j;
  std::map<std::int64_t, int> chosen;
  for (const RecurrenceSummary* recurrence : group) {
    point.cost_j += *recurrence->cost_j / static_cast<double>(group.size());
    point.least_j = std::min(point.least_j, *recurrence->cost_j);
    point.most_j = std::max(point.most_j, *recurrence->cost_j);
    point.attempts += static_cast<std::int64_t>(recurrence->attempts.size());
    point.reached = point.reached && recurrence->reached;
    ++chosen[recurrence->batch_size];
  }
  point.batch_size = most_frequent(chosen);
  return point;
}

void add_points(CostPlot& plot, std::span<const RecurrenceSummary* const> all) {
  const std::size_t group = (all.size() + kMostPoints - 1) / kMostPoints;
  for (std::size_t at = 0; at < all.size(); at += group) {
    plot.points.push_back(point_of(all.subspan(at, std::min(group, all.size() - at))));
  }
  if (group > 1) {
    plot.text.notes.push_back(
        fmt::format("Each mark is the mean of {} recurrences in a row, its line their range, its "
                    "shape the batch size chosen most often.",
                    group));
  }
}

std::string compared(double ours, double baseline) {
  return fmt::format("{} {} the default's {}", percent(std::abs(1.0 - ours / baseline)),
                     ours <= baseline ? "below" : "above", with_prefix(baseline, "J"));
}

std::string caption(const CostPlot& plot) {
  const CostPoint& first = plot.points.front();
  const CostPoint& last = plot.points.back();
  std::string text =
      plot.steady_j
          ? fmt::format(
                "From {} in recurrence {} to {} on average over the last five, at batch "
                "size {} in the end",
                with_prefix(first.cost_j, "J"), first.first, with_prefix(*plot.steady_j, "J"),
                last.batch_size)
          : fmt::format("From {} in recurrence {} to {} in recurrence {}, at batch size {}",
                        with_prefix(first.cost_j, "J"), first.first, with_prefix(last.cost_j, "J"),
                        last.last, last.batch_size);
  if (plot.baseline && plot.baseline->mean_j > 0.0) {
    text += ": " + compared(plot.steady_j.value_or(last.cost_j), plot.baseline->mean_j);
  }
  return text + ".";
}

void add_baseline(CostPlot& plot, const RunSummary& summary) {
  if (!summary.baseline) {
    plot.text.notes.push_back(
        summary.run.baseline_runs > 0
            ? "No baseline yet: the default has not been measured to its target in this run."
            : "No baseline: the default was not measured in this run. [job] baseline_runs = 3 "
              "measures it.");
    return;
  }
  plot.baseline = CostBand{summary.baseline->cost_j, summary.baseline->sd_cost_j.value_or(0.0),
                           summary.baseline->runs, summary.baseline->batch_size};
  plot.text.notes.push_back(
      plot.baseline->runs > 1
          ? fmt::format("Band: mean ± one standard deviation of {} runs at the default.",
                        plot.baseline->runs)
          : "The baseline is a single run, so it is a line without a band: [job] baseline_runs = "
            "3 gives it one.");
}

}  // namespace

CostPlot cost_plot(const RunRecords& records, const RunSummary& summary) {
  CostPlot plot;
  const std::vector<const RecurrenceSummary*> all = finished(summary);
  if (all.empty()) {
    plot.text.missing =
        "No recurrence has finished yet. Run the job again: it goes on where it stopped.";
    return plot;
  }
  add_points(plot, all);
  if (all.size() >= kSteadyRecurrences) {
    const auto sum = std::accumulate(
        all.end() - kSteadyRecurrences, all.end(), 0.0,
        [](double total, const RecurrenceSummary* one) { return total + *one->cost_j; });
    plot.steady_j = sum / static_cast<double>(kSteadyRecurrences);
  }
  add_baseline(plot, summary);
  if (records.run.status == ledger::RunStatus::kUnfinished) {
    plot.text.notes.push_back(fmt::format("Unfinished: {} of {} recurrences so far.", all.size(),
                                          records.run.recurrences));
  }
  plot.text.caption = caption(plot);
  return plot;
}

}  // namespace symbiont::report
