/// The one command: `symbiont COMMAND`. Nothing here but parsing and printing.

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "command.h"
#include "symbiont/base/version.h"

namespace symbiont::app {
namespace {

/// Words that documentation reserves for features which this version does not have: refused with
/// that reason instead of "unknown".
constexpr std::array<std::string_view, 29> kReserved = {
    "zoo",     "energy",    "carbon",    "mem",      "fed",       "qos",
    "profile", "explain",   "serve",     "pipeline", "--plain",   "--concurrent",
    "--on",    "--report",  "--metrics", "--events", "--trace",   "--html",
    "--gpu",   "--dataset", "--all",     "--policy", "--seeds",   "--first-seed",
    "--eta",   "--beta",    "--drift",   "--delay",  "--shift-at"};

/// The first argument that is reserved, empty when there is none.
std::string_view reserved_word(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    word = word.substr(0, word.find('='));
    for (const std::string_view reserved : kReserved) {
      if (word == reserved) {
        return reserved;
      }
    }
  }
  return {};
}

int misuse(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) {
    return app.exit(error);  // --help, --version
  }
  if (const auto word = reserved_word(argc, argv); !word.empty()) {
    std::fprintf(stderr, "symbiont: %.*s: not in this version\n", static_cast<int>(word.size()),
                 word.data());
    return kMisuse;
  }
  std::fprintf(stderr, "symbiont: %s\nTry --help.\n", error.what());
  return kMisuse;
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
  }
  return exit_code;
}

}  // namespace
}  // namespace symbiont::app

int main(int argc, char** argv) {
  return symbiont::app::run(argc, argv);
}
