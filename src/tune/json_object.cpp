#include "tune/json_object.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace symbiont::tune {
namespace {

using nlohmann::json;

std::string shown(const json& value) {
  if (value.is_structured()) {
    return fmt::format("an {} of {}", value.type_name(), value.size());
  }
  constexpr std::size_t kShown = 40;
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= kShown ? text : text.substr(0, kShown) + "...";
}

tl::unexpected<Error> mismatch(ErrorCode code, std::string_view path, std::string_view expected,
                               const json& found) {
  return fail(code, fmt::format("\"{}\": expected {}, found {}", path, expected, shown(found)));
}

Result<std::int64_t> to_integer(const json& value, std::string_view path, std::int64_t min,
                                std::int64_t max, ErrorCode code) {
  // An unsigned beyond int64 would wrap to a negative number; the range check must not be fooled.
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
  if (!fits || value.get<std::int64_t>() < min || value.get<std::int64_t>() > max) {
    return mismatch(code, path, fmt::format("an integer from {} to {}", min, max), value);
  }
  return value.get<std::int64_t>();
}

Result<double> to_number(const json& value, std::string_view path, double min, double max,
                         ErrorCode code) {
  if (!value.is_number() || !(value.get<double>() >= min && value.get<double>() <= max)) {
    return mismatch(code, path, fmt::format("a number from {} to {}", min, max), value);
  }
  return value.get<double>();
}

std::string element(std::string_view path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

}  // namespace

Result<json> parse_json(std::string_view text, std::size_t max_bytes, ErrorCode code) {
  if (text.size() > max_bytes) {
    return fail(code, fmt::format("{} bytes of JSON, at most {} are read", text.size(), max_bytes));
  }
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    return fail(code, fmt::format("not JSON: {}", error.what()));
  }
}

Result<JsonObject> JsonObject::of(const json& value, std::string name, ErrorCode code) {
  if (!value.is_object()) {
    return mismatch(code, name, "an object", value);
  }
  return JsonObject(value, std::move(name), code);
}

std::string JsonObject::path(std::string_view key) const {
  return name_.empty() ? std::string(key) : fmt::format("{}.{}", name_, key);
}

Result<const json*> JsonObject::field(std::string_view key) const {
  const auto found = value_->find(key);
  if (found == value_->end()) {
    return fail(code_, fmt::format("\"{}\" is missing", path(key)));
  }
  return &*found;
}

Result<const json*> JsonObject::array(std::string_view key, std::size_t max_size) const {
  SYM_ASSIGN_OR_RETURN(const json* const value, field(key));
  if (!value->is_array() || value->size() > max_size) {
    return mismatch(code_, path(key), fmt::format("an array of at most {}", max_size), *value);
  }
  return value;
}

bool JsonObject::is_null(std::string_view key) const {
  const auto found = value_->find(key);
  return found != value_->end() && found->is_null();
}

Result<JsonObject> JsonObject::object(std::string_view key) const {
  SYM_ASSIGN_OR_RETURN(const json* const value, field(key));
  return of(*value, path(key), code_);
}

Result<bool> JsonObject::boolean(std::string_view key) const {
  SYM_ASSIGN_OR_RETURN(const json* const value, field(key));
  if (!value->is_boolean()) {
    return mismatch(code_, path(key), "true or false", *value);
  }
  return value->get<bool>();
}

Result<std::string> JsonObject::text(std::string_view key, std::size_t max_bytes) const {
  SYM_ASSIGN_OR_RETURN(const json* const value, field(key));
  if (!value->is_string() || value->get_ref<const std::string&>().size() > max_bytes) {
    return mismatch(code_, path(key), fmt::format("a string of at most {} bytes", max_bytes),
                    *value);
  }
  return value->get<std::string>();
}

Result<std::int64_t> JsonObject::integer(std::string_view key, std::int64_t min,
                                         std::int64_t max) const {
  SYM_ASSIGN_OR_RETURN(const json* const value, field(key));
  return to_integer(*value, path(key), min, max, code_);
}

Result<double> JsonObject::number(std::string_view key, double min, double max) const {
  SYM_ASSIGN_OR_RETURN(const json* const value, field(key));
  return to_number(*value, path(key), min, max, code_);
}

Result<std::vector<std::int64_t>> JsonObject::integers(std::string_view key, std::size_t max_size,
                                                       std::int64_t min, std::int64_t max) const {
  SYM_ASSIGN_OR_RETURN(const json* const values, array(key, max_size));
  std::vector<std::int64_t> integers;
  integers.reserve(values->size());
  for (const json& value : *values) {
    SYM_ASSIGN_OR_RETURN(integers.emplace_back(),
                         to_integer(value, element(path(key), integers.size()), min, max, code_));
  }
  return integers;
}

Result<std::vector<double>> JsonObject::numbers(std::string_view key, std::size_t max_size,
                                                double min, double max) const {
  SYM_ASSIGN_OR_RETURN(const json* const values, array(key, max_size));
  std::vector<double> numbers;
  numbers.reserve(values->size());
  for (const json& value : *values) {
    SYM_ASSIGN_OR_RETURN(numbers.emplace_back(),
                         to_number(value, element(path(key), numbers.size()), min, max, code_));
  }
  return numbers;
}

Result<std::vector<JsonObject>> JsonObject::objects(std::string_view key,
                                                    std::size_t max_size) const {
  SYM_ASSIGN_OR_RETURN(const json* const values, array(key, max_size));
  std::vector<JsonObject> objects;
  objects.reserve(values->size());
  for (const json& value : *values) {
    SYM_ASSIGN_OR_RETURN(JsonObject object, of(value, element(path(key), objects.size()), code_));
    objects.push_back(std::move(object));
  }
  return objects;
}

}  // namespace symbiont::tune
