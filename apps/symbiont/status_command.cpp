#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "symbiont/base/clock.h"
#include "symbiont/jobs/runner.h"
#include "symbiont/ledger/ledger.h"

namespace symbiont::app {
namespace {

using Json = nlohmann::ordered_json;

struct StatusArguments {
  bool json = false;
  StateOptions state;
};

double unix_seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

/// The attempt that is open in a run, if any.
Json running_attempt(const std::vector<ledger::RecurrenceRecord>& recurrences) {
  for (const ledger::RecurrenceRecord& record : recurrences) {
    for (const ledger::AttemptRecord& attempt : record.attempts) {
      if (!attempt.attempt.stopped) {
        return {{"recurrence", record.recurrence.index},
                {"try", attempt.attempt.try_index},
                {"batch_size", attempt.attempt.batch_size},
                {"epochs", attempt.epochs.size()},
                {"max_epochs", attempt.attempt.max_epochs}};
      }
    }
  }
  return nullptr;
}

Result<Json> run_json(const ledger::Ledger& ledger, const ledger::Run& run) {
  SYM_ASSIGN_OR_RETURN(const auto recurrences, ledger.recurrences_of_run(run.id));
  std::int64_t finished = 0;
  for (const ledger::RecurrenceRecord& record : recurrences) {
    const bool tuned = record.recurrence.kind == ledger::RecurrenceKind::kTuned;
    finished += tuned && record.recurrence.finished ? 1 : 0;
  }
  return Json{
      {"run", run.id},
      {"status", ledger::to_string(run.status)},
      {"started_unix_s", unix_seconds(run.started)},
      {"recurrences", run.recurrences},
      {"finished_recurrences", finished},
      {"attempt", run.status == ledger::RunStatus::kUnfinished ? running_attempt(recurrences)
                                                               : Json(nullptr)}};
}

Json leases_json(const std::vector<ledger::Lease>& leases) {
  Json list = Json::array();
  for (const ledger::Lease& lease : leases) {
    list.push_back({{"name", lease.name},
                    {"pid", lease.holder.pid},
                    {"host", lease.holder.host},
                    {"heartbeat_unix_s", unix_seconds(lease.heartbeat)},
                    {"gone", jobs::is_gone(lease, system_clock().wall_now())}});
  }
  return list;
}

Result<Json> collect(const ledger::Ledger& ledger) {
  Json status;
  status["jobs"] = Json::array();
  SYM_ASSIGN_OR_RETURN(const std::vector<ledger::Job> jobs, ledger.jobs());
  for (const ledger::Job& job : jobs) {
    Json entry = {{"job", job.name}, {"energy", job.meters}, {"runs", Json::array()}};
    SYM_ASSIGN_OR_RETURN(const std::vector<ledger::Run> runs, ledger.runs(job.id));
    for (const ledger::Run& run : runs) {
      SYM_ASSIGN_OR_RETURN(Json one, run_json(ledger, run));
      entry["runs"].push_back(std::move(one));
    }
    status["jobs"].push_back(std::move(entry));
  }
  SYM_ASSIGN_OR_RETURN(const std::vector<ledger::Lease> leases, ledger.leases());
  status["leases"] = leases_json(leases);
  return status;
}

std::string text_of(const Json& status) {
  std::string text;
  for (const Json& job : status["jobs"]) {
    text +=
        fmt::format("{}  ({})\n", job["job"].get<std::string>(), job["energy"].get<std::string>());
    for (const Json& run : job["runs"]) {
      text += fmt::format("  run {}: {}, {} of {} recurrences\n", run["run"].get<std::int64_t>(),
                          run["status"].get<std::string>(),
                          run["finished_recurrences"].get<std::int64_t>(),
                          run["recurrences"].get<std::int64_t>());
      if (const Json& attempt = run["attempt"]; attempt.is_object()) {
        text += fmt::format("    recurrence {}, try {}: batch size {}, {} of at most {} epochs\n",
                            attempt["recurrence"].get<std::int64_t>(), attempt["try"].get<int>(),
                            attempt["batch_size"].get<std::int64_t>(),
                            attempt["epochs"].get<std::int64_t>(),
                            attempt["max_epochs"].get<std::int64_t>());
      }
    }
  }
  for (const Json& lease : status["leases"]) {
    const bool gone = lease["gone"].get<bool>();
    text += fmt::format("{} {}held by pid {} on {}{}\n", lease["name"].get<std::string>(),
                        gone ? "was " : "", lease["pid"].get<std::int64_t>(),
                        lease["host"].get<std::string>(), gone ? ", which is gone" : "");
  }
  return text.empty() ? "no jobs yet\n" : text;
}

/// No ledger is no jobs, which is an answer and not an error.
Result<Json> read_status(const std::string& url) {
  auto ledger = ledger::Ledger::open_read_only(url);
  if (!ledger && ledger.error().code() == ErrorCode::kNotFound) {
    return Json{{"jobs", Json::array()}, {"leases", Json::array()}};
  }
  if (!ledger) {
    return tl::unexpected(std::move(ledger).error());
  }
  return collect(*ledger);
}

Result<int> perform(const StatusArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const std::string url, arguments.state.ledger_url());
  SYM_ASSIGN_OR_RETURN(const Json status, read_status(url));
  std::fputs((arguments.json ? to_text(status) : text_of(status)).c_str(), stdout);
  return kDone;
}

}  // namespace

void add_status_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("status", "List jobs, runs, leases and the attempts in progress");
  const auto arguments = std::make_shared<StatusArguments>();  // shared with the callback
  command->add_flag("--json", arguments->json, "Print one JSON document");
  arguments->state.add_to(*command);
  command->footer("Example:\n  symbiont status");
  command->callback([arguments, &exit_code] {
    auto code = perform(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace symbiont::app
