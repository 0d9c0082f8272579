#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "report/plots/why.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr std::array kParts = {Spending::kUseful,
                               Spending::kExploringReached,
                               Spending::kExploringStopped,
                               Spending::kUnfinished,
                               Spending::kLost,
                               Spending::kStartup,
                               Spending::kBaseline};

Spending spending_of(const ledger::RecurrenceRecord& recurrence,
                     const ledger::AttemptRecord& attempt) {
  if (!is_tuned(recurrence)) {
    return Spending::kBaseline;
  }
  if (!attempt.attempt.stopped) {
    return Spending::kUnfinished;
  }
  if (!has_reached(attempt)) {
    return Spending::kExploringStopped;
  }
  return explores(parse_why(attempt.attempt.why)) ? Spending::kExploringReached : Spending::kUseful;
}

/// Sums by where they go.
class Bill {
 public:
  void add(const ledger::RecurrenceRecord& recurrence, const ledger::AttemptRecord& attempt) {
    const Spending spending = spending_of(recurrence, attempt);
    for (const ledger::Epoch& epoch : attempt.epochs) {
      add(spending, epoch.usage);
      if (epoch.emitted) {
        grams_[index(spending)] += epoch.emitted->value();
        grams_known_ = true;
      }
    }
    for (const ledger::Incarnation& incarnation : attempt.incarnations) {
      add(Spending::kLost, incarnation.lost);
      add(Spending::kStartup, incarnation.startup);
      add(Spending::kUnfinished, incarnation.pending);
    }
    if (attempt.checkpoint) {
      add(Spending::kUnfinished, attempt.checkpoint->carried);
      if (attempt.checkpoint->carried_emitted) {
        grams_[index(Spending::kUnfinished)] += attempt.checkpoint->carried_emitted->value();
      }
    }
  }

  void write(SpendingPlot& plot) const;

 private:
  static std::size_t index(Spending spending) { return static_cast<std::size_t>(spending); }
  void add(Spending spending, const Usage& usage) {
    energy_j_[index(spending)] += usage.energy().value();
    uncertainty_j_ += usage.uncertainty().value();
  }

  std::array<double, kParts.size()> energy_j_ = {};
  std::array<double, kParts.size()> grams_ = {};
  double uncertainty_j_ = 0.0;
  bool grams_known_ = false;
};

void Bill::write(SpendingPlot& plot) const {
  double known_j = 0.0;
  double known_g = 0.0;
  for (const Spending spending : kParts) {
    if (grams_[index(spending)] > 0.0) {
      known_j += energy_j_[index(spending)];
      known_g += grams_[index(spending)];
    }
  }
  plot.uncertainty_j = uncertainty_j_;
  double total_g = 0.0;
  for (const Spending spending : kParts) {
    SpendingPart part{spending, energy_j_[index(spending)], grams_[index(spending)], false};
    if (grams_known_ && part.emitted_g == 0.0 && part.energy_j > 0.0 && known_j > 0.0) {
      part.emitted_g = part.energy_j * known_g / known_j;
      part.grams_estimated = true;
    }
    plot.energy_j += part.energy_j;
    total_g += part.emitted_g;
    plot.parts.push_back(part);
  }
  if (grams_known_) {
    plot.emitted_g = total_g;
  }
}

double energy_of(const SpendingPlot& plot, Spending spending) {
  return plot.parts[static_cast<std::size_t>(spending)].energy_j;
}

std::string caption(const SpendingPlot& plot) {
  const double exploring =
      energy_of(plot, Spending::kExploringReached) + energy_of(plot, Spending::kExploringStopped);
  return fmt::format(
      "Of {}{}, {} went into useful attempts, {} into exploring, {} was lost and {} "
      "was start-up.",
      with_prefix(plot.energy_j, "J"),
      plot.emitted_g ? " and " + with_prefix(*plot.emitted_g, "g CO₂") : "",
      percent(energy_of(plot, Spending::kUseful) / plot.energy_j),
      percent(exploring / plot.energy_j), percent(energy_of(plot, Spending::kLost) / plot.energy_j),
      percent(energy_of(plot, Spending::kStartup) / plot.energy_j));
}

}  // namespace

std::string to_string(Spending spending) {
  switch (spending) {
    case Spending::kUseful:
      return "useful";
    case Spending::kExploringReached:
      return "exploring, reached";
    case Spending::kExploringStopped:
      return "exploring, stopped";
    case Spending::kUnfinished:
      return "unfinished";
    case Spending::kLost:
      return "lost";
    case Spending::kStartup:
      return "start-up";
    case Spending::kBaseline:
      return "baseline";
  }
  SYM_CHECK(false);
}

SpendingPlot spending_plot(const RunRecords& records) {
  SpendingPlot plot;
  Bill bill;
  for_each_attempt(records,
                   [&](const ledger::RecurrenceRecord& recurrence,
                       const ledger::AttemptRecord& attempt) { bill.add(recurrence, attempt); });
  bill.write(plot);
  if (plot.energy_j <= 0.0) {
    plot.text.missing =
        "No energy has been recorded in this run yet: no epoch is complete. Run the job again: it "
        "goes on.";
    return plot;
  }
  plot.text.caption = caption(plot);
  plot.text.notes.push_back(
      "Exploring, reached: the target was reached while sizes were still being tried; it left a "
      "model, maybe not the cheapest.");
  if (!plot.emitted_g) {
    plot.text.notes.push_back("No grams: the ledger has no carbon intensity for this run.");
  } else if (std::any_of(plot.parts.begin(), plot.parts.end(),
                         [](const SpendingPart& part) { return part.grams_estimated; })) {
    plot.text.notes.push_back(
        "Only epochs have grams in the ledger; the rest is charged at the run's mean intensity.");
  }
  return plot;
}

}  // namespace symbiont::report
