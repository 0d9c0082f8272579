#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "report/plots/why.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr double kNormal95 = 1.96;
constexpr std::size_t kMostObservations = 60;  ///< drawn of a batch size, each kind

using Rows = std::map<std::int64_t, BeliefRow>;

void look_at(const WhyArm& arm, std::int64_t recurrence, Rows& rows) {
  const auto found = rows.find(arm.batch_size);
  if (found == rows.end() || arm.observations == 0 || !arm.mean_j) {
    return;
  }
  BeliefRow& row = found->second;
  row.observations = arm.observations;
  row.recurrence = recurrence;
  row.mean_j = arm.mean_j;
  row.half_width_j =
      arm.observations >= 2 && arm.sd_j ? std::optional(kNormal95 * *arm.sd_j) : std::nullopt;
}

void add_observation(const ledger::Attempt& attempt, Rows& rows) {
  if (!attempt.stopped || !attempt.cost) {
    return;
  }
  BeliefRow& row = rows[attempt.batch_size];
  (*attempt.stopped == ledger::Stopped::kReached ? row.reached_j : row.stopped_j)
      .push_back(attempt.cost->value());
}

BeliefRow::State state_of(const BeliefRow& row, const Why& last) {
  if (std::count(last.infeasible.begin(), last.infeasible.end(), row.batch_size) > 0) {
    return BeliefRow::State::kInfeasible;
  }
  if (!row.mean_j && row.reached_j.empty() && row.stopped_j.empty()) {
    return BeliefRow::State::kUntried;
  }
  return find_arm(last, row.batch_size) != nullptr ? BeliefRow::State::kCandidate
                                                   : BeliefRow::State::kPruned;
}

std::string interval(const BeliefRow& row) {
  return row.half_width_j ? fmt::format("{} ± {}", with_prefix(*row.mean_j, "J"),
                                        with_prefix(*row.half_width_j, "J"))
                          : with_prefix(*row.mean_j, "J");
}

std::string caption(const BeliefPlot& plot) {
  const BeliefRow* cheapest = nullptr;
  for (const BeliefRow& row : plot.rows) {
    if (row.state == BeliefRow::State::kCandidate && row.mean_j &&
        (cheapest == nullptr || *row.mean_j < *cheapest->mean_j)) {
      cheapest = &row;
    }
  }
  if (cheapest == nullptr) {
    return fmt::format("No candidate has been observed; the last decision chose {}.", plot.chosen);
  }
  return fmt::format("Batch size {} is believed to cost least, {}; the last decision chose {}.",
                     cheapest->batch_size, interval(*cheapest), plot.chosen);
}

void thin(std::vector<double>& observations, bool& any) {
  any = any || observations.size() > kMostObservations;
  observations = thinned(observations, kMostObservations);
}

void add_notes(BeliefPlot& plot, std::int64_t recurrence, bool is_thinned) {
  std::vector<std::string>& notes = plot.text.notes;
  notes.push_back(fmt::format(
      "As known when recurrence {} was decided, what earlier runs taught included; pruned sizes as "
      "last looked at. Bar: 95 % interval of the mean, from two observations on.",
      recurrence));
  notes.push_back("Small dots: this run's attempts; hollow: stopped short of the target.");
  if (plot.rows.size() == 1) {
    notes.push_back(
        "The job has a single batch size: there is nothing to choose. [train] "
        "batch_sizes lists candidates.");
  }
  if (is_thinned) {
    notes.push_back(
        fmt::format("At most {} dots of a kind and size, evenly taken.", kMostObservations));
  }
}

}  // namespace

BeliefPlot belief_plot(const RunRecords& records) {
  BeliefPlot plot;
  Rows rows;
  for (const std::int64_t size : identity_of(records).batch_sizes) {
    rows[size].batch_size = size;
  }
  Why last;
  std::int64_t recurrence = 0;
  bool looked = false;
  for_each_attempt(
      records, [&](const ledger::RecurrenceRecord& record, const ledger::AttemptRecord& attempt) {
        if (!is_tuned(record)) {
          return;
        }
        last = parse_why(attempt.attempt.why);
        recurrence = record.recurrence.index;
        plot.chosen = attempt.attempt.batch_size;
        for (const WhyArm& arm : last.arms) {
          look_at(arm, recurrence, rows);
        }
        looked = looked || !last.arms.empty();
        add_observation(attempt.attempt, rows);
      });
  if (!looked) {
    plot.text.missing =
        recurrence == 0 ? "Nothing has been decided in this run yet. Run the job again: it goes on."
                        : "This policy keeps no beliefs. [tune] policy = \"faithful\" learns what "
                          "each batch size costs.";
    return plot;
  }
  bool is_thinned = false;
  for (auto& [size, row] : rows) {
    row.state = state_of(row, last);
    thin(row.reached_j, is_thinned);
    thin(row.stopped_j, is_thinned);
    plot.rows.push_back(row);
  }
  plot.text.caption = caption(plot);
  add_notes(plot, recurrence, is_thinned);
  return plot;
}

}  // namespace symbiont::report
