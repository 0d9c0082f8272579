#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "examination.h"

namespace symbiont::app {
namespace {

struct DoctorArguments {
  bool json = false;
  StateOptions state;
};

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kAdvice:
      return "advice";
    case Verdict::kMissing:
      break;
  }
  return "missing";
}

std::vector<std::string> packages_of(const std::vector<Diagnosis>& list) {
  std::vector<std::string> packages;
  for (const Diagnosis& one : list) {
    if (!one.package.empty()) {
      packages.push_back(one.package);
    }
  }
  return packages;
}

bool can_run(const std::vector<Diagnosis>& list) {
  return std::none_of(list.begin(), list.end(),
                      [](const Diagnosis& one) { return one.prevents_run; });
}

std::string text_of(const std::vector<Diagnosis>& list) {
  std::string text;
  for (const Diagnosis& one : list) {
    text += fmt::format("{:<8} {:<24} {}\n", to_string(one.verdict), one.what, one.found);
    if (!one.remedy.empty()) {
      text += fmt::format("{:<8} {:<24} -> {}\n", "", "", one.remedy);
    }
  }
  if (const auto packages = packages_of(list); !packages.empty()) {
    text += fmt::format("\nall packages at once: apt-get install {}\n", fmt::join(packages, " "));
  }
  for (const Diagnosis& one : list) {
    text += one.prevents_run ? "\nno job can run before this is mended: " + one.what + "\n" : "";
  }
  return text;
}

std::string json_of(const std::vector<Diagnosis>& list) {
  nlohmann::ordered_json document;
  document["can_run"] = can_run(list);
  document["packages"] = packages_of(list);
  document["checks"] = nlohmann::ordered_json::array();
  for (const Diagnosis& one : list) {
    document["checks"].push_back({{"what", one.what},
                                  {"ok", one.verdict == Verdict::kOk},
                                  {"status", to_string(one.verdict)},
                                  {"found", one.found},
                                  {"remedy", one.remedy},
                                  {"prevents_run", one.prevents_run}});
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
  command->footer(
      "Example:\n  symbiont doctor\n\n"
      "Ends with 1 when something is wrong that no job can run with, else with 0.");
  command->callback([arguments, &exit_code] {
    const std::vector<Diagnosis> list = examine(arguments->state);
    std::fputs((arguments->json ? json_of(list) : text_of(list)).c_str(), stdout);
    exit_code = can_run(list) ? kDone : kFailed;
  });
}

}  // namespace symbiont::app
