#include "energy/redfish_json.h"

#include <nlohmann/json.hpp>

namespace symbiont::energy {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostMembers = 64;
constexpr std::size_t kLongestText = 512;
constexpr double kMostWatts = 1e6;

Result<Json> parse_object(std::string_view text) {
  Json document = Json::parse(text, nullptr, false);
  if (document.is_object()) return document;
  return fail(ErrorCode::kUnavailable, "the answer is no JSON object");
}

const Json* find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::string text_of(const Json* value) {
  if (value == nullptr || !value->is_string()) return {};
  return value->get_ref<const std::string&>().substr(0, kLongestText);
}

// A path on the same controller: never one that leads elsewhere.
std::string link_of(const Json* value) {
  if (value == nullptr) return {};
  const Json* const id = find(*value, "@odata.id");
  if (id == nullptr || !id->is_string()) return {};
  const auto& path = id->get_ref<const std::string&>();
  return path.starts_with("/redfish/") && path.size() <= kLongestText &&
                 path.find_first_of("\r\n ") == path.npos
             ? path
             : std::string();
}

std::optional<Watts> watts_of(const Json* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto watts = value->get<double>();
  if (!(watts >= 0.0 && watts <= kMostWatts)) return std::nullopt;
  return Watts(watts);
}

Result<const Json*> find_array(const Json& document, std::string_view key) {
  const Json* const array = find(document, key);
  if (array != nullptr && array->is_array() && array->size() <= kMostMembers) return array;
  return fail(ErrorCode::kUnavailable,
              "the answer has no list \"" + std::string(key) + "\" of at most 64 entries");
}

}  // namespace

Result<std::vector<std::string>> parse_redfish_members(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const Json document, parse_object(text));
  SYM_ASSIGN_OR_RETURN(const Json* const members, find_array(document, "Members"));
  std::vector<std::string> paths;
  for (const Json& member : *members) {
    if (std::string path = link_of(&member); !path.empty()) paths.push_back(std::move(path));
  }
  return paths;
}

Result<RedfishChassis> parse_redfish_chassis(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const Json document, parse_object(text));
  return RedfishChassis{link_of(find(document, "Power")),
                        link_of(find(document, "EnvironmentMetrics"))};
}

Result<std::vector<RedfishReading>> parse_redfish_power(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const Json document, parse_object(text));
  SYM_ASSIGN_OR_RETURN(const Json* const controls, find_array(document, "PowerControl"));
  std::vector<RedfishReading> readings;
  for (const Json& control : *controls) {
    readings.push_back({text_of(find(control, "Name")),
                        watts_of(find(control, "PowerConsumedWatts")),
                        watts_of(find(control, "PowerCapacityWatts"))});
  }
  return readings;
}

Result<std::vector<RedfishReading>> parse_redfish_metrics(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const Json document, parse_object(text));
  const Json* const power = find(document, "PowerWatts");
  RedfishReading reading{text_of(find(document, "Name")), std::nullopt, std::nullopt};
  if (power != nullptr) reading.power = watts_of(find(*power, "Reading"));
  return std::vector{std::move(reading)};
}

}  // namespace symbiont::energy
