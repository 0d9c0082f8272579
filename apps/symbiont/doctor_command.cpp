#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "command.h"
#include "symbiont/data/dataset.h"
#include "symbiont/energy/monitor.h"

namespace symbiont::app {
namespace {

namespace fs = std::filesystem;

/// One thing looked at. `remedy` is empty when all is well.
struct Diagnosis {
  std::string what;
  bool good = false;
  std::string found;
  std::string remedy;
};

struct DoctorArguments {
  bool json = false;
  StateOptions state;
};

std::vector<Diagnosis> look_at_meters() {
  std::vector<Diagnosis> list;
  const auto monitor = energy::Monitor::open({});
  if (!monitor) {
    return {{"energy", false, monitor.error().message(), ""}};
  }
  list.push_back({"energy", true, monitor->describe(), ""});
  for (const energy::Unavailable& missing : monitor->unavailable()) {
    list.push_back({"meter " + missing.name, false, "not readable", missing.why});
  }
  return list;
}

/// The reference BLAS trains twenty times slower than OpenBLAS.
Diagnosis look_at_blas() {
  std::error_code error;
  for (const char* link : {"/etc/alternatives/libblas.so.3-x86_64-linux-gnu",
                           "/etc/alternatives/libblas.so.3-aarch64-linux-gnu"}) {
    const fs::path target = fs::read_symlink(link, error);
    if (!error) {
      const bool fast = target.string().find("openblas") != std::string::npos;
      return {"BLAS", fast, target.string(),
              fast ? "" : "apt-get install libopenblas0-pthread (trains many times faster)"};
    }
  }
  return {"BLAS", false, "none installed", "apt-get install libopenblas0-pthread"};
}

Diagnosis look_at_trainer() {
  const fs::path trainer = find_trainer();
  const bool there = ::access(trainer.c_str(), X_OK) == 0;
  return {"trainer", there, there ? trainer.string() : "not found at " + trainer.string(),
          there ? "" : "install symbiont-trainer-torch, or set SYMBIONT_TRAINER_TORCH"};
}

Diagnosis look_at_data(const std::string& set) {
  data::DataOptions options;
  options.set = set;
  const auto rows = data::training_rows(options);
  if (rows) {
    return {"data set " + set, true, fmt::format("{} training rows", *rows), ""};
  }
  return {"data set " + set, false, "absent", rows.error().message()};
}

/// Whether state can be kept: the nearest existing parent must be writable.
Diagnosis look_at_home(const StateOptions& state) {
  const auto home = state.home_directory();
  if (!home) {
    return {"home", false, home.error().message(), "give --home"};
  }
  fs::path existing = fs::absolute(*home);
  std::error_code error;
  while (!fs::exists(existing, error) && existing.has_parent_path() &&
         existing != existing.parent_path()) {
    existing = existing.parent_path();
  }
  const bool writable = ::access(existing.c_str(), W_OK) == 0;
  return {"home", writable, home->string(),
          writable ? "" : existing.string() + " is not writable; choose another with --home"};
}

std::vector<Diagnosis> examine(const StateOptions& state) {
  std::vector<Diagnosis> list = look_at_meters();
  list.push_back(look_at_blas());
  list.push_back(look_at_trainer());
  list.push_back(look_at_data("fashion-mnist"));
  list.push_back(look_at_data("digits"));
  list.push_back(look_at_home(state));
  return list;
}

std::string text_of(const std::vector<Diagnosis>& list) {
  std::string text;
  for (const Diagnosis& one : list) {
    text += fmt::format("{:<4} {:<24} {}\n", one.good ? "ok" : "--", one.what, one.found);
    if (!one.remedy.empty()) {
      text += fmt::format("{:<4} {:<24} -> {}\n", "", "", one.remedy);
    }
  }
  return text;
}

std::string json_of(const std::vector<Diagnosis>& list) {
  nlohmann::ordered_json document;
  document["checks"] = nlohmann::ordered_json::array();
  for (const Diagnosis& one : list) {
    document["checks"].push_back(
        {{"what", one.what}, {"ok", one.good}, {"found", one.found}, {"remedy", one.remedy}});
  }
  return to_text(document);
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Say what this machine offers, what is missing and how to get it");
  const auto arguments = std::make_shared<DoctorArguments>();  // shared with the callback
  command->add_flag("--json", arguments->json, "Print one JSON document");
  arguments->state.add_to(*command);
  command->footer("Example:\n  symbiont doctor");
  command->callback([arguments, &exit_code] {
    const std::vector<Diagnosis> list = examine(arguments->state);
    std::fputs((arguments->json ? json_of(list) : text_of(list)).c_str(), stdout);
    exit_code = kDone;
  });
}

}  // namespace symbiont::app
