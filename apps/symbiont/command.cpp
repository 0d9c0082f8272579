#include "command.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "symbiont/base/file.h"
#include "symbiont/base/host.h"
#include "symbiont/jobs/runner.h"
#include "symbiont/report/terminal_text.h"

namespace symbiont::app {
namespace {

constexpr std::string_view kTrainer = "symbiont-trainer-torch";
constexpr std::string_view kSupervisor = "symbiont-supervisor";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool is_executable(const std::filesystem::path& path) {
  return ::access(path.c_str(), X_OK) == 0;
}

std::filesystem::path search_path(std::string_view program) {
  std::string_view rest = environment("PATH");
  while (!rest.empty()) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    std::filesystem::path candidate = std::filesystem::path(rest.substr(0, colon)) / program;
    if (colon > 0 && is_executable(candidate)) {
      return candidate;
    }
    rest.remove_prefix(std::min(colon + 1, rest.size()));
  }
  return {};
}

/// `path` without `folder` before it; nothing when it is elsewhere, or shorter as it is.
std::optional<std::filesystem::path> path_below(const std::filesystem::path& folder,
                                                const std::filesystem::path& path) {
  if (!folder.is_absolute() || folder == folder.root_path() || !is_inside(path, folder)) {
    return std::nullopt;
  }
  return path.lexically_relative(folder);
}

/// A program of ours that this one starts: beside it, else where it is installed, else in PATH,
/// else the place where it is missed.
std::filesystem::path find_companion(std::string_view program) {
  const std::filesystem::path here = executable_directory();
  const std::filesystem::path installed =
      (here / SYMBIONT_COMPANION_FOLDER / program).lexically_normal();
  for (const std::filesystem::path& place : {here / program, installed}) {
    if (!here.empty() && is_executable(place)) {
      return place;
    }
  }
  std::filesystem::path found = search_path(program);
  if (found.empty()) {
    return here.empty() ? std::filesystem::path(program) : installed;
  }
  return found;
}

}  // namespace

int report_error(const Error& error) {
  std::fprintf(stderr, "symbiont: %s\n", report::terminal_text(error.message()).c_str());
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kOutOfRange:
    case ErrorCode::kUnimplemented:
      return kMisuse;
    case ErrorCode::kCancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

std::string to_text(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::filesystem::path shown_path(const std::filesystem::path& path) {
  std::error_code unknown;  // without a current folder nothing is below it
  auto absolute = std::filesystem::absolute(path, unknown).lexically_normal();
  const auto here = std::filesystem::current_path(unknown);
  if (auto below = path_below(here, absolute)) {
    return *below;
  }
  if (auto below = path_below(environment("HOME"), absolute)) {
    return "~" / *below;
  }
  return absolute;
}

void StateOptions::add_to(CLI::App& command) {
  command
      .add_option("--home", home,
                  "Where state lives (default: $SYMBIONT_HOME, else $XDG_STATE_HOME/symbiont, "
                  "else ~/.local/state/symbiont)")
      ->type_name("DIR");
  command.add_option("--ledger", ledger, "The ledger's path or URL (default: HOME/ledger.sqlite)")
      ->type_name("FILE");
}

Result<std::filesystem::path> StateOptions::home_directory() const {
  if (!home.empty()) {
    return std::filesystem::path(home);
  }
  if (const auto set = environment("SYMBIONT_HOME"); !set.empty()) {
    return std::filesystem::path(set);
  }
  if (const auto state = environment("XDG_STATE_HOME"); !state.empty()) {
    return std::filesystem::path(state) / "symbiont";
  }
  if (const auto user = environment("HOME"); !user.empty()) {
    return std::filesystem::path(user) / ".local" / "state" / "symbiont";
  }
  return fail(ErrorCode::kInvalidArgument, "no place for state: give --home, or set SYMBIONT_HOME");
}

std::filesystem::path StateOptions::shown_home() const {
  const auto directory = home_directory();
  return directory ? shown_path(*directory) : std::filesystem::path();
}

Result<std::string> StateOptions::ledger_url() const {
  if (!ledger.empty()) {
    return ledger;
  }
  SYM_ASSIGN_OR_RETURN(const std::filesystem::path directory, home_directory());
  return jobs::ledger_path(directory).string();
}

Result<ledger::Ledger> open_ledger(const StateOptions& state) {
  SYM_ASSIGN_OR_RETURN(const std::string url, state.ledger_url());
  auto ledger = ledger::Ledger::open_read_only(url);
  if (!ledger && ledger.error().code() == ErrorCode::kNotFound && state.ledger.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no ledger at {} yet; `symbiont run` makes it", url));
  }
  return ledger;
}

std::filesystem::path find_trainer() {
  if (const auto set = environment("SYMBIONT_TRAINER_TORCH"); !set.empty()) {
    return set;
  }
  return find_companion(kTrainer);
}

std::filesystem::path find_supervisor() {
  return find_companion(kSupervisor);
}

}  // namespace symbiont::app
