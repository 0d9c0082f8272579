#pragma once
/// What every subcommand shares: how it is added, how it ends, where state lives.

#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>

#include "symbiont/base/error.h"
#include "symbiont/ledger/ledger.h"

namespace symbiont::app {

/// Exit codes of every command (docs/reference/commands.md).
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kMisuse = 2,       ///< misuse or bad input; nothing was changed
  kUnreached = 3,    ///< a recurrence ended unreached
  kInfeasible = 4,   ///< the request cannot be met
  kInterrupted = 5,  ///< stopped, and can be resumed
};

/// Prints "symbiont: MESSAGE" to standard error and gives the exit code that the error stands for.
int report_error(const Error& error);

/// A document as text with a line break at its end. Bytes that are not UTF-8, which paths may hold,
/// are replaced.
std::string to_text(const nlohmann::ordered_json& document);

/// A path as a person can use it from here: below the current folder without that, below $HOME with
/// "~", else absolute. Not for programs: only a shell knows "~".
std::filesystem::path shown_path(const std::filesystem::path& path);

/// Options that commands with state share.
struct StateOptions {
  std::string home;    ///< --home
  std::string ledger;  ///< --ledger

  void add_to(CLI::App& command);
  /// --home, else $SYMBIONT_HOME, else $XDG_STATE_HOME/symbiont, else ~/.local/state/symbiont.
  Result<std::filesystem::path> home_directory() const;
  /// The same as `shown_path` has it. Empty when there is none.
  std::filesystem::path shown_home() const;
  /// --ledger, else HOME/ledger.sqlite.
  Result<std::string> ledger_url() const;
};

/// Opens the ledger for reading. kNotFound, saying what makes one, when there is none at its
/// default place yet.
Result<ledger::Ledger> open_ledger(const StateOptions& state);

/// The torch trainer: $SYMBIONT_TRAINER_TORCH, else beside this program, else where it is installed
/// with it (libexec/symbiont), else in PATH, else the place where it would be installed.
std::filesystem::path find_trainer();

/// The program that runs plain commands: beside this program, else in PATH, else the place beside
/// this program where it is missed.
std::filesystem::path find_supervisor();

/// Each adds one subcommand to `app`; its result goes to `exit_code` when it is chosen.
void add_init_command(CLI::App& app, int& exit_code);
void add_run_command(CLI::App& app, int& exit_code);
void add_report_command(CLI::App& app, int& exit_code);
void add_status_command(CLI::App& app, int& exit_code);
void add_ledger_command(CLI::App& app, int& exit_code);
void add_doctor_command(CLI::App& app, int& exit_code);
void add_tune_command(CLI::App& app, int& exit_code);
/// `command`: what follows "--", for `energy measure`.
void add_energy_command(CLI::App& app, const std::vector<std::string>& command, int& exit_code);
void add_completion_command(CLI::App& app, int& exit_code);
void add_manual_command(CLI::App& app, int& exit_code);

}  // namespace symbiont::app
