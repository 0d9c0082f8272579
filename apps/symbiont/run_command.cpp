#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "progress_line.h"
#include "report_page.h"
#include "symbiont/base/log.h"
#include "symbiont/base/metrics.h"
#include "symbiont/jobs/event_log.h"
#include "symbiont/jobs/run_metrics.h"
#include "symbiont/jobs/run_trace.h"
#include "symbiont/jobs/runner.h"
#include "symbiont/report/summary.h"
#include "symbiont/report/terminal_text.h"
#include "symbiont/service/metrics_server.h"

namespace symbiont::app {
namespace {

struct RunArguments {
  std::string job_file;
  bool check = false;
  bool json = false;
  bool restart_learning = false;
  std::optional<std::int64_t> recurrences;
  std::optional<std::uint64_t> seed;
  std::string report;   ///< the page's place instead of HOME/reports/JOB-RUN.html
  std::string metrics;  ///< address to serve metrics on
  std::string events;   ///< file for the event log
  std::string trace;    ///< file for the trace
  StateOptions state;
};

std::atomic<bool> interrupt_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void request_interrupt(int /*signal*/) {
  interrupt_requested = true;
}

/// The first Ctrl-C (or SIGTERM, or a terminal that is closed) asks for a checkpoint; the second
/// has the default effect and ends this process, and with it the worker, at once.
void handle_signals() {
  struct sigaction action = {};
  action.sa_handler = request_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  struct sigaction hangup = {};
  ::sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) {  // as nohup asks for
    ::sigaction(SIGHUP, &action, nullptr);
  }
  ::signal(SIGPIPE, SIG_IGN);
}

Result<jobs::RunOptions> run_options(const RunArguments& arguments) {
  jobs::RunOptions options;
  SYM_ASSIGN_OR_RETURN(options.home, arguments.state.home_directory());
  options.ledger_url = arguments.state.ledger;
  options.trainer = find_trainer();
  options.supervisor = find_supervisor();
  options.recurrences = arguments.recurrences;
  options.seed = arguments.seed;
  options.restart_learning = arguments.restart_learning;
  options.interrupted = [] { return interrupt_requested.load(); };
  return options;
}

std::string plan_json(const jobs::RunPlan& plan) {
  const auto or_null = [](const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
  };
  nlohmann::ordered_json json;
  json["job"] = plan.spec.name;
  json["recurrences"] = plan.recurrences;
  json["baseline_runs"] = plan.baseline_runs;
  json["policy"] = tune::to_string(plan.spec.policy);
  json["batch_size"] = plan.spec.batch_size;
  json["batch_sizes"] = plan.spec.batch_sizes;
  json["training_rows"] = plan.training_rows ? nlohmann::ordered_json(*plan.training_rows)
                                             : nlohmann::ordered_json(nullptr);
  json["meters"] = plan.meters;
  json["max_power_w"] = plan.max_power_w;
  json["resumes"] = plan.resumes;
  json["learned_from"] = plan.learned_from;
  json["exploring_recurrences_at_most"] = plan.exploring_recurrences_at_most;
  json["best_cost_j"] = or_null(plan.best_cost_j);
  json["exploring_cost_j_at_most"] = or_null(plan.exploring_cost_j_at_most);
  return to_text(json);
}

/// What is trained on, in a line; empty when only the command knows.
std::string data_line(const jobs::RunPlan& plan) {
  return plan.training_rows ? fmt::format("data      {} ({} training rows)\n", plan.spec.data_set,
                                          *plan.training_rows)
                            : "";
}

std::string command_line(const jobs::RunPlan& plan) {
  const std::vector<std::string>& command = plan.spec.own_command();
  const std::string line =
      command.empty() ? "" : fmt::format("command   {}\n", fmt::join(command, " "));
  const jobs::PlainSpec* plain = plan.spec.plain();
  return plain != nullptr ? line + fmt::format("metrics   {}\n", plain->metrics) : line;
}

std::string plan_text(const jobs::RunPlan& plan) {
  std::string text = fmt::format(
      "{}: {} recurrence{}{}, default batch size {} of {{{}}}, policy {}\n"
      "{}{}"
      "energy    {}, at most {:.3g} W\n",
      plan.spec.name, plan.recurrences, plan.recurrences == 1 ? "" : "s",
      plan.baseline_runs > 0 ? fmt::format(" and {} baseline runs", plan.baseline_runs) : "",
      plan.spec.batch_size, fmt::join(plan.spec.batch_sizes, ", "),
      tune::to_string(plan.spec.policy), command_line(plan), data_line(plan), plan.meters,
      plan.max_power_w);
  if (plan.exploring_recurrences_at_most > 0) {
    text += fmt::format(
        "exploring at most {} recurrences, each stopped at {:g} times the best cost so far{}\n",
        plan.exploring_recurrences_at_most, plan.spec.beta,
        plan.exploring_cost_j_at_most
            ? fmt::format(": {:.3g} J in all", *plan.exploring_cost_j_at_most)
            : "");
  }
  if (plan.resumes) {
    text += "state     an unfinished run would go on, to its own number of recurrences\n";
  } else if (plan.learned_from > 0) {
    text += fmt::format("state     goes on from {} recurrences\n", plan.learned_from);
  }
  return text + "nothing was changed\n";
}

int check(const jobs::JobSpec& spec, const jobs::RunOptions& options, bool json) {
  const auto plan = jobs::plan_job(spec, options);
  if (!plan) {
    return report_error(plan.error());
  }
  std::fputs((json ? plan_json(*plan) : plan_text(*plan)).c_str(), stdout);
  return kDone;
}

int exit_code_of(const jobs::RunOutcome& outcome) {
  switch (outcome.kind) {
    case jobs::RunOutcome::Kind::kFinished:
      return kDone;
    case jobs::RunOutcome::Kind::kUnreached:
      return kUnreached;
    case jobs::RunOutcome::Kind::kInterrupted:
      return kInterrupted;
    case jobs::RunOutcome::Kind::kFailed:
      break;
  }
  return kFailed;
}

/// All that listens to a run: the terminal, and what was asked for beside it. Keeps its place: the
/// listeners borrow from each other.
class Observers {
 public:
  /// Opens what the arguments name. kInvalidArgument and file errors name the option.
  Result<void> open(const RunArguments& arguments) {
    listeners_.add(begun_);
    listeners_.add(progress_);
    if (!arguments.events.empty()) {
      SYM_RETURN_IF_ERROR(add("--events", jobs::EventLog::open(arguments.events), events_));
    }
    if (!arguments.trace.empty()) {
      SYM_RETURN_IF_ERROR(add("--trace", jobs::RunTrace::open(arguments.trace), trace_));
    }
    return arguments.metrics.empty() ? Result<void>() : serve_metrics(arguments.metrics);
  }

  jobs::RunListener& listener() { return listeners_; }

  /// As far as it is known when the run ends with an error.
  const std::optional<jobs::RunOutcome>& begun() const { return begun_.outcome; }

 private:
  struct BegunRun final : jobs::RunListener {
    void on_run(const ledger::Job& /*job*/, const ledger::Run& run, bool resumed) override {
      outcome.emplace();
      outcome->kind = jobs::RunOutcome::Kind::kFailed;
      outcome->run = run.id;
      outcome->resumed = resumed;
    }
    std::optional<jobs::RunOutcome> outcome;
  };

  template <typename Listener>
  Result<void> add(std::string_view option, Result<std::unique_ptr<Listener>> opened,
                   std::unique_ptr<Listener>& place) {
    if (!opened) {
      // Bad input of the person's, whatever the system calls it.
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {}", option, opened.error().message()));
    }
    place = std::move(*opened);
    listeners_.add(*place);
    return {};
  }

  Result<void> serve_metrics(const std::string& text) {
    auto address = service::ListenAddress::parse(text);
    if (!address) {
      return tl::unexpected(std::move(address).error().while_doing("--metrics"));
    }
    auto server = service::MetricsServer::start(*address, [this] {
      process_metrics_.refresh();
      return registry_.to_prometheus();
    });
    if (!server) {
      return tl::unexpected(std::move(server).error().while_doing("--metrics"));
    }
    server_.emplace(std::move(*server));
    listeners_.add(run_metrics_);
    std::fprintf(stderr, "metrics at %s\n", server_->url().c_str());
    return {};
  }

  BegunRun begun_;
  ProgressLine progress_;
  std::unique_ptr<jobs::EventLog> events_;
  std::unique_ptr<jobs::RunTrace> trace_;
  MetricRegistry registry_;
  ProcessMetrics process_metrics_{registry_};
  jobs::RunMetrics run_metrics_{registry_};
  std::optional<service::MetricsServer> server_;  // after what it reads
  jobs::RunListeners listeners_;
};

/// The figures of the run, and its page written. A page that cannot be written is a warning: the
/// ledger has it all, and `symbiont report --html` makes it again.
Result<report::RunSummary> report_run(const RunArguments& arguments,
                                      const std::filesystem::path& home,
                                      const jobs::RunOutcome& outcome) {
  SYM_ASSIGN_OR_RETURN(const std::string url, arguments.state.ledger_url());
  SYM_ASSIGN_OR_RETURN(const auto ledger, ledger::Ledger::open_read_only(url));
  SYM_ASSIGN_OR_RETURN(const auto records, report::read_run(ledger, outcome.run));
  SYM_ASSIGN_OR_RETURN(auto summary, report::summarise(records, outcome.resumed));
  const auto written = arguments.report.empty() ? write_usual_page(home, records, summary)
                                                : write_page(arguments.report, records, summary);
  if (!written) {
    log::warning("the report was not written: " + written.error().message());
  }
  return summary;
}

/// Also of a run that ends with an error, which is the news: nothing here is.
void leave_page(const RunArguments& arguments, const std::filesystem::path& home,
                const std::optional<jobs::RunOutcome>& begun) {
  if (!begun) {
    return;
  }
  if (const auto summary = report_run(arguments, home, *begun); !summary) {
    log::warning("the report was not written: " + summary.error().message());
  }
}

Result<int> perform(const RunArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const jobs::JobSpec spec, jobs::load_job_file(arguments.job_file));
  SYM_ASSIGN_OR_RETURN(const jobs::RunOptions options, run_options(arguments));
  SYM_RETURN_IF_ERROR(check_page(arguments.report));
  if (arguments.check) {
    return check(spec, options, arguments.json);
  }
  handle_signals();
  jobs::RunOutcome outcome;
  {
    Observers observers;
    SYM_RETURN_IF_ERROR(observers.open(arguments));
    auto performed = jobs::run_job(spec, options, observers.listener());
    if (!performed) {
      leave_page(arguments, options.home, observers.begun());
    }
    SYM_ASSIGN_OR_RETURN(outcome, std::move(performed));
  }
  SYM_ASSIGN_OR_RETURN(const auto summary, report_run(arguments, options.home, outcome));
  print_summary(summary, arguments.json, arguments.state);
  if (!outcome.message.empty()) {
    std::fprintf(stderr, "symbiont: %s\n", report::terminal_text(outcome.message).c_str());
  }
  return exit_code_of(outcome);
}

int run(const RunArguments& arguments) {
  auto code = perform(arguments);
  return code ? *code : report_error(code.error());
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("run", "Run a training job that learns what costs least");
  const auto arguments = std::make_shared<RunArguments>();  // shared with the callback
  command->add_option("JOB", arguments->job_file, "The job file (TOML)")
      ->type_name("FILE.toml")
      ->required();
  command->add_flag("--check", arguments->check,
                    "Validate everything and print the plan and the cost of exploring; change "
                    "nothing");
  command->add_option("--recurrences", arguments->recurrences, "Instead of the file's")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}));
  command->add_option("--seed", arguments->seed, "Instead of the file's, when learning starts")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 53));
  command->add_flag("--restart-learning", arguments->restart_learning,
                    "Start a new history; the old one stays in the ledger");
  command
      ->add_option("--report", arguments->report,
                   "Where the HTML report goes (default: HOME/reports/JOB-RUN.html)")
      ->type_name("FILE");
  command
      ->add_option("--metrics", arguments->metrics,
                   "Serve Prometheus metrics on HOST:PORT, :PORT or PORT (0: any) while it runs")
      ->type_name("ADDR");
  command
      ->add_option("--events", arguments->events,
                   "Append what happens to FILE, one JSON object per line")
      ->type_name("FILE");
  command
      ->add_option("--trace", arguments->trace,
                   "Append an OpenTelemetry trace to FILE (OTLP, one JSON object per line)")
      ->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print one JSON document");
  arguments->state.add_to(*command);
  command->footer(
      "Example:\n  symbiont run examples/fashion/job.toml\n\n"
      "Stop it with Ctrl-C (or anything else) and run it again: it resumes.");
  command->callback([arguments, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace symbiont::app
