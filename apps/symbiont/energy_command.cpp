#include "energy_command.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "symbiont/base/host.h"

namespace symbiont::app {
namespace {

using Json = nlohmann::ordered_json;

struct MetersArguments {
  bool json = false;
  MeterOptions meters;
};

std::string_view to_string(energy::DomainKind kind) {
  return kind == energy::DomainKind::kCounter ? "counter" : "gauge";
}

Json json_of(const energy::Domain& domain) {
  return {{"name", domain.name},
          {"kind", to_string(domain.kind)},
          {"covers", domain.covers},
          {"source", domain.source},
          {"provenance", symbiont::to_string(domain.provenance)},
          {"scope", symbiont::to_string(domain.scope)},
          {"resolution", to_seconds(domain.resolution).value()},
          {"available", true},
          {"why", nullptr}};
}

/// What a domain would be is not known before it can be read.
Json json_of(const energy::Unavailable& missing) {
  return {{"name", missing.name},     {"kind", nullptr},       {"covers", Json::array()},
          {"source", missing.source}, {"provenance", nullptr}, {"scope", nullptr},
          {"resolution", nullptr},    {"available", false},    {"why", missing.why}};
}

std::string json_of(const energy::MeterSurvey& survey) {
  Json domains = Json::array();
  for (const energy::Domain& domain : survey.domains) domains.push_back(json_of(domain));
  for (const energy::Unavailable& missing : survey.unavailable) {
    domains.push_back(json_of(missing));
  }
  return to_text({{"domains", std::move(domains)}});
}

std::string text_of(const energy::MeterSurvey& survey) {
  std::string text = fmt::format("     {:<12} {:<20} {:<8} {:<10} {:<8} covers\n", "meter",
                                 "domain", "kind", "provenance", "scope");
  for (const energy::Domain& domain : survey.domains) {
    text += fmt::format("ok   {:<12} {:<20} {:<8} {:<10} {:<8} {}\n", domain.source, domain.name,
                        to_string(domain.kind), symbiont::to_string(domain.provenance),
                        symbiont::to_string(domain.scope), fmt::join(domain.covers, ", "));
  }
  for (const energy::Unavailable& missing : survey.unavailable) {
    text += fmt::format("--   {:<12} {:<20} -> {}\n", missing.source, missing.name, missing.why);
  }
  return text;
}

Result<int> list_meters(const MetersArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const energy::MeterSurvey survey,
                       energy::survey_meters(arguments.meters.monitor_options()));
  std::fputs((arguments.json ? json_of(survey) : text_of(survey)).c_str(), stdout);
  return kDone;
}

void add_meters_command(CLI::App& energy, int& exit_code) {
  CLI::App* command =
      energy.add_subcommand("meters", "List what can be read on this machine, and what cannot");
  const auto arguments = std::make_shared<MetersArguments>();  // shared with the callback
  command->add_flag("--json", arguments->json, "Print one JSON document");
  arguments->meters.add_sysroot_to(*command);
  command->footer("Example:\n  symbiont energy meters");
  command->callback([arguments, &exit_code] {
    auto code = list_meters(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace

std::string refuse_not_a_number(const std::string& text) {
  return std::isnan(std::strtod(text.c_str(), nullptr)) ? text + ": found no number" : "";
}

void MeterOptions::add_sysroot_to(CLI::App& command) {
  command.add_option("--sysroot", sysroot, "Read /sys and /proc below this folder (default: /)")
      ->type_name("DIR")
      ->check([](const std::string& folder) {
        std::error_code error;
        return std::filesystem::is_directory(folder, error) ? "" : folder + ": no such folder";
      });
}

void MeterOptions::add_estimator_to(CLI::App& command) {
  command
      .add_option("--meter", meters,
                  "As in [energy] meters of a job file: auto, rapl, estimator, cgroup:PATH, ...; "
                  "may be given again (default: auto)")
      ->type_name("WORD")
      ->allow_extra_args(false);
  command
      .add_option("--curve", curve,
                  "The estimator's power curve: generic, aws, gcp, azure, csv:FILE")
      ->type_name("NAME");
  command
      .add_option("--threads", threads,
                  "Processors that the estimator counts (default: all that may be used)")
      ->check(CLI::Range(1, 65'536));
}

energy::MonitorOptions MeterOptions::monitor_options() const {
  energy::MonitorOptions options;
  options.meters = meters;
  options.sysroot = sysroot;
  options.curve = curve;
  options.threads = threads > 0 ? threads : available_processors();
  return options;
}

void add_energy_command(CLI::App& app, const std::vector<std::string>& command, int& exit_code) {
  CLI::App* group = app.add_subcommand("energy", "Joules of this machine or of any command");
  group->require_subcommand(1);
  group->footer("Example:\n  symbiont energy measure -- make");
  add_meters_command(*group, exit_code);
  add_measure_command(*group, command, exit_code);
  add_calibrate_command(*group, exit_code);
}

}  // namespace symbiont::app
