#include <algorithm>
#include <cstdio>
#include <memory>

#include "command.h"
#include "manual_page.h"
#include "symbiont/base/file.h"

namespace symbiont::app {
namespace {

struct ManualArguments {
  std::vector<std::string> words;
  std::string folder;
};

/// The command below `root` that the words name.
Result<const Command*> find_command(const Command& root, const std::vector<std::string>& words) {
  const Command* found = &root;
  for (const std::string& word : words) {
    const auto next = std::find_if(found->commands.begin(), found->commands.end(),
                                   [&](const Command& below) { return below.name() == word; });
    if (next == found->commands.end()) {
      return fail(ErrorCode::kNotFound, found->full_name() + " has no command \"" + word + "\"");
    }
    found = &*next;
  }
  return found;
}

/// "{init,run,...}": what the first word can be.
std::string names_of_commands(const CLI::App& app) {
  std::string names;
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    names += (names.empty() ? "{" : ",") + below->get_name();
  }
  return names + "}";
}

Result<void> write_pages(const Command& root, const Command& command,
                         const std::filesystem::path& folder) {
  SYM_RETURN_IF_ERROR(
      write_file_atomically(folder / (command.full_name('-') + ".1"), manual_page(root, command)));
  for (const Command& below : command.commands) {
    SYM_RETURN_IF_ERROR(write_pages(root, below, folder));
  }
  return {};
}

Result<void> perform(const Command& root, const ManualArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const Command* command, find_command(root, arguments.words));
  if (!arguments.folder.empty()) {
    return write_pages(root, *command, arguments.folder);
  }
  std::fputs(manual_page(root, *command).c_str(), stdout);
  return {};
}

}  // namespace

void add_manual_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("manual", "Print the manual page of a command");
  const auto arguments = std::make_shared<ManualArguments>();  // shared with the callback
  command->add_option("NAME", arguments->words, "Which command; none: symbiont itself")
      ->type_name_fn([&app] { return names_of_commands(app); });
  command
      ->add_option("--folder", arguments->folder,
                   "Write the page, and those of the commands below it, into this folder")
      ->type_name("DIR");
  command->footer("Example:\n  symbiont manual tune replay | man -l -");
  command->callback([arguments, &app, &exit_code] {
    const auto done = perform(read_command_tree(app), *arguments);
    exit_code = done ? kDone : report_error(done.error());
  });
}

}  // namespace symbiont::app
