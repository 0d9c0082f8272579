#include "symbiont/report/page.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "report/draw/draw.h"
#include "report/page_style.h"
#include "report/plots/attempts.h"
#include "symbiont/base/version.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr std::string_view kAbsent = "–";
constexpr std::size_t kMostRows = 1000;  ///< of a table: then the first and the last half of them
constexpr std::size_t kTallFrom = 60;    ///< rows from which a table scrolls in a box

/// The page as it grows.
class Page {
 public:
  Page(const RunRecords& records, const RunSummary& summary, const PageContext& context)
      : records_(records),
        summary_(summary),
        context_(context),
        identity_(identity_of(records)),
        key_(identity_.batch_sizes, identity_.batch_size) {}

  std::string write() &&;

 private:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void add_head();
  void add_title();
  void add_tiles();
  void add_tile(const std::string& figure, const std::string& meaning);
  void add_plots();
  template <typename Plot>
  void add_plot(int number, std::string_view title, bool wide, const Plot& plot);
  std::string picture(const CostPlot& plot) const { return draw(plot, key_); }
  std::string picture(const TimeEnergyPlot& plot) const { return draw(plot, key_); }
  std::string picture(const MetricPlot& plot) const { return draw(plot, key_); }
  std::string picture(const SpendingPlot& plot) const { return draw(plot); }
  std::string picture(const BeliefPlot& plot) const { return draw(plot, key_); }
  std::string picture(const IntensityPlot& plot) const { return draw(plot); }
  void add_savings();
  void add_savings_row(std::string_view name, const std::optional<Savings>& savings);
  void add_recurrences();
  void add_recurrence(const RecurrenceSummary& recurrence);
  void add_decisions();
  void add_decision(const DecisionText& decision);
  void add_configuration();
  void add_setting(std::string_view name, std::string_view value);
  void add_foot();
  std::string provenance() const;

  const RunRecords& records_;
  const RunSummary& summary_;
  const PageContext& context_;
  JobIdentity identity_;
  MarkKey key_;
  std::string out_;
};

std::string or_absent(const std::optional<double>& value, std::string_view unit) {
  return value ? with_prefix(*value, unit) : std::string(kAbsent);
}

std::string describe(const Saving& saving) {
  if (!saving.fraction) {
    return "not said: a recurrence among them did not reach the target";
  }
  return fmt::format("{}{}{}{}", percent(*saving.fraction),
                     saving.ci95 ? fmt::format(" ({} to {})", percent(saving.ci95->first),
                                               percent(saving.ci95->second))
                                 : "",
                     meaning(saving).empty() ? "" : "; ", meaning(saving));
}

std::string steady_title(const RunSummary& summary) {
  std::string title = "steady state: the last " + counted(summary.steady, "recurrence");
  if (summary.steady_exploring > 0) {
    title += fmt::format(" (not steady yet: {} of them explored)", summary.steady_exploring);
  }
  return title;
}

/// "uncertain by 40 %": relative half-width of all that was spent.
std::string uncertainty(const SpendingPlot& spending) {
  return spending.uncertainty_j > 0.0
             ? fmt::format(" ±{:.0f} %", 100.0 * spending.uncertainty_j / spending.energy_j)
             : "";
}

/// "accuracy ≥ 0.88" of "accuracy >= 0.88".
std::string with_sign(std::string target) {
  for (const auto& [ascii, sign] : {std::pair(" >= ", " ≥ "), std::pair(" <= ", " ≤ ")}) {
    if (const std::size_t at = target.find(ascii); at != std::string::npos) {
      target.replace(at, 4, sign);
    }
  }
  return target;
}

// --- Head ---------------------------------------------------------------------------------------

void Page::add_head() {
  add("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"/>\n<title>{}, run {} – Symbiont</title>\n<style>{}</style>\n</head>\n"
      "<body>\n{}<main>\n",
      escape(records_.job.name), records_.run.id, kPageStyle, shape_definitions());
}

std::string Page::provenance() const {
  return fmt::format("{}, scope: {}", records_.job.meters, to_string(records_.job.scope));
}

void Page::add_title() {
  const bool good = records_.run.status == ledger::RunStatus::kFinished;
  add("<h1>{}, run {}<span class=\"status {}\">{}</span></h1>\n", escape(records_.job.name),
      records_.run.id, good ? "good" : "bad", ledger::to_string(records_.run.status));
  add("<p class=\"lead\">{} to {}{}, default batch size {}; started {} UTC{}.</p>\n",
      escape(identity_.model.empty() ? "training" : identity_.model),
      escape(with_sign(identity_.target)),
      identity_.data.empty() ? "" : " on " + escape(identity_.data), identity_.batch_size,
      civil_time(records_.run.started),
      records_.run.finished ? ", finished " + civil_time(*records_.run.finished) + " UTC" : "");
  add("<p class=\"lead\">Energy in joules: {}. Cost = η·energy + (1 − η)·maximum power·time{}, in "
      "joules.</p>\n",
      escape(records_.job.meters),
      identity_.eta ? fmt::format(", η = {:g}, maximum power {:.3g} W", *identity_.eta,
                                  records_.job.max_power.value())
                    : "");
}

void Page::add_tile(const std::string& figure, const std::string& meaning) {
  add("<div class=\"tile\"><b>{}</b><span>{}</span></div>\n", escape(figure), escape(meaning));
}

/// "69.9 % less".
std::string saving_figure(const Saving& saving) {
  return fmt::format("{} {}", percent(std::abs(*saving.fraction)),
                     *saving.fraction < 0.0 ? "more" : "less");
}

std::string saving_meaning(const Saving& saving, std::string_view what) {
  const bool is_sure = meaning(saving) != "not distinguishable from none";
  return fmt::format(
      "{} than the default{}; {}", what, is_sure ? "" : ", not distinguishable from none",
      saving.ci95 ? fmt::format("95 % interval of the saving: {} to {}",
                                percent(saving.ci95->first), percent(saving.ci95->second))
                  : "no interval below two baseline runs");
}

void Page::add_tiles() {
  const SpendingPlot spending = spending_plot(records_);
  out_ += "<div class=\"tiles\">\n";
  if (summary_.saving && summary_.saving->cost.fraction) {
    add_tile(
        saving_figure(summary_.saving->cost),
        saving_meaning(summary_.saving->cost, fmt::format("cost, in the last {},",
                                                          counted(summary_.steady, "recurrence"))));
  } else {
    add_tile(std::string(kAbsent), "no saving can be said: see the saving table below");
  }
  if (summary_.saving_total && summary_.saving_total->energy.fraction) {
    add_tile(saving_figure(summary_.saving_total->energy),
             saving_meaning(summary_.saving_total->energy, "energy, over the whole run,"));
  } else {
    add_tile(fmt::format("{}", summary_.recurrences.size()),
             fmt::format("of {} recurrences begun", records_.run.recurrences));
  }
  add_tile(
      with_prefix(spending.energy_j, "J"),
      fmt::format("used in all, {}{}", to_string(records_.job.provenance), uncertainty(spending)));
  add_tile(or_absent(spending.emitted_g, "g"),
           fmt::format("of CO₂ from energy {}{}", to_string(records_.job.provenance),
                       uncertainty(spending)));
  out_ += "</div>\n";
}

// --- Plots --------------------------------------------------------------------------------------

template <typename Plot>
void Page::add_plot(int number, std::string_view title, bool wide, const Plot& plot) {
  add("<figure id=\"plot-{}\"{}>\n<h3>{}. {}</h3>\n", number, wide ? " class=\"wide\"" : "", number,
      escape(title));
  if (!plot.text.missing.empty()) {
    add("<p class=\"missing\">{}</p>\n<figcaption>Nothing to show yet.</figcaption>\n</figure>\n",
        escape(plot.text.missing));
    return;
  }
  add("{}\n<figcaption>{}", picture(plot), escape(plot.text.caption));
  for (const std::string& note : plot.text.notes) {
    add("<small>{}</small>", escape(note));
  }
  out_ += "</figcaption>\n</figure>\n";
}

void Page::add_plots() {
  const std::string kind(to_string(records_.job.provenance));
  out_ += "<div class=\"plots\">\n";
  add_plot(1, "Cost of each recurrence, and the batch size chosen (energy " + kind + ")", true,
           cost_plot(records_, summary_));
  add_plot(2, "Time and energy to the target (energy " + kind + ")", false,
           time_energy_plot(records_));
  const MetricPlot metric = metric_plot(records_);
  // A replayed trace tells seconds too; otherwise they are a clock's.
  const bool from_clock = records_.job.provenance != Provenance::kReplayed &&
                          records_.job.provenance != Provenance::kSimulated;
  add_plot(3,
           fmt::format("Learning: {} against seconds ({})", metric.metric,
                       from_clock ? "measured" : kind),
           false, metric);
  add_plot(4, "Where the joules and grams went (" + kind + ")", false, spending_plot(records_));
  add_plot(5, "What is believed about each batch size (energy " + kind + ")", false,
           belief_plot(records_));
  add_plot(6, "Carbon intensity over the run", true, intensity_plot(records_));
  out_ += "</div>\n";
}

// --- Tables -------------------------------------------------------------------------------------

void Page::add_savings_row(std::string_view name, const std::optional<Savings>& savings) {
  if (savings) {
    add("<tr><td class=\"text\">{}</td><td class=\"words\">{}</td><td class=\"words\">{}</td>"
        "<td class=\"words\">{}</td></tr>\n",
        name, describe(savings->cost), describe(savings->energy), describe(savings->time));
  }
}

void Page::add_savings() {
  out_ += "<h2>Saving against the default</h2>\n";
  if (!summary_.baseline) {
    add("<p>{}</p>\n",
        records_.run.baseline_runs > 0
            ? "The default has not been measured to its target yet: no saving so far."
            : "The default was not measured in this run, so no saving can be said. [job] "
              "baseline_runs = 3 measures it.");
    return;
  }
  const BaselineSummary& baseline = *summary_.baseline;
  add("<p>Baseline: batch size {}, mean of {} run{}: {:.1f} epochs, {}, {}, cost {}{}.</p>\n",
      baseline.batch_size, baseline.runs, baseline.runs == 1 ? "" : "s", baseline.epochs,
      duration(baseline.time_s), with_prefix(baseline.energy_j, "J"),
      with_prefix(baseline.cost_j, "J"),
      baseline.sd_cost_j ? " (sd " + with_prefix(*baseline.sd_cost_j, "J") + ")" : "");
  if (summary_.saving) {
    out_ +=
        "<div class=\"scroll\"><table><thead><tr><th class=\"text\">saving (95 % interval)</th>"
        "<th>cost</th><th>energy</th><th>time</th></tr></thead><tbody>\n";
    add_savings_row(steady_title(summary_), summary_.saving);
    add_savings_row("whole run: every recurrence, exploration included", summary_.saving_total);
    out_ +=
        "</tbody></table></div>\n<p class=\"lead\">Negative: more than the default. Intervals need "
        "two baseline runs.</p>\n";
  }
}

std::string short_stops(const RecurrenceSummary& recurrence) {
  std::string text;
  for (const AttemptSummary& attempt : recurrence.attempts) {
    if (!attempt.reached) {
      text += fmt::format("{}{} at {}", text.empty() ? "" : ", ",
                          attempt.stopped.value_or("unfinished"), attempt.batch_size);
    }
  }
  return text;
}

void Page::add_recurrence(const RecurrenceSummary& recurrence) {
  const std::string stops = short_stops(recurrence);
  add("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>"
      "<td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
      recurrence.index, recurrence.batch_size, kAbsent, kAbsent, recurrence.epochs,
      duration(recurrence.usage.seconds().value()), energy_with_interval(recurrence.usage),
      or_absent(recurrence.emitted_g, "g"), or_absent(recurrence.cost_j, "J"),
      recurrence.metric ? fmt::format("{:.4f}", *recurrence.metric) : std::string(kAbsent),
      escape(stops));
}

/// Calls `row` for what is shown and `gap` with the number left out, in order.
template <typename Item, typename Row, typename Gap>
void for_shown(const std::vector<Item>& items, Row row, Gap gap) {
  const std::size_t half = kMostRows / 2;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items.size() > kMostRows && i == half) {
      gap(items.size() - kMostRows);
      i = items.size() - half;
    }
    row(items[i]);
  }
}

void Page::add_recurrences() {
  out_ += "<h2>Recurrences</h2>\n";
  if (summary_.recurrences.empty()) {
    out_ += "<p>None has begun yet.</p>\n";
    return;
  }
  add("<div class=\"scroll{}\"><table class=\"full\"><thead><tr><th>#</th><th>batch</th>"
      "<th>power</th><th>parent</th><th>epochs</th><th>time</th><th>energy ({})</th><th>CO₂</th>"
      "<th>cost</th><th>{}</th><th class=\"text\">attempts that fell "
      "short</th></tr></thead><tbody>\n",
      summary_.recurrences.size() > kTallFrom ? " tall" : "", to_string(records_.job.provenance),
      escape(identity_.metric()));
  for_shown(
      summary_.recurrences, [&](const RecurrenceSummary& one) { add_recurrence(one); },
      [&](std::size_t left_out) {
        add("<tr class=\"note\"><td colspan=\"11\">{} recurrences in between are left out here; "
            "symbiont report {} --json has them</td></tr>\n",
            left_out, records_.run.id);
      });
  out_ += "</tbody></table></div>\n";
}

void Page::add_decision(const DecisionText& decision) {
  const std::string which =
      decision.first == decision.last
          ? (decision.try_index > 1 ? fmt::format("{}, try {}", decision.first, decision.try_index)
                                    : fmt::format("{}", decision.first))
          : fmt::format("{}–{}", decision.first, decision.last);
  add("<tr><td class=\"text which\">{}</td><td>{}</td><td class=\"text\">{}</td><td "
      "class=\"text\">{}</td></tr>\n",
      which, decision.batch_size, escape(decision.reason), escape(decision.outcome));
}

void Page::add_decisions() {
  const std::vector<DecisionText> decisions = decision_texts(records_);
  out_ += "<h2>Why each batch size was chosen</h2>\n";
  if (decisions.empty()) {
    out_ += "<p>Nothing has been decided yet.</p>\n";
    return;
  }
  add("<div class=\"scroll{}\"><table class=\"full\"><thead><tr><th class=\"text\">recurrence</th>"
      "<th>batch</th><th class=\"text\">why</th><th class=\"text\">what came of "
      "it</th></tr></thead>"
      "<tbody>\n",
      decisions.size() > kTallFrom ? " tall" : "");
  for_shown(
      decisions, [&](const DecisionText& one) { add_decision(one); },
      [&](std::size_t left_out) {
        add("<tr class=\"note\"><td colspan=\"4\">{} decisions in between are left out here; "
            "symbiont report {} --json has them</td></tr>\n",
            left_out, records_.run.id);
      });
  out_ += "</tbody></table></div>\n";
}

void Page::add_setting(std::string_view name, std::string_view value) {
  if (!value.empty()) {
    add("<tr><td class=\"text\">{}</td><td class=\"text\">{}</td></tr>\n", name, escape(value));
  }
}

std::string setting(const std::optional<double>& value) {
  return value ? fmt::format("{:g}", *value) : "";
}

void Page::add_configuration() {
  out_ += "<h2>Configuration and machine</h2>\n<table><tbody>\n";
  add_setting("job", fmt::format("{}, history {}, run {}", records_.job.name,
                                 records_.history.number, records_.run.id));
  add_setting(
      "recurrences asked for",
      fmt::format("{} and {} baseline runs", records_.run.recurrences, records_.run.baseline_runs));
  add_setting("command", identity_.command);
  add_setting("data", identity_.data);
  add_setting("model", identity_.model);
  add_setting("target", with_sign(identity_.target));
  add_setting("optimizer", identity_.optimizer);
  add_setting("learning rate at the default", setting(identity_.learning_rate));
  add_setting("batch sizes", fmt::format("{}; default {}", fmt::join(identity_.batch_sizes, ", "),
                                         identity_.batch_size));
  add_setting("η, β", identity_.eta && identity_.beta
                          ? fmt::format("{:g}, {:g}", *identity_.eta, *identity_.beta)
                          : "");
  add_setting("seed", std::to_string(records_.history.seed));
  add_setting("energy", provenance());
  add_setting("maximum power", fmt::format("{:.4g} W", records_.job.max_power.value()));
  add_setting("machine", context_.machine);
  out_ += "</tbody></table>\n";
}

void Page::add_foot() {
  add("<footer>Start-up of worker processes: {} and {}, in no recurrence. Lost in processes that "
      "ended before their work was saved: {} and {}. Written by Symbiont {}; the same from the "
      "ledger: symbiont report {} --html FILE.</footer>\n</main>\n</body>\n</html>\n",
      duration(summary_.startup.seconds().value()),
      with_prefix(summary_.startup.energy().value(), "J"),
      duration(summary_.lost.seconds().value()), with_prefix(summary_.lost.energy().value(), "J"),
      version(), records_.run.id);
}

std::string Page::write() && {
  add_head();
  add_title();
  add_tiles();
  add_plots();
  add_savings();
  add_recurrences();
  add_decisions();
  add_configuration();
  add_foot();
  return std::move(out_);
}

}  // namespace

std::string to_html(const RunRecords& records, const RunSummary& summary,
                    const PageContext& context) {
  return Page(records, summary, context).write();
}

}  // namespace symbiont::report
