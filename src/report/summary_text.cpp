#include <array>
#include <iterator>

#include <fmt/format.h>

#include "symbiont/report/quantity_text.h"
#include "symbiont/report/summary.h"
#include "symbiont/report/terminal_text.h"

namespace symbiont::report {
namespace {

constexpr std::string_view kAbsent = "-";

/// "45.2 % (95 %: 38.3 % to 51.0 %)".
std::string describe(const Saving& saving) {
  if (!saving.fraction) {
    return "not said: a recurrence among them did not reach the target";
  }
  std::string text = fmt::format("{:>7}", percent(*saving.fraction));
  text += saving.ci95 ? fmt::format("  (95 %: {} to {})", percent(saving.ci95->first),
                                    percent(saving.ci95->second))
                      : "  (no interval: fewer than two baseline runs)";
  const std::string_view words = meaning(saving);
  return words.empty() ? text : text.append("  ").append(words);
}

/// fmt pads by display width only for ASCII; "±" is one column in two bytes, which fmt 9 knows.
void add_row(std::string& out, const std::array<std::string, 9>& cells) {
  fmt::format_to(std::back_inserter(out),
                 "{:>4}  {:>6}  {:>6}  {:>6}  {:>6}  {:>9}  {:>14}  {:>9}  {:>9}", cells[0],
                 cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7], cells[8]);
}

void add_attempts(std::string& out, const RecurrenceSummary& recurrence) {
  for (const AttemptSummary& attempt : recurrence.attempts) {
    if (attempt.reached) {
      continue;
    }
    fmt::format_to(
        std::back_inserter(out), "        {} at {}: {}\n", attempt.stopped.value_or("reached"),
        attempt.batch_size,
        attempt.reason.empty() ? "goes on when the run is resumed" : terminal_text(attempt.reason));
  }
}

void add_recurrence(std::string& out, const RecurrenceSummary& recurrence) {
  add_row(out,
          {std::to_string(recurrence.index), std::to_string(recurrence.batch_size),
           std::string(kAbsent), std::string(kAbsent), std::to_string(recurrence.epochs),
           duration(recurrence.usage.seconds().value()), energy_with_interval(recurrence.usage),
           recurrence.emitted_g ? with_prefix(*recurrence.emitted_g, "g") : std::string(kAbsent),
           recurrence.cost_j ? with_prefix(*recurrence.cost_j, "J") : std::string(kAbsent)});
  out += recurrence.metric ? fmt::format("  {:.4f}", *recurrence.metric)
                           : fmt::format("  {}", kAbsent);
  out += "\n";
  add_attempts(out, recurrence);
}

void add_table(std::string& out, const RunSummary& summary, bool color) {
  out += color ? "\x1b[1m" : "";
  add_row(out, {"#", "batch", "power", "parent", "epochs", "time", "energy", "CO2", "cost"});
  out += "  metric";
  out += color ? "\x1b[0m\n" : "\n";
  for (const RecurrenceSummary& recurrence : summary.recurrences) {
    add_recurrence(out, recurrence);
  }
}

void add_baseline(std::string& out, const RunSummary& summary) {
  if (!summary.baseline) {
    out += summary.run.baseline_runs > 0
               ? "baseline  the default has not been measured to its target yet: no saving so far\n"
               : "baseline  the default was not measured in this run, so no saving can be said "
                 "([job] baseline_runs)\n";
    return;
  }
  const BaselineSummary& baseline = *summary.baseline;
  out +=
      fmt::format("baseline  batch size {}, mean of {} run{}: {:.1f} epochs, {}, {}, cost {}{}\n",
                  baseline.batch_size, baseline.runs, baseline.runs == 1 ? "" : "s",
                  baseline.epochs, duration(baseline.time_s), with_prefix(baseline.energy_j, "J"),
                  with_prefix(baseline.cost_j, "J"),
                  baseline.sd_cost_j ? " (sd " + with_prefix(*baseline.sd_cost_j, "J") + ")" : "");
}

void add_savings(std::string& out, std::string_view title, const std::optional<Savings>& savings) {
  if (!savings) {
    return;
  }
  out += fmt::format("{}\n  cost    {}\n  energy  {}\n  time    {}\n", title,
                     describe(savings->cost), describe(savings->energy), describe(savings->time));
}

std::string steady_title(const RunSummary& summary) {
  std::string title =
      fmt::format("saving, steady state: the last {} recurrence{} against the baseline",
                  summary.steady, summary.steady == 1 ? "" : "s");
  if (summary.steady_exploring > 0) {
    title += fmt::format(" (not steady yet: {} of them explored)", summary.steady_exploring);
  }
  return title;
}

void add_weights(std::string& out, const RunSummary& summary, const std::filesystem::path& home) {
  if (summary.recurrences.empty() || summary.recurrences.back().weights.empty()) {
    return;
  }
  out += fmt::format("weights   {} ({}older recurrences' are beside it)\n",
                     (home / summary.recurrences.back().weights).string(),
                     home.empty() ? "below --home; " : "");
}

void add_bill(std::string& out, const RunSummary& summary) {
  out += fmt::format(
      "start-up  {} and {} in worker processes before their first lease and after their last\n",
      duration(summary.startup.seconds().value()),
      with_prefix(summary.startup.energy().value(), "J"));
  if (summary.baseline && summary.baseline->extra > 0) {
    out += fmt::format("extra     {} and {} for the {} baseline run{}\n",
                       duration(summary.baseline->spent.seconds().value()),
                       with_prefix(summary.baseline->spent.energy().value(), "J"),
                       summary.baseline->extra, summary.baseline->extra == 1 ? "" : "s");
  }
  if (summary.lost.energy_uj > 0) {
    out += fmt::format("lost      {} and {} in processes that ended before their work was saved\n",
                       duration(summary.lost.seconds().value()),
                       with_prefix(summary.lost.energy().value(), "J"));
  }
}

}  // namespace

std::string to_text(const RunSummary& summary, bool color, const std::filesystem::path& home) {
  std::string out = fmt::format("{}: run {}, {}{}, energy {}\n\n", summary.job.name, summary.run.id,
                                ledger::to_string(summary.run.status),
                                summary.resumed ? " (resumed)" : "", summary.job.meters);
  add_table(out, summary, color);
  out += "\n";
  add_baseline(out, summary);
  add_savings(out, steady_title(summary), summary.saving);
  add_savings(out, "saving, whole run: every recurrence, exploration included",
              summary.saving_total);
  add_bill(out, summary);
  add_weights(out, summary, home);
  if (!summary.page.empty()) {
    out += fmt::format("report    {}\n", summary.page);
  }
  if (summary.job.provenance == Provenance::kModelled) {
    out +=
        "note      modelled energy is nearly proportional to time, so eta moves the choice "
        "little\n";
  }
  return out;
}

}  // namespace symbiont::report
