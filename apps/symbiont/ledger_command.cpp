#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "command.h"
#include "symbiont/ledger/ledger.h"

namespace symbiont::app {
namespace {

struct LedgerArguments {
  bool json = false;
  StateOptions state;
};

void print_findings(const std::vector<ledger::Finding>& findings, bool json) {
  if (!json) {
    for (const ledger::Finding& finding : findings) {
      std::printf("%s: %s\n", finding.where.c_str(), finding.what.c_str());
    }
    std::printf("%zu finding%s\n", findings.size(), findings.size() == 1 ? "" : "s");
    return;
  }
  nlohmann::ordered_json document;
  document["findings"] = nlohmann::ordered_json::array();
  for (const ledger::Finding& finding : findings) {
    document["findings"].push_back({{"where", finding.where}, {"what", finding.what}});
  }
  std::fputs(to_text(document).c_str(), stdout);
}

Result<int> check(const LedgerArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const ledger::Ledger ledger, open_ledger(arguments.state));
  SYM_ASSIGN_OR_RETURN(const std::vector<ledger::Finding> findings, ledger.check());
  print_findings(findings, arguments.json);
  return findings.empty() ? kDone : kFailed;
}

Result<int> export_all(const LedgerArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const ledger::Ledger ledger, open_ledger(arguments.state));
  const auto print = [](std::string_view line) -> Result<void> {
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() ||
        std::fputc('\n', stdout) == EOF) {
      return fail(ErrorCode::kResourceExhausted, "standard output cannot be written");
    }
    return {};
  };
  SYM_RETURN_IF_ERROR(ledger.export_lines(print));
  return kDone;
}

using Action = Result<int> (*)(const LedgerArguments&);

CLI::App* add_action(CLI::App& parent, const char* name, const char* description, Action action,
                     int& exit_code) {
  CLI::App* command = parent.add_subcommand(name, description);
  const auto arguments = std::make_shared<LedgerArguments>();  // shared with the callback
  command->add_flag("--json", arguments->json, "Print JSON (export always does)");
  arguments->state.add_to(*command);
  command->callback([arguments, action, &exit_code] {
    auto code = action(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
  return command;
}

}  // namespace

void add_ledger_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("ledger", "Check the ledger, or export all of it");
  command->require_subcommand(1);
  command->footer("Example:\n  symbiont ledger check --json");
  add_action(*command, "check", "Look for contradictions; exit 1 when there are any", check,
             exit_code)
      ->footer("Example:\n  symbiont ledger check");
  add_action(*command, "export", "Print every row as one JSON object per line", export_all,
             exit_code)
      ->footer("Example:\n  symbiont ledger export > ledger.jsonl");
}

}  // namespace symbiont::app
