#pragma once
/// Checked reads from a JSON document that may hold anything.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "symbiont/base/error.h"

namespace symbiont::tune {

/// Parses `text` of at most `max_bytes`; `code` is given to errors, which say where in the text the
/// trouble is.
Result<nlohmann::json> parse_json(std::string_view text, std::size_t max_bytes, ErrorCode code);

/// A view of a JSON object whose fields are read with a type, a range and a bound. Errors carry the
/// code given here and name the field, what was expected and what was found. The document must
/// outlive it.
class JsonObject {
 public:
  /// Fails when `value` is no object. `name` is put before the names of its fields.
  static Result<JsonObject> of(const nlohmann::json& value, std::string name, ErrorCode code);

  bool is_null(std::string_view key) const;
  Result<JsonObject> object(std::string_view key) const;
  Result<bool> boolean(std::string_view key) const;
  Result<std::string> text(std::string_view key, std::size_t max_bytes) const;
  Result<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  Result<double> number(std::string_view key, double min, double max) const;

  Result<std::vector<std::int64_t>> integers(std::string_view key, std::size_t max_size,
                                             std::int64_t min, std::int64_t max) const;
  Result<std::vector<double>> numbers(std::string_view key, std::size_t max_size, double min,
                                      double max) const;
  /// The elements of an array, to be read as objects.
  Result<std::vector<JsonObject>> objects(std::string_view key, std::size_t max_size) const;

 private:
  JsonObject(const nlohmann::json& value, std::string name, ErrorCode code)
      : value_(&value), name_(std::move(name)), code_(code) {}

  Result<const nlohmann::json*> field(std::string_view key) const;
  Result<const nlohmann::json*> array(std::string_view key, std::size_t max_size) const;
  std::string path(std::string_view key) const;

  const nlohmann::json* value_;
  std::string name_;
  ErrorCode code_;
};

}  // namespace symbiont::tune
