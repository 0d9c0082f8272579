#include <nlohmann/json.hpp>

#include "symbiont/report/summary.h"

namespace symbiont::report {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json interval_json(const Saving& saving) {
  return saving.ci95 ? Json{saving.ci95->first, saving.ci95->second} : Json(nullptr);
}

Json savings_json(const std::optional<Savings>& savings) {
  if (!savings) {
    return nullptr;
  }
  Json json;
  json["energy"] = or_null(savings->energy.fraction);
  json["time"] = or_null(savings->time.fraction);
  json["cost"] = or_null(savings->cost.fraction);
  json["ci95"] = {{"energy", interval_json(savings->energy)},
                  {"time", interval_json(savings->time)},
                  {"cost", interval_json(savings->cost)}};
  return json;
}

Json baseline_json(const std::optional<BaselineSummary>& baseline) {
  if (!baseline) {
    return nullptr;
  }
  Json json;
  json["batch_size"] = baseline->batch_size;
  json["runs"] = baseline->runs;
  json["epochs"] = baseline->epochs;
  json["time_s"] = baseline->time_s;
  json["energy_j"] = baseline->energy_j;
  json["cost_j"] = baseline->cost_j;
  json["sd_cost_j"] = or_null(baseline->sd_cost_j);
  json["extra_runs"] = baseline->extra;
  json["extra_time_s"] = baseline->spent.seconds().value();
  json["extra_energy_j"] = baseline->spent.energy().value();
  return json;
}

Json attempt_json(const AttemptSummary& attempt) {
  Json json;
  json["batch_size"] = attempt.batch_size;
  json["epochs"] = attempt.epochs;
  json["time_s"] = attempt.usage.seconds().value();
  json["energy_j"] = attempt.usage.energy().value();
  json["cost_j"] = or_null(attempt.cost_j);
  json["metric"] = or_null(attempt.metric);
  json["reached"] = attempt.reached;
  json["stopped"] = or_null(attempt.stopped);
  json["reason"] = attempt.reason;
  return json;
}

Json recurrence_json(const RunSummary& run, const RecurrenceSummary& recurrence) {
  Json json;
  json["index"] = recurrence.index;
  json["batch_size"] = recurrence.batch_size;
  json["power_limit_w"] = nullptr;
  json["parent"] = nullptr;
  json["transfer"] = nullptr;
  json["epochs"] = recurrence.epochs;
  json["time_s"] = recurrence.usage.seconds().value();
  json["energy_j"] = recurrence.usage.energy().value();
  json["uncertainty_j"] = recurrence.usage.uncertainty().value();
  json["provenance"] = to_string(run.job.provenance);
  json["scope"] = to_string(run.job.scope);
  json["emitted_g"] = or_null(recurrence.emitted_g);
  json["cost_j"] = or_null(recurrence.cost_j);
  json["lost_energy_j"] = recurrence.lost.energy().value();
  json["metric"] = or_null(recurrence.metric);
  json["reached"] = recurrence.reached;
  json["weights"] = recurrence.weights.empty() ? Json(nullptr) : Json(recurrence.weights);
  json["why"] = Json::parse(recurrence.why, nullptr, false);
  if (json["why"].is_discarded()) {
    json["why"] = nullptr;
  }
  json["attempts"] = Json::array();
  for (const AttemptSummary& attempt : recurrence.attempts) {
    json["attempts"].push_back(attempt_json(attempt));
  }
  return json;
}

}  // namespace

std::string to_json(const RunSummary& summary) {
  Json json;
  json["job"] = summary.job.name;
  json["run"] = summary.run.id;
  json["status"] = ledger::to_string(summary.run.status);
  json["resumed"] = summary.resumed;
  json["recurrences"] = Json::array();
  for (const RecurrenceSummary& recurrence : summary.recurrences) {
    json["recurrences"].push_back(recurrence_json(summary, recurrence));
  }
  json["baseline"] = baseline_json(summary.baseline);
  json["saving"] = savings_json(summary.saving);
  json["saving_total"] = savings_json(summary.saving_total);
  json["startup_time_s"] = summary.startup.seconds().value();
  json["startup_energy_j"] = summary.startup.energy().value();
  json["lost_energy_j"] = summary.lost.energy().value();
  json["max_power_w"] = summary.job.max_power.value();
  json["report"] = summary.page.empty() ? Json(nullptr) : Json(summary.page);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace symbiont::report
