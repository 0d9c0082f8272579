// The controller's two JSON documents: why it chose, and what it remembers.

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "symbiont/tune/policy.h"
#include "tune/json_object.h"
#include "tune/policy/batch_size_policy.h"
#include "tune/policy_config.h"

namespace symbiont::tune {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kStateVersion = 1;
constexpr std::size_t kMaxText = 1 << 20;
constexpr std::int64_t kMaxRecurrence = std::int64_t{1} << 53;

template <typename Json>
Json or_null(std::optional<Joules> joules) {
  return joules ? Json(joules->value()) : Json(nullptr);
}

ordered_json to_json(const ArmView& arm) {
  ordered_json view = {{"batch_size", arm.batch_size}, {"n", arm.observations}};
  view["mean_j"] = arm.belief ? ordered_json(arm.belief->mean) : ordered_json(nullptr);
  view["sd_j"] = arm.belief ? ordered_json(std::sqrt(arm.belief->variance)) : ordered_json(nullptr);
  view["sampled_j"] = arm.sampled_cost ? ordered_json(*arm.sampled_cost) : ordered_json(nullptr);
  return view;
}

ordered_json to_json(std::optional<Direction> direction) {
  if (!direction) {
    return nullptr;
  }
  return *direction == Direction::kSmaller ? "smaller" : "larger";
}

/// An amount that may be null.
Result<std::optional<Joules>> optional_joules(const JsonObject& state, std::string_view key) {
  if (state.is_null(key)) {
    return std::optional<Joules>();
  }
  SYM_ASSIGN_OR_RETURN(const double value, state.number(key, 0.0, kMaxCost));
  return std::optional(Joules(value));
}

}  // namespace

std::string RecurrenceController::explain(const Choice& choice) const {
  ordered_json why = {{"policy", to_string(config_.kind)}, {"stage", choice.stage}};
  why["round"] = choice.round ? ordered_json(*choice.round) : ordered_json(nullptr);
  why["direction"] = to_json(choice.direction);
  why["arms"] = ordered_json::array();
  for (const ArmView& arm : choice.arms) {
    why["arms"].push_back(to_json(arm));
  }
  why["infeasible"] = ordered_json::array();
  for (const Infeasible& gone : progress_.infeasible) {
    why["infeasible"].push_back({{"batch_size", gone.batch_size}, {"reason", gone.reason}});
  }
  why["bound_j"] = or_null<ordered_json>(bound());
  why["min_cost_j"] = or_null<ordered_json>(progress_.min_cost);
  why["chosen"] = choice.batch_size;
  why["reason"] = choice.reason;
  return why.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string RecurrenceController::save() const {
  json infeasible = json::array();
  for (const Infeasible& gone : progress_.infeasible) {
    infeasible.push_back({{"batch_size", gone.batch_size}, {"reason", gone.reason}});
  }
  json trial = nullptr;
  if (progress_.trial) {
    trial = {{"batch_size", progress_.trial->batch_size},
             {"bound_j", or_null<json>(progress_.trial->cost_bound)},
             {"stage", progress_.trial->stage},
             {"why", progress_.trial->why}};
  }
  const json state = {{"version", kStateVersion},
                      {"policy", to_string(config_.kind)},
                      {"recurrence", progress_.recurrence},
                      {"tries", progress_.tries},
                      {"open", progress_.open},
                      {"last_reached", progress_.last_reached},
                      {"spent_j", progress_.spent.value()},
                      {"min_cost_j", or_null<json>(progress_.min_cost)},
                      {"infeasible", std::move(infeasible)},
                      {"trial", std::move(trial)},
                      {"learnt", policy_->save()}};
  return state.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<RecurrenceController> RecurrenceController::restore(const PolicyConfig& config,
                                                           std::string_view state) {
  SYM_ASSIGN_OR_RETURN(RecurrenceController controller, create(config));
  if (Result<void> loaded = controller.load(state); !loaded) {
    return tl::unexpected(std::move(loaded).error().while_doing("restore the tuner's state"));
  }
  return controller;
}

Result<void> RecurrenceController::load(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const json document, parse_json(text, kMaxStateBytes, ErrorCode::kDataLoss));
  SYM_ASSIGN_OR_RETURN(const JsonObject state, JsonObject::of(document, "", ErrorCode::kDataLoss));
  SYM_ASSIGN_OR_RETURN(const std::int64_t version, state.integer("version", 1, INT64_MAX));
  if (version != kStateVersion) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("written by a newer version (format {}, this one reads {})", version,
                            kStateVersion));
  }
  SYM_ASSIGN_OR_RETURN(const std::string policy, state.text("policy", kMaxText));
  if (policy != to_string(config_.kind)) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("written by policy \"{}\", the job now asks for \"{}\"", policy,
                            to_string(config_.kind)));
  }
  SYM_ASSIGN_OR_RETURN(progress_.recurrence, state.integer("recurrence", 0, kMaxRecurrence));
  SYM_ASSIGN_OR_RETURN(const std::int64_t tries, state.integer("tries", 0, config_.max_tries));
  progress_.tries = static_cast<int>(tries);
  SYM_ASSIGN_OR_RETURN(progress_.open, state.boolean("open"));
  SYM_ASSIGN_OR_RETURN(progress_.last_reached, state.boolean("last_reached"));
  SYM_ASSIGN_OR_RETURN(const double spent, state.number("spent_j", 0.0, kMaxCost));
  progress_.spent = Joules(spent);
  SYM_ASSIGN_OR_RETURN(progress_.min_cost, optional_joules(state, "min_cost_j"));
  SYM_ASSIGN_OR_RETURN(const auto infeasible,
                       state.objects("infeasible", config_.batch_sizes.size()));
  for (const JsonObject& gone : infeasible) {
    SYM_ASSIGN_OR_RETURN(const std::int64_t size, gone.integer("batch_size", 1, INT64_MAX));
    SYM_ASSIGN_OR_RETURN(std::string reason, gone.text("reason", kMaxText));
    progress_.infeasible.push_back({size, std::move(reason)});
  }
  SYM_ASSIGN_OR_RETURN(const JsonObject learnt, state.object("learnt"));
  SYM_RETURN_IF_ERROR(policy_->load(learnt));
  if (state.is_null("trial")) {
    return {};
  }
  SYM_ASSIGN_OR_RETURN(const JsonObject trial, state.object("trial"));
  return load_trial(trial);
}

Result<void> RecurrenceController::load_trial(const JsonObject& state) {
  Trial trial;
  trial.recurrence = progress_.recurrence;
  trial.try_index = progress_.tries;
  SYM_ASSIGN_OR_RETURN(trial.batch_size, state.integer("batch_size", 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(trial.cost_bound, optional_joules(state, "bound_j"));
  SYM_ASSIGN_OR_RETURN(trial.stage, state.text("stage", kMaxText));
  SYM_ASSIGN_OR_RETURN(trial.why, state.text("why", kMaxText));
  if (!progress_.open || progress_.tries < 1) {
    return fail(ErrorCode::kDataLoss, "a trial is open but no recurrence");
  }
  if (!policy_->can_observe(trial.batch_size)) {
    return fail(ErrorCode::kDataLoss,
                fmt::format("the open trial has batch size {}, which the policy did not choose",
                            trial.batch_size));
  }
  progress_.trial = std::move(trial);
  return {};
}

}  // namespace symbiont::tune
