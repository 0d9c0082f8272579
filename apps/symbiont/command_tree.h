#pragma once
/// The commands as plain data, read off the parser: what manual pages and completions are made of.
/// Nothing about a command is listed a second time, so they cannot disagree with it.

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace symbiont::app {

/// What may stand where a value is expected, by the type name that the parser shows for it:
/// `type_name("FILE")`, `"FILE.toml"`, `"DIR"`, `"JOB"` and `"COMMAND"` say it, numbers and
/// CLI::IsMember speak for themselves.
enum class ValueKind {
  kText,      ///< words that cannot be completed
  kNumber,    ///< nothing worth suggesting
  kChoice,    ///< one of `choices`
  kFile,      ///< a file
  kTomlFile,  ///< a file whose name ends in .toml
  kFolder,    ///< a folder
  kJob,       ///< the name of a job in the ledger
  kCommand,   ///< another program and its arguments
};

struct Value {
  ValueKind kind = ValueKind::kText;
  std::vector<std::string> choices;
  std::string name;   ///< for people: "DIR", "N", "bash|zsh|fish"
  std::string range;  ///< "1 to 100000", or empty
};

/// An option or flag: its names begin with dashes.
struct Option {
  std::vector<std::string> names;  ///< the short one first: "-h", "--help"
  std::string description;
  bool takes_value = false;
  bool required = false;
  Value value;
};

/// An argument known by its place.
struct Operand {
  std::string name;  ///< "JOB"
  std::string description;
  bool required = false;
  bool repeated = false;
  Value value;
};

/// A part of the help below the options: "Example:" and its indented lines. Lines that stand under
/// no title make a section without one.
struct Section {
  std::string title;
  std::vector<std::string> lines;
};

struct Command {
  std::vector<std::string> path;  ///< "symbiont", "tune", "replay"
  std::string description;
  std::vector<Option> options;
  std::vector<Operand> operands;
  std::vector<Section> sections;
  std::vector<Command> commands;

  const std::string& name() const { return path.back(); }
  /// "symbiont tune replay", or with another separator.
  std::string full_name(char separator = ' ') const;
  bool has_option(const std::string& name) const;
};

/// Everything that `app` and its subcommands accept, but for what is in the hidden group "".
Command read_command_tree(const CLI::App& app);

}  // namespace symbiont::app
