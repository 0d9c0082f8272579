#include <algorithm>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "symbiont/report/plots.h"

namespace symbiont::report {
namespace {

constexpr std::size_t kMostSteps = 400;
constexpr double kConstant = 1e-3;  ///< relative spread that rounding may make

struct Emitted {
  WallTime begin;
  WallTime end;
  double energy_j = 0.0;
  double grams = 0.0;

  double g_per_kwh() const { return grams * kJoulesPerKwh / energy_j; }
};

std::vector<Emitted> emitted_of(const RunRecords& records) {
  std::vector<Emitted> list;
  for_each_attempt(records, [&](const auto&, const ledger::AttemptRecord& record) {
    for (const ledger::Epoch& epoch : record.epochs) {
      if (epoch.emitted && epoch.usage.energy_uj > 0) {
        list.push_back(
            {epoch.begin, epoch.end, epoch.usage.energy().value(), epoch.emitted->value()});
      }
    }
  });
  std::stable_sort(list.begin(), list.end(),
                   [](const Emitted& a, const Emitted& b) { return a.begin < b.begin; });
  return list;
}

/// Requires at least one.
Emitted sum(std::span<const Emitted> group) {
  Emitted total = group.front();
  for (const Emitted& one : group.subspan(1)) {
    total.end = std::max(total.end, one.end);
    total.energy_j += one.energy_j;
    total.grams += one.grams;
  }
  return total;
}

void add_steps(IntensityPlot& plot, std::span<const Emitted> all) {
  const std::size_t group = (all.size() + kMostSteps - 1) / kMostSteps;
  for (std::size_t at = 0; at < all.size(); at += group) {
    const Emitted step = sum(all.subspan(at, std::min(group, all.size() - at)));
    plot.steps.push_back({step.begin, step.end, step.g_per_kwh()});
  }
  if (group > 1) {
    plot.text.notes.push_back(
        fmt::format("Each step is the mean of {} epochs in a row, weighted by energy.", group));
  }
}

}  // namespace

IntensityPlot intensity_plot(const RunRecords& records) {
  IntensityPlot plot;
  const std::vector<Emitted> all = emitted_of(records);
  if (all.empty()) {
    plot.text.missing =
        "No epoch with grams has been recorded yet, so no intensity is known. Run the job again: "
        "it goes on.";
    return plot;
  }
  add_steps(plot, all);
  plot.mean_g_per_kwh = sum(all).g_per_kwh();
  const auto [least, most] = std::minmax_element(
      plot.steps.begin(), plot.steps.end(),
      [](const IntensityStep& a, const IntensityStep& b) { return a.g_per_kwh < b.g_per_kwh; });
  plot.constant = most->g_per_kwh - least->g_per_kwh <= kConstant * plot.mean_g_per_kwh;
  plot.text.caption =
      plot.constant
          ? fmt::format("Constant at {:.4g} g/kWh: no hour of this run was cleaner than another.",
                        plot.mean_g_per_kwh)
          : fmt::format(
                "Between {:.4g} and {:.4g} g/kWh, on average {:.4g}, weighted by the energy "
                "of this run.",
                least->g_per_kwh, most->g_per_kwh, plot.mean_g_per_kwh);
  plot.text.notes.push_back(
      "Grams over kilowatt-hours of each epoch, so that power usage effectiveness ([carbon] pue) "
      "is in it.");
  if (plot.constant) {
    plot.text.notes.push_back("A series by the hour ([carbon] intensity_csv) shows clean hours.");
  }
  return plot;
}

}  // namespace symbiont::report
