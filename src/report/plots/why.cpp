#include "report/plots/why.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace symbiont::report {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> number_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? std::optional(found->get<double>())
                                                     : std::nullopt;
}

std::int64_t integer_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

/// The objects of a list; what is no object is left out.
std::vector<Json> objects_at(const Json& object, const char* key) {
  std::vector<Json> objects;
  const auto found = object.find(key);
  if (found != object.end() && found->is_array()) {
    std::copy_if(found->begin(), found->end(), std::back_inserter(objects),
                 [](const Json& item) { return item.is_object(); });
  }
  return objects;
}

WhyArm parse_arm(const Json& json) {
  WhyArm arm;
  arm.batch_size = integer_at(json, "batch_size");
  arm.observations = integer_at(json, "n");
  arm.mean_j = number_at(json, "mean_j");
  arm.sd_j = number_at(json, "sd_j");
  arm.sampled_j = number_at(json, "sampled_j");
  return arm;
}

}  // namespace

Why parse_why(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return {};
  }
  Why why;
  why.stage = text_at(json, "stage");
  why.reason = text_at(json, "reason");
  why.bound_j = number_at(json, "bound_j");
  for (const Json& arm : objects_at(json, "arms")) {
    why.arms.push_back(parse_arm(arm));
  }
  for (const Json& gone : objects_at(json, "infeasible")) {
    why.infeasible.push_back(integer_at(gone, "batch_size"));
  }
  return why;
}

const WhyArm* find_arm(const Why& why, std::int64_t batch_size) {
  const auto found = std::find_if(why.arms.begin(), why.arms.end(),
                                  [&](const WhyArm& arm) { return arm.batch_size == batch_size; });
  return found == why.arms.end() ? nullptr : &*found;
}

bool explores(const Why& why) {
  return why.stage == "pruning" ||
         (why.stage == "bandit" &&
          std::none_of(why.arms.begin(), why.arms.end(),
                       [](const WhyArm& arm) { return arm.sampled_j.has_value(); }));
}

}  // namespace symbiont::report
