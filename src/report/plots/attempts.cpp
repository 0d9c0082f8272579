#include "report/plots/attempts.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "symbiont/report/plots.h"

namespace symbiont::report {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

std::optional<double> number_at(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_number() ? std::optional(json[key].get<double>())
                                                     : std::nullopt;
}

void read_identity(const Json& json, JobIdentity& identity) {
  if (json.contains("command") && json["command"].is_array()) {
    for (const Json& word : json["command"]) {
      identity.command += (identity.command.empty() ? "" : " ") + word.get<std::string>();
    }
  }
  identity.data = text_at(json, "data");
  identity.model = text_at(json, "model");
  identity.target = text_at(json, "target");
  identity.optimizer = text_at(json, "optimizer");
  identity.learning_rate = number_at(json, "learning_rate");
  identity.eta = number_at(json, "eta");
  identity.beta = number_at(json, "beta");
  if (json.contains("batch_size") && json["batch_size"].is_number_integer()) {
    identity.batch_size = json["batch_size"].get<std::int64_t>();
    identity.batch_sizes.push_back(identity.batch_size);
  }
  if (json.contains("batch_sizes") && json["batch_sizes"].is_array()) {
    for (const Json& size : json["batch_sizes"]) {
      if (size.is_number_integer()) {
        identity.batch_sizes.push_back(size.get<std::int64_t>());
      }
    }
  }
}

}  // namespace

Usage usage_of(const ledger::AttemptRecord& record) {
  Usage usage;
  for (const ledger::Epoch& epoch : record.epochs) {
    usage += epoch.usage;
  }
  return usage;
}

void for_each_attempt(const RunRecords& records,
                      const std::function<void(const ledger::RecurrenceRecord&,
                                               const ledger::AttemptRecord&)>& visit) {
  for (const ledger::RecurrenceRecord& recurrence : records.recurrences) {
    for (const ledger::AttemptRecord& attempt : recurrence.attempts) {
      visit(recurrence, attempt);
    }
  }
}

std::string counted(std::int64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

JobIdentity identity_of(const RunRecords& records) {
  JobIdentity identity;
  const Json json = Json::parse(records.history.identity, nullptr, false);
  if (json.is_object()) {
    read_identity(json, identity);
  }
  std::vector<std::int64_t>& sizes = identity.batch_sizes;
  for_each_attempt(records, [&](const auto&, const ledger::AttemptRecord& record) {
    sizes.push_back(record.attempt.batch_size);
  });
  std::sort(sizes.begin(), sizes.end());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return identity;
}

std::string JobIdentity::metric() const {
  const std::string word = target.substr(0, target.find(' '));
  return word.empty() ? "metric" : word;
}

std::optional<double> JobIdentity::target_value() const {
  const std::size_t at = target.rfind(' ');
  double value = 0.0;
  if (at == std::string::npos ||
      std::from_chars(target.data() + at + 1, target.data() + target.size(), value).ec !=
          std::errc()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace symbiont::report
