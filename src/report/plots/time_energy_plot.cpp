#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr std::size_t kMostAttempts = 400;
constexpr double kProportional = 0.05;  ///< spread of mean power up to which points are a line

std::vector<TimeEnergy> means_of(const std::vector<TimeEnergy>& attempts) {
  std::map<std::int64_t, TimeEnergy> sums;
  for (const TimeEnergy& attempt : attempts) {
    TimeEnergy& sum =
        sums.try_emplace(attempt.batch_size, TimeEnergy{attempt.batch_size, 0, 0, 0}).first->second;
    sum.time_s += attempt.time_s;
    sum.energy_j += attempt.energy_j;
    ++sum.attempts;
  }
  std::vector<TimeEnergy> means;
  for (auto& [size, sum] : sums) {
    sum.time_s /= static_cast<double>(sum.attempts);
    sum.energy_j /= static_cast<double>(sum.attempts);
    means.push_back(sum);
  }
  return means;
}

std::vector<TimeEnergy> front_of(std::vector<TimeEnergy> means) {
  std::sort(means.begin(), means.end(), [](const TimeEnergy& a, const TimeEnergy& b) {
    return std::pair(a.time_s, a.energy_j) < std::pair(b.time_s, b.energy_j);
  });
  std::vector<TimeEnergy> front;
  for (const TimeEnergy& mean : means) {
    if (front.empty() || mean.energy_j < front.back().energy_j) {
      front.push_back(mean);
    }
  }
  return front;
}

std::pair<double, double> power_range(const std::vector<TimeEnergy>& attempts) {
  double least = attempts.front().energy_j / attempts.front().time_s;
  double most = least;
  for (const TimeEnergy& attempt : attempts) {
    least = std::min(least, attempt.energy_j / attempt.time_s);
    most = std::max(most, attempt.energy_j / attempt.time_s);
  }
  return {least, most};
}

std::string caption(const TimeEnergyPlot& plot) {
  const TimeEnergy& fastest = plot.front.front();
  const TimeEnergy& thriftiest = plot.front.back();
  if (plot.means.size() == 1) {
    return fmt::format("Batch size {} took {} and {} to reach the target, on average over {}.",
                       fastest.batch_size, duration(fastest.time_s),
                       with_prefix(fastest.energy_j, "J"), counted(fastest.attempts, "attempt"));
  }
  if (plot.front.size() == 1) {
    return fmt::format(
        "Of {} batch sizes, {} reached the target fastest on average ({}) and on least energy "
        "({}): the Pareto front is that one point.",
        plot.means.size(), fastest.batch_size, duration(fastest.time_s),
        with_prefix(fastest.energy_j, "J"));
  }
  return fmt::format(
      "{} of {} batch sizes are on the Pareto front, from {} ({}, {}) to {} ({}, "
      "{}).",
      plot.front.size(), plot.means.size(), fastest.batch_size, duration(fastest.time_s),
      with_prefix(fastest.energy_j, "J"), thriftiest.batch_size, duration(thriftiest.time_s),
      with_prefix(thriftiest.energy_j, "J"));
}

void add_notes(TimeEnergyPlot& plot, const RunRecords& records, std::size_t all) {
  std::vector<std::string>& notes = plot.text.notes;
  notes.push_back("Filled: mean of a batch size; hollow: one attempt; dotted: the Pareto front.");
  const auto [least, most] = power_range(plot.attempts);
  plot.on_a_line = plot.attempts.size() > 1 && most <= least * (1.0 + kProportional);
  const std::string low = fmt::format("{:.3g}", least);
  const std::string high = fmt::format("{:.3g}", most);
  const std::string watts = low == high ? low + " W" : low + " to " + high + " W";
  if (plot.on_a_line && records.job.provenance == Provenance::kModelled) {
    notes.push_back(
        "Energy is modelled from the time that processors were busy: every attempt "
        "drew " +
        watts +
        ", so the points lie on a line and the front can have but "
        "one point.");
  } else if (plot.on_a_line) {
    notes.push_back("Every attempt drew " + watts + ": energy is proportional to time here.");
  } else {
    notes.push_back("Mean power of an attempt: " + watts + ".");
  }
  if (plot.means.size() == 1) {
    notes.push_back("Only one batch size reached the target: there is nothing to trade yet.");
  }
  if (plot.attempts.size() < all) {
    notes.push_back(fmt::format("Of {} attempts {} are drawn, evenly taken; means are of all.", all,
                                plot.attempts.size()));
  }
}

}  // namespace

TimeEnergyPlot time_energy_plot(const RunRecords& records) {
  TimeEnergyPlot plot;
  std::vector<TimeEnergy> all;
  for_each_attempt(records, [&](const auto&, const ledger::AttemptRecord& record) {
    const Usage usage = usage_of(record);
    if (has_reached(record) && usage.time.count() > 0 && usage.energy_uj > 0) {
      all.push_back(
          {record.attempt.batch_size, usage.seconds().value(), usage.energy().value(), 1});
    }
  });
  if (all.empty()) {
    plot.text.missing =
        "No attempt has reached the target yet, so no batch size has a time and an energy to "
        "compare. Run the job again, or lower its target.";
    return plot;
  }
  plot.means = means_of(all);
  plot.front = front_of(plot.means);
  plot.attempts = thinned(all, kMostAttempts);
  plot.text.caption = caption(plot);
  add_notes(plot, records, all.size());
  return plot;
}

}  // namespace symbiont::report
