#include <algorithm>
#include <charconv>
#include <memory>

#include <fmt/format.h>

#include "command.h"
#include "report_page.h"
#include "symbiont/report/summary.h"

namespace symbiont::app {
namespace {

struct ReportArguments {
  std::string subject;
  std::string html;
  bool json = false;
  StateOptions state;
};

bool is_run_id(const std::string& text) {
  return !text.empty() && text.size() < 19 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A number is a run, any other word a job (job names are never all digits): its last run.
Result<ledger::Id> find_run(const ledger::Ledger& ledger, const std::string& subject) {
  if (is_run_id(subject)) {
    ledger::Id id = 0;
    std::from_chars(subject.data(), subject.data() + subject.size(), id);
    return id;
  }
  SYM_ASSIGN_OR_RETURN(const auto job, ledger.find_job(subject));
  if (!job) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("there is no job \"{}\" in the ledger; `symbiont status` lists them", subject));
  }
  SYM_ASSIGN_OR_RETURN(const auto last, ledger.last_run(job->id));
  if (!last) {
    return fail(ErrorCode::kNotFound, fmt::format("job \"{}\" has no run", subject));
  }
  return last->id;
}

Result<int> perform(const ReportArguments& arguments) {
  SYM_RETURN_IF_ERROR(check_page(arguments.html));
  SYM_ASSIGN_OR_RETURN(const auto ledger, open_ledger(arguments.state));
  SYM_ASSIGN_OR_RETURN(const ledger::Id run, find_run(ledger, arguments.subject));
  SYM_ASSIGN_OR_RETURN(const auto records, report::read_run(ledger, run));
  SYM_ASSIGN_OR_RETURN(auto summary, report::summarise(records, false));
  if (arguments.html.empty()) {
    summary.page = existing_page(arguments.state, records);
  } else {
    SYM_RETURN_IF_ERROR(write_page(arguments.html, records, summary));
  }
  print_summary(std::move(summary), arguments.json, arguments.state);
  return kDone;
}

}  // namespace

void add_report_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("report", "Show again what a run did, from the ledger");
  const auto arguments = std::make_shared<ReportArguments>();  // shared with the callback
  command
      ->add_option("JOB|RUN", arguments->subject, "A job's name (its last run) or a run's number")
      ->type_name("JOB")
      ->required();
  command->add_option("--html", arguments->html, "Write the page with plots to this file too")
      ->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print one JSON document");
  arguments->state.add_to(*command);
  command->footer("Example:\n  symbiont report fashion --html fashion.html");
  command->callback([arguments, &exit_code] {
    auto code = perform(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace symbiont::app
