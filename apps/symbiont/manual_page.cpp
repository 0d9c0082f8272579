#include "manual_page.h"

#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "symbiont/base/version.h"

namespace symbiont::app {
namespace {

/// A character that stands for itself only in a spelling of its own. Dashes of prose stay hyphens.
std::string_view spelling_of(char character) {
  switch (character) {
    case '\\':
      return "\\(rs";
    case '~':
      return "\\(ti";
    case '^':
      return "\\(ha";
    case '`':
      return "\\(ga";
    default:
      return {};
  }
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char character : text) {
    const std::string_view spelling = spelling_of(character);
    result += spelling.empty() ? std::string_view(&character, 1) : spelling;
  }
  return result;
}

/// A line that begins with a dot or an apostrophe would be an instruction to the formatter.
std::string as_line(const std::string& text) {
  return text.starts_with('.') || text.starts_with('\'') ? "\\&" + text : text;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string prose(std::string_view text) {
  return as_line(replaced(escaped(text), "--", "\\-\\-"));
}

/// What is typed as it stands: no dash becomes a hyphen, no apostrophe a quotation mark.
std::string literal(std::string_view text) {
  return as_line(replaced(replaced(escaped(text), "-", "\\-"), "'", "\\(aq"));
}

std::string upper_case(std::string text) {
  for (char& character : text) {
    character = static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
  }
  return text;
}

std::string title_of(const Section& section) {
  return section.title == "Exit codes" ? "EXIT STATUS" : upper_case(section.title);
}

/// "Run a job." goes on after a dash as "run a job".
std::string as_purpose(std::string text) {
  text.resize(text.size() - (text.ends_with('.') ? 1 : 0));
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::string reference_to(const Command& command) {
  return ".BR " + literal(command.full_name('-')) + " (1)";
}

std::string synopsis_of(const Option& option) {
  const std::string text = literal(option.names.back()) +
                           (option.takes_value ? " \\fI" + prose(option.value.name) + "\\fR" : "");
  return option.required ? "\\fB" + text + "\\fR\n" : "[\\fB" + text + "\\fR]\n";
}

std::string synopsis_of(const Operand& operand) {
  const std::string text = "\\fI" + prose(operand.name) + "\\fR" + (operand.repeated ? " ..." : "");
  return operand.required ? text + "\n" : "[" + text + "]\n";
}

std::string synopsis(const Command& command) {
  std::string text = ".SH SYNOPSIS\n.SY \"" + literal(command.full_name()) + "\"\n";
  for (const Option& option : command.options) {
    text += synopsis_of(option);
  }
  for (const Operand& operand : command.operands) {
    text += synopsis_of(operand);
  }
  return text + (command.commands.empty() ? "" : "\\fICOMMAND\\fR ...\n") + ".YS\n";
}

std::string description(const Command& command) {
  std::string text = ".SH DESCRIPTION\n" + prose(command.description) +
                     (command.description.ends_with('.') ? "\n" : ".\n");
  for (const Section& section : command.sections) {
    if (section.title.empty()) {
      text += ".PP\n";
      for (const std::string& line : section.lines) {
        text += prose(line) + "\n";
      }
    }
  }
  return text;
}

std::string commands(const Command& command) {
  std::string text = command.commands.empty() ? "" : ".SH COMMANDS\n";
  for (const Command& below : command.commands) {
    text += ".TP\n" + reference_to(below) + "\n" + prose(below.description) + "\n";
  }
  return text;
}

std::string with_range(const std::string& description, const Value& value) {
  return prose(description) + (value.range.empty() ? "" : " (" + prose(value.range) + ")") + "\n";
}

std::string operands(const Command& command) {
  std::string text = command.operands.empty() ? "" : ".SH ARGUMENTS\n";
  for (const Operand& operand : command.operands) {
    text += ".TP\n\\fI" + prose(operand.name) + "\\fR\n" +
            with_range(operand.description, operand.value);
  }
  return text;
}

std::string options(const Command& command) {
  std::string text = command.options.empty() ? "" : ".SH OPTIONS\n";
  for (const Option& option : command.options) {
    std::string names;
    for (const std::string& name : option.names) {
      names += (names.empty() ? "\\fB" : ", \\fB") + literal(name) + "\\fR";
    }
    text += ".TP\n" + names +
            (option.takes_value ? " \\fI" + prose(option.value.name) + "\\fR" : "") + "\n" +
            with_range(option.description, option.value);
  }
  return text;
}

/// "TERM  meaning" becomes a term with its meaning; a line without two spaces goes on.
std::string terms(const Section& section) {
  std::string text = ".SH " + title_of(section) + "\n";
  for (const std::string& line : section.lines) {
    const std::size_t gap = line.starts_with(' ') ? line.npos : line.find("  ");
    const std::size_t meaning = line.find_first_not_of(' ', gap == line.npos ? 0 : gap);
    if (gap != line.npos && meaning != line.npos) {
      text += ".TP\n\\fB" + literal(line.substr(0, gap)) + "\\fR\n";
    }
    text += meaning == line.npos ? "" : prose(line.substr(meaning)) + "\n";
  }
  return text;
}

std::string examples(const Section& section) {
  std::string text = ".SH EXAMPLES\n.EX\n";
  for (const std::string& line : section.lines) {
    text += literal(line) + "\n";
  }
  return text + ".EE\n";
}

bool is_example(const Section& section) {
  return section.title.starts_with("Example");
}

/// The sections of a page below its options, examples last.
std::string sections(const Command& root, const Command& command) {
  std::string text;
  const bool is_root = command.path.size() == 1;
  for (const Section& section : command.sections) {
    if (!section.title.empty() && !is_example(section)) {
      text += terms(section);
    }
  }
  for (const Section& section : root.sections) {
    const bool own = std::any_of(command.sections.begin(), command.sections.end(),
                                 [&](const Section& each) { return each.title == section.title; });
    const bool shared = section.title == "Exit codes" || command.has_option("--home");
    if (!is_root && !own && !section.title.empty() && !is_example(section) && shared) {
      text += terms(section);
    }
  }
  for (const Section& section : command.sections) {
    text += is_example(section) ? examples(section) : "";
  }
  return text;
}

std::string see_also(const Command& root, const Command& command) {
  std::vector<std::string> pages;
  if (command.path.size() > 1) {
    pages.push_back(reference_to(root));
  }
  for (const Command& below : command.commands) {
    pages.push_back(reference_to(below));
  }
  return fmt::format(".SH SEE ALSO\n{}\n", fmt::join(pages, ",\n"));
}

}  // namespace

std::string manual_page(const Command& root, const Command& command) {
  const std::string name = command.full_name('-');
  return fmt::format(
             ".\\\" -*- coding: UTF-8 -*-\n"
             ".TH {} 1 \"\" \"symbiont {}\" \"Symbiont manual\"\n"
             ".nh\n"
             ".SH NAME\n{} \\- {}\n",
             literal(upper_case(name)), version(), literal(name),
             prose(as_purpose(command.description))) +
         synopsis(command) + description(command) + commands(command) + operands(command) +
         options(command) + sections(root, command) + see_also(root, command);
}

}  // namespace symbiont::app
