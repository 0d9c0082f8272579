#include <string_view>

#include <fmt/format.h>

#include "completion.h"

namespace symbiont::app {
namespace {

constexpr std::string_view kEnd = R"zsh(
_symbiont_jobs() {
  local -a jobs=(${(f)"$(symbiont completion jobs 2>/dev/null)"})
  compadd -a jobs
}

if [[ $funcstack[1] == _symbiont ]]; then
  _symbiont "$@"
else
  compdef _symbiont symbiont
fi
)zsh";

/// As part of an argument of _arguments or _describe, inside single quotes.
std::string escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    if (character == '\'') {
      result += "'\\''";
    } else if (std::string_view("\\:[]").find(character) != std::string_view::npos) {
      result += {'\\', character};
    } else {
      result += character;
    }
  }
  return result;
}

std::string function_of(const Command& command) {
  return "_" + command.full_name('_');
}

std::string action_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::kText:
    case ValueKind::kNumber:
      return " ";
    case ValueKind::kChoice:
      return fmt::format("({})", fmt::join(value.choices, " "));
    case ValueKind::kTomlFile:
      return "_files -g \"*.toml\"";
    case ValueKind::kFolder:
      return "_files -/";
    case ValueKind::kJob:
      return "_symbiont_jobs";
    case ValueKind::kCommand:
      return "_normal";
    case ValueKind::kFile:
      break;
  }
  return "_files";
}

std::string argument_of(const Option& option) {
  std::string lines;
  for (const std::string& name : option.names) {
    const bool word = option.takes_value && name.starts_with("--");
    lines +=
        fmt::format(" \\\n    '{}{}[{}]{}'", name, word ? "=" : "", escaped(option.description),
                    option.takes_value
                        ? fmt::format(":{}:{}", escaped(option.value.name), action_of(option.value))
                        : "");
  }
  return lines;
}

/// A repeated operand takes all words that are left; another program completes its own.
std::string argument_of(const Operand& operand) {
  const std::string_view place = operand.value.kind == ValueKind::kCommand ? "*::"
                                 : operand.repeated                        ? "*:"
                                                                           : ":";
  return fmt::format(" \\\n    '{}{}:{}'", place, escaped(operand.name), action_of(operand.value));
}

std::string commands_of(const Command& command) {
  std::string described;
  std::string cases;
  for (const Command& below : command.commands) {
    described += fmt::format("\n    '{}:{}'", below.name(), escaped(below.description));
    cases += fmt::format("\n      {}) {} ;;", below.name(), function_of(below));
  }
  return fmt::format(
      "  local -a commands=({})\n"
      "  case $state in\n"
      "    command) _describe command commands ;;\n"
      "    rest) case $line[1] in{}\n"
      "      esac ;;\n"
      "  esac\n",
      described, cases);
}

std::string functions_of(const Command& command) {
  std::string text = fmt::format(
      "\n{}() {{\n"
      "  local context state state_descr line\n"
      "  typeset -A opt_args\n"
      "  _arguments{}",
      function_of(command), command.commands.empty() ? "" : " -C");
  for (const Option& option : command.options) {
    text += argument_of(option);
  }
  for (const Operand& operand : command.operands) {
    text += argument_of(operand);
  }
  text += command.commands.empty() ? "\n" : " \\\n    '1: :->command' '*:: :->rest'\n";
  text += command.commands.empty() ? "" : commands_of(command);
  text += "}\n";
  for (const Command& below : command.commands) {
    text += functions_of(below);
  }
  return text;
}

}  // namespace

std::string zsh_completion(const Command& root) {
  return "#compdef symbiont\n"
         "# Completion of symbiont for zsh, printed by: symbiont completion zsh\n" +
         functions_of(root) + std::string(kEnd);
}

}  // namespace symbiont::app
