#include <string_view>

#include <fmt/format.h>

#include "completion.h"

namespace symbiont::app {
namespace {

constexpr std::string_view kWalk = R"fish(
# Whether the words before the cursor name this command.
function __symbiont_at
    set -l words (commandline -opc)
    set -l command symbiont
    for word in $words[2..-1]
        if contains -- "$command $word" $__symbiont_commands
            set command "$command $word"
        end
    end
    test "$command" = "$argv"
end

complete -c symbiont -f
)fish";

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char character : text) {
    result += character == '\'' || character == '\\' ? "\\" : "";
    result += character;
  }
  return result + "'";
}

/// The options of `complete` that suggest such a value.
std::string suggestion_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::kText:
    case ValueKind::kNumber:
      return "";
    case ValueKind::kChoice:
      return fmt::format(" -a '{}'", fmt::join(value.choices, " "));
    case ValueKind::kTomlFile:
      return " -k -a '(__fish_complete_suffix .toml)'";
    case ValueKind::kFolder:
      return " -a '(__fish_complete_directories)'";
    case ValueKind::kJob:
      return " -a '(symbiont completion jobs 2>/dev/null)'";
    case ValueKind::kCommand:
      return " -a '(__fish_complete_subcommand)'";
    case ValueKind::kFile:
      break;
  }
  return " -F";
}

std::string line_of(const Command& command, const std::string& rest) {
  return fmt::format("complete -c symbiont -n '__symbiont_at {}'{}\n", command.full_name(), rest);
}

std::string line_of(const Command& command, const Option& option) {
  std::string words;
  for (const std::string& name : option.names) {
    words += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  words += option.takes_value ? " -r" + suggestion_of(option.value) : "";
  return line_of(command, words + " -d " + in_quotes(option.description));
}

std::string lines_of(const Command& command) {
  std::string lines;
  for (const Option& option : command.options) {
    lines += line_of(command, option);
  }
  for (const Operand& operand : command.operands) {
    const std::string suggestion = suggestion_of(operand.value);
    lines += suggestion.empty() ? "" : line_of(command, suggestion);
  }
  for (const Command& below : command.commands) {
    lines += line_of(command, " -a " + below.name() + " -d " + in_quotes(below.description));
    lines += lines_of(below);
  }
  return lines;
}

std::string names_of(const Command& command) {
  std::string names;
  for (const Command& below : command.commands) {
    names += " '" + below.full_name() + "'" + names_of(below);
  }
  return names;
}

}  // namespace

std::string fish_completion(const Command& root) {
  return "# Completion of symbiont for fish, printed by: symbiont completion fish\n\n"
         "set -g __symbiont_commands" +
         names_of(root) + "\n" + std::string(kWalk) + lines_of(root);
}

}  // namespace symbiont::app
