#include <string_view>

#include <fmt/format.h>

#include "completion.h"

namespace symbiont::app {
namespace {

/// Walks the words before the cursor through the table, which is emitted above it.
constexpr std::string_view kWalk = R"bash(
_symbiont_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
}

_symbiont_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }

_symbiont_suggest() {
  case $1 in
    file) _symbiont_files -f ;;
    folder) _symbiont_files -d ;;
    toml) _symbiont_files -f -X '!*.toml' -o plusdirs ;;
    job) _symbiont_words "$("${COMP_WORDS[0]}" completion jobs 2>/dev/null)" ;;
    program) mapfile -t COMPREPLY < <(compgen -c -- "$current") ;;
    choice:*) _symbiont_words "${1#choice:}" ;;
  esac
}

_symbiont() {
  local commands options value command=symbiont place=1 wanted='' word index
  local current=${COMP_WORDS[COMP_CWORD]}
  [[ $current != = ]] || current=''
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; ++index)); do
    word=${COMP_WORDS[index]}
    _symbiont_look_up "$command"
    if [[ $word == -- ]]; then
      wanted='file'
      ((index + 1 < COMP_CWORD)) || wanted='program'
      break
    elif [[ $word == -* ]]; then
      _symbiont_look_up "$command $word"
      [[ -n $value ]] || continue
      [[ ${COMP_WORDS[index + 1]} != = ]] || ((++index))
      ((++index < COMP_CWORD)) || wanted=$value
    elif [[ " $commands " == *" $word "* ]]; then
      command+=" $word"
    else
      ((++place))
    fi
  done
  if [[ -z $wanted ]]; then
    _symbiont_look_up "$command $place"
    wanted=$value
    [[ $wanted != program || $place == 1 ]] || wanted='file'
    _symbiont_look_up "$command"
    if [[ $current == -* || -z $commands$wanted ]]; then
      wanted="choice:$options"
    elif [[ -n $commands ]]; then
      wanted="choice:$commands"
    fi
  fi
  _symbiont_suggest "$wanted"
}

complete -F _symbiont symbiont
)bash";

/// What `_symbiont_suggest` is told. Never empty: an option without a kind takes no value.
std::string kind_of(const Value& value) {
  switch (value.kind) {
    case ValueKind::kText:
    case ValueKind::kNumber:
      return "number";
    case ValueKind::kChoice:
      return fmt::format("choice:{}", fmt::join(value.choices, " "));
    case ValueKind::kTomlFile:
      return "toml";
    case ValueKind::kFolder:
      return "folder";
    case ValueKind::kJob:
      return "job";
    case ValueKind::kCommand:
      return "program";
    case ValueKind::kFile:
      break;
  }
  return "file";
}

std::string words_of(const Command& command) {
  std::string commands;
  for (const Command& below : command.commands) {
    commands += (commands.empty() ? "" : " ") + below.name();
  }
  std::string options;
  for (const Option& option : command.options) {
    options += (options.empty() ? "" : " ") + option.names.back();
  }
  return fmt::format("    '{}') commands='{}' options='{}' ;;\n", command.full_name(), commands,
                     options);
}

std::string values_of(const Command& command) {
  std::string lines;
  for (const Option& option : command.options) {
    for (const std::string& name : option.names) {
      lines += option.takes_value ? fmt::format("    '{} {}') value='{}' ;;\n", command.full_name(),
                                                name, kind_of(option.value))
                                  : "";
    }
  }
  std::size_t place = 0;
  for (const Operand& operand : command.operands) {
    const std::string at = operand.repeated ? " '[0-9]*" : fmt::format(" {}'", ++place);
    lines +=
        fmt::format("    '{}{}) value='{}' ;;\n", command.full_name(), at, kind_of(operand.value));
  }
  return lines;
}

std::string table_of(const Command& command) {
  std::string lines = words_of(command) + values_of(command);
  for (const Command& below : command.commands) {
    lines += table_of(below);
  }
  return lines;
}

}  // namespace

std::string bash_completion(const Command& root) {
  return "# Completion of symbiont for bash, printed by: symbiont completion bash\n\n"
         "# Of a command: what may follow. Of a command and an option, or a place: the kind of "
         "value.\n"
         "_symbiont_look_up() {\n"
         "  commands='' options='' value=''\n"
         "  case $1 in\n" +
         table_of(root) + "  esac\n}\n" + std::string(kWalk);
}

}  // namespace symbiont::app
