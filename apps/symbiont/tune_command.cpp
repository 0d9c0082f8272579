#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command.h"
#include "symbiont/tune/replay.h"
#include "symbiont/tune/trace.h"

namespace symbiont::app {
namespace {

using Json = nlohmann::ordered_json;

struct ReplayArguments {
  std::string traces;
  std::string tape;
  bool json = false;
};

Json attempt_json(const tune::ReplayedAttempt& attempt) {
  return {{"recurrence", attempt.recurrence},
          {"try", attempt.try_index},
          {"batch_size", attempt.batch_size},
          {"power_limit_w", attempt.power_limit_w},
          {"profiled", attempt.profiled},
          {"bound_j", attempt.bound ? Json(attempt.bound->value()) : Json(nullptr)},
          {"energy_j", attempt.energy.value()},
          {"time_s", attempt.time.value()},
          {"cost_j", attempt.cost.value()},
          {"reached", attempt.reached}};
}

std::string json_of(const tune::ReplayReport& report) {
  Json document;
  document["attempts"] = Json::array();
  for (const tune::ReplayedAttempt& attempt : report.attempts) {
    document["attempts"].push_back(attempt_json(attempt));
  }
  document["pruning_survivors"] = report.pruning_survivors;
  return to_text(document);
}

std::string text_of(const tune::ReplayReport& report) {
  std::string text =
      fmt::format("{:>10}  {:>3}  {:>6}  {:>7}  {:>11}  {:>10}  {:>11}\n", "recurrence", "try",
                  "batch", "power", "energy J", "time s", "cost J");
  for (const tune::ReplayedAttempt& attempt : report.attempts) {
    text += fmt::format("{:>10}  {:>3}  {:>6}  {:>5} W  {:>11.5g}  {:>10.6g}  {:>11.5g}  {}{}\n",
                        attempt.recurrence, attempt.try_index, attempt.batch_size,
                        attempt.power_limit_w, attempt.energy.value(), attempt.time.value(),
                        attempt.cost.value(), attempt.reached ? "reached" : "not reached",
                        attempt.profiled ? ", profiled" : "");
  }
  return text + fmt::format("survived pruning: {}\n", fmt::join(report.pruning_survivors, ", "));
}

Result<int> replay(const ReplayArguments& arguments) {
  SYM_ASSIGN_OR_RETURN(const tune::TraceSet traces, tune::TraceSet::load(arguments.traces));
  SYM_ASSIGN_OR_RETURN(const tune::ReplayReport report, tune::replay_tape(traces, arguments.tape));
  std::fputs((arguments.json ? json_of(report) : text_of(report)).c_str(), stdout);
  return kDone;
}

}  // namespace

void add_tune_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("tune", "The batch-size and power-limit optimizer alone");
  command->require_subcommand(1);
  command->footer("Example:\n  symbiont tune replay --traces traces --tape tape.json --json");
  CLI::App* sub = command->add_subcommand(
      "replay", "Replay recorded training runs under the policy (replayed)");
  const auto arguments = std::make_shared<ReplayArguments>();  // shared with the callback
  sub->add_option("--traces", arguments->traces,
                  "Folder of summary_train.csv and summary_power_*.csv")
      ->type_name("DIR")
      ->required();
  sub->add_option("--tape", arguments->tape, "Recorded random draws of one job (JSON)")
      ->type_name("FILE")
      ->required();
  sub->add_flag("--json", arguments->json, "Print one JSON document");
  sub->footer("Example:\n  symbiont tune replay --traces traces --tape v100_imagenet_seed1.json");
  sub->callback([arguments, &exit_code] {
    auto code = replay(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace symbiont::app
