#include <cstdio>
#include <memory>

#include "command.h"
#include "completion.h"

namespace symbiont::app {
namespace {

struct CompletionArguments {
  std::string subject;
  StateOptions state;
};

/// Names of jobs, one a line, which the scripts ask for. Without a ledger there are none.
std::string job_names(const StateOptions& state) {
  std::string names;
  const auto ledger = open_ledger(state);
  const auto jobs = ledger ? ledger->jobs() : std::vector<ledger::Job>();
  for (const ledger::Job& job : jobs.value_or(std::vector<ledger::Job>())) {
    names += job.name + "\n";
  }
  return names;
}

std::string text_of(const CLI::App& app, const CompletionArguments& arguments) {
  if (arguments.subject == "bash") {
    return bash_completion(read_command_tree(app));
  }
  if (arguments.subject == "zsh") {
    return zsh_completion(read_command_tree(app));
  }
  if (arguments.subject == "fish") {
    return fish_completion(read_command_tree(app));
  }
  return job_names(arguments.state);
}

}  // namespace

void add_completion_command(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("completion", "Print a script that completes commands in a shell");
  const auto arguments = std::make_shared<CompletionArguments>();  // shared with the callback
  command
      ->add_option("SHELL", arguments->subject,
                   "The shell; or \"jobs\", for the names that its script suggests")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish", "jobs"}));
  arguments->state.add_to(*command);
  command->footer("Example:\n  source <(symbiont completion bash)");
  command->callback([arguments, &app, &exit_code] {
    std::fputs(text_of(app, *arguments).c_str(), stdout);
    exit_code = kDone;
  });
}

}  // namespace symbiont::app
