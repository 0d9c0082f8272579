/// The one command: `symbiont COMMAND`. Nothing here but parsing and printing.

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "command.h"
#include "symbiont/base/config.h"
#include "symbiont/base/error.h"
#include "symbiont/base/version.h"

namespace symbiont::app {
namespace {

/// Words that documentation reserves for features which this version does not have: refused with
/// that reason instead of "unknown".
constexpr std::array<std::string_view, 6> kReservedCommands = {"zoo", "energy", "carbon",
                                                               "mem", "fed",    "qos"};
constexpr std::array<std::string_view, 4> kReservedOfTune = {"profile", "explain", "serve",
                                                             "pipeline"};
constexpr std::array<std::string_view, 17> kReservedOptions = {
    "--plain", "--concurrent", "--on",    "--metrics", "--events",  "--trace",
    "--gpu",   "--dataset",    "--all",   "--policy",  "--seeds",   "--first-seed",
    "--eta",   "--beta",       "--drift", "--delay",   "--shift-at"};

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
  for (const std::string& word : words) {
    if (std::string option = word.substr(0, word.find('='));
        is_one_of(kReservedOptions, option)) {
      return option;
    }
  }
  return {};
}

/// What is wrong when a word stands where a command is expected and is none; empty when none does.
std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  for (const std::string& word : words) {
    const CLI::App* next = nullptr;
    std::vector<std::string> names;
    for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
      next = command->get_name() == word ? command : next;
    }
    if (names.empty() || word.starts_with('-')) {
      return {};
    }
    if (next == nullptr) {
      const std::string nearest = nearest_word(word, names);
      return "there is no command \"" + word + "\"" +
             (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?");
    }
    at = next;
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
  const std::string unknown = unknown_command(app, words);
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

int run(int argc, char** argv) {
  CLI::App app("Machine-learning training that does less work and uses less energy.", "symbiont");
  app.set_version_flag("--version", "symbiont " + std::string(version()));
  app.require_subcommand(1);
  app.footer(
      "Example:\n  symbiont init job.toml && symbiont run job.toml\n\n"
      "Exit codes: 0 done, 1 failed, 2 misuse or bad input, 3 a recurrence ended unreached,\n"
      "4 request infeasible, 5 interrupted but resumable.");
  int exit_code = kDone;
  add_init_command(app, exit_code);
  add_run_command(app, exit_code);
  add_report_command(app, exit_code);
  add_status_command(app, exit_code);
  add_ledger_command(app, exit_code);
  add_doctor_command(app, exit_code);
  add_tune_command(app, exit_code);
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
