#include "command_tree.h"

#include <algorithm>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

namespace symbiont::app {
namespace {

/// What lies between two texts; empty when they do not stand there in this order.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const std::size_t from = text.find(before);
  const std::size_t begin = from == text.npos ? text.npos : from + before.size();
  const std::size_t end = begin == text.npos ? text.npos : text.find(after, begin);
  return end == text.npos ? "" : text.substr(begin, end - begin);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

/// "INT in [1 - 100]" stands for "1 to 100".
std::string range_of(const std::string& type) {
  const std::string range = between(type, " in [", "]");
  const std::size_t dash = range.find(" - ");
  return dash == range.npos ? "" : range.substr(0, dash) + " to " + range.substr(dash + 3);
}

ValueKind kind_of(const std::string& type) {
  const auto has = [&type](std::string_view word) { return type.find(word) != type.npos; };
  if (has("INT") || has("FLOAT") || has("NUMBER")) {
    return ValueKind::kNumber;
  }
  if (has(".toml")) {
    return ValueKind::kTomlFile;
  }
  if (has("FILE") || has("PATH")) {
    return ValueKind::kFile;
  }
  if (has("COMMAND")) {
    return ValueKind::kCommand;
  }
  return has("DIR") ? ValueKind::kFolder : has("JOB") ? ValueKind::kJob : ValueKind::kText;
}

Value read_value(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  Value value;
  value.choices = split(between(type, "{", "}"), ',');
  if (!value.choices.empty()) {
    value.kind = ValueKind::kChoice;
    value.name = fmt::format("{}", fmt::join(value.choices, "|"));
    return value;
  }
  value.kind = kind_of(type);
  value.name = value.kind == ValueKind::kNumber ? "N" : type.substr(0, type.find(':'));
  value.range = range_of(type);
  return value;
}

Option read_option(const CLI::Option& from) {
  Option option;
  for (const std::string& name : from.get_snames()) {
    option.names.push_back("-" + name);
  }
  for (const std::string& name : from.get_lnames()) {
    option.names.push_back("--" + name);
  }
  option.description = from.get_description();
  option.takes_value = from.get_items_expected_max() > 0;
  option.required = from.get_required();
  if (option.takes_value) {
    option.value = read_value(from);
  }
  return option;
}

Operand read_operand(const CLI::Option& from) {
  Operand operand;
  operand.name = from.get_name(true);
  operand.description = from.get_description();
  operand.required = from.get_required();
  operand.repeated = from.get_items_expected_max() > 1;
  operand.value = read_value(from);
  return operand;
}

/// A title ends in a colon, and indented lines follow it. An empty line ends either kind.
std::vector<Section> read_sections(const std::string& footer) {
  std::vector<Section> sections;
  bool inside = false;
  for (const std::string& line : split(footer, '\n')) {
    const bool indented = line.starts_with("  ");
    if (line.empty()) {
      inside = false;
    } else if (!indented && line.ends_with(':')) {
      sections.push_back({line.substr(0, line.size() - 1), {}});
      inside = true;
    } else {
      if (!inside) {
        sections.push_back({});
        inside = true;
      }
      sections.back().lines.push_back(indented ? line.substr(2) : line);
    }
  }
  return sections;
}

Command read_command(const CLI::App& app, std::vector<std::string> path) {
  Command command;
  path.push_back(app.get_name());
  command.path = std::move(path);
  command.description = app.get_description();
  command.sections = read_sections(app.get_footer());
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) {
      continue;
    }
    if (option->get_positional()) {
      command.operands.push_back(read_operand(*option));
    } else {
      command.options.push_back(read_option(*option));
    }
  }
  for (const CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!below->get_group().empty()) {
      command.commands.push_back(read_command(*below, command.path));
    }
  }
  return command;
}

}  // namespace

std::string Command::full_name(char separator) const {
  return fmt::format("{}", fmt::join(path, std::string(1, separator)));
}

bool Command::has_option(const std::string& name) const {
  return std::any_of(options.begin(), options.end(), [&name](const Option& option) {
    return std::find(option.names.begin(), option.names.end(), name) != option.names.end();
  });
}

Command read_command_tree(const CLI::App& app) {
  return read_command(app, {});
}

}  // namespace symbiont::app
