/// The one command: `symbiont COMMAND`. Nothing here but parsing and printing.

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "command.h"
#include "symbiont/base/config.h"
#include "symbiont/base/error.h"
#include "symbiont/base/version.h"

namespace symbiont::app {
namespace {

/// Words that documentation reserves for features which this version does not have: refused with
/// that reason instead of "unknown".
constexpr std::array<std::string_view, 5> kReservedCommands = {"zoo", "carbon", "mem", "fed",
                                                               "qos"};
constexpr std::array<std::string_view, 2> kReservedOfEnergy = {"watch", "attribute"};
constexpr std::array<std::string_view, 4> kReservedOfTune = {"profile", "explain", "serve",
                                                             "pipeline"};
constexpr std::array<std::string_view, 13> kReservedOptions = {
    "--concurrent", "--on",  "--gpu",  "--dataset", "--all",   "--policy",  "--seeds",
    "--first-seed", "--eta", "--beta", "--drift",   "--delay", "--shift-at"};

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The first argument that is reserved where it stands, empty when there is none.
std::string reserved_word(const std::vector<std::string>& words) {
  if (!words.empty() && is_one_of(kReservedCommands, words[0])) {
    return words[0];
  }
  if (words.size() > 1 && words[0] == "tune" && is_one_of(kReservedOfTune, words[1])) {
    return words[1];
  }
  if (words.size() > 1 && words[0] == "energy" && is_one_of(kReservedOfEnergy, words[1])) {
    return words[1];
  }
  for (const std::string& word : words) {
    if (std::string option = word.substr(0, word.find('=')); is_one_of(kReservedOptions, option)) {
      return option;
    }
  }
  return {};
}

std::string there_is_no(std::string_view kind, const std::string& word,
                        const std::vector<std::string>& known) {
  const std::string nearest = nearest_word(word, known);
  return fmt::format("there is no {} \"{}\"{}", kind, word,
                     nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest));
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// "--json", "--help".
std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What is wrong with the first word that is no option where it starts with "--", or no command
/// where one is expected; empty when there is none.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  for (const std::string& word : words) {
    const std::vector<std::string> commands = commands_of(*at);
    if (word == "--") {
      return {};
    }
    if (word.starts_with("--")) {
      const std::string option = word.substr(0, word.find('='));
      if (const auto known = options_of(*at); !contains(known, option)) {
        return there_is_no("option", option, known);
      }
    } else if (contains(commands, word)) {
      at = at->get_subcommand(word);
    } else if (!commands.empty() && !word.starts_with('-')) {
      return there_is_no("command", word, commands);
    }
  }
  return {};
}

int misuse(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) {
    return app.exit(error);  // --help, --version
  }
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (const std::string word = reserved_word(words); !word.empty()) {
    std::fprintf(stderr, "symbiont: %s: not in this version\n", word.c_str());
    return kMisuse;
  }
  const std::string unknown = unknown_word(app, words);
  std::fprintf(stderr, "symbiont: %s\nTry --help.\n",
               unknown.empty() ? error.what() : unknown.c_str());
  return kMisuse;
}

/// A closed stream's number would go to the next file that is opened, and what is printed into that
/// file. What stands in cannot be written (output) or is not read (input, messages).
void fill_closed_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) < 0) {
      const int opened = ::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
      SYM_CHECK(opened == stream);
    }
  }
}

/// Output that did not arrive is no success, however well the work went.
int finish_output(int exit_code) {
  const bool printed = std::cout.flush().good();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && printed) {
    return exit_code;
  }
  std::fprintf(stderr, "symbiont: standard output cannot be written\n");
  return exit_code == kDone ? kFailed : exit_code;
}

/// How many arguments are ours: `energy measure` leaves all that follows "--" to the command, which
/// may hold any word.
int count_own_arguments(int argc, char** argv) {
  const std::vector<std::string_view> words(argv, argv + argc);
  if (words.size() < 3 || words[1] != "energy" || words[2] != "measure") {
    return argc;
  }
  return static_cast<int>(std::find(words.begin(), words.end(), "--") - words.begin());
}

int run(int argc, char** argv) {
  const int own = count_own_arguments(argc, argv);
  const std::vector<std::string> measured(argv + std::min(own + 1, argc), argv + argc);
  argc = own;
  CLI::App app("Machine-learning training that does less work and uses less energy.", "symbiont");
  app.set_version_flag("--version", "symbiont " + std::string(version()));
  app.require_subcommand(1);
  app.footer(
      "Example:\n"
      "  symbiont init job.toml && symbiont run job.toml\n"
      "\n"
      "Exit codes:\n"
      "  0  done\n"
      "  1  failed\n"
      "  2  misuse or bad input; nothing was changed\n"
      "  3  a recurrence ended unreached\n"
      "  4  the request cannot be met\n"
      "  5  interrupted; the same command resumes\n"
      "\n"
      "Environment:\n"
      "  SYMBIONT_HOME           where state lives, unless --home says it\n"
      "  XDG_STATE_HOME          else, in symbiont/ below it; else in ~/.local/state/symbiont\n"
      "  SYMBIONT_TRAINER_TORCH  the trainer, before those below Files\n"
      "  SYMBIONT_DATASETS       a folder with data sets by name, instead of the system's\n"
      "  SYMBIONT_LOG            what to log: debug, info, warning (default), error\n"
      "  XDG_RUNTIME_DIR         where sockets for workers are made\n"
      "  SYMBIONT_NVML_LIBRARY   the library of NVIDIA's driver, where the loader does not find "
      "it\n"
      "  SYMBIONT_REDFISH_CREDENTIALS  a TOML file with user and password of a management "
      "controller\n"
      "\n"
      "Files:\n"
      "  HOME/ledger.sqlite      all that is remembered; HOME is where state lives\n"
      "  HOME/jobs               what workers write: weights, checkpoints, messages\n"
      "  HOME/reports            a page of every run\n"
      "  symbiont-trainer-torch  the trainer: beside symbiont, in libexec/symbiont, or in PATH\n"
      "  symbiont-supervisor     runs plain commands: found likewise");
  int exit_code = kDone;
  add_init_command(app, exit_code);
  add_run_command(app, exit_code);
  add_report_command(app, exit_code);
  add_status_command(app, exit_code);
  add_ledger_command(app, exit_code);
  add_doctor_command(app, exit_code);
  add_tune_command(app, exit_code);
  add_energy_command(app, measured, exit_code);
  add_completion_command(app, exit_code);
  add_manual_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return misuse(app, error, argc, argv);
  } catch (const std::exception& error) {  // out of memory, or a bug: said instead of aborted
    std::fprintf(stderr, "symbiont: %s\n", error.what());
    return kFailed;
  }
  return exit_code;
}

}  // namespace
}  // namespace symbiont::app

int main(int argc, char** argv) {
  symbiont::app::fill_closed_streams();
  return symbiont::app::finish_output(symbiont::app::run(argc, argv));
}
