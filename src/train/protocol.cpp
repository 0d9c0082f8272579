#include "symbiont/train/protocol.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

namespace symbiont::train {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxCount = std::int64_t{1} << 53;  // what a double holds exactly
constexpr int kMaxNesting = 16;
// Texts are cut to this, a valid path is never longer. Even two of them with every byte escaped
// ("\u0000") stay below kMaxMessageBytes.
constexpr std::size_t kMaxTextBytes = 4096;
constexpr std::size_t kMaxQuotedBytes = 40;

// --- Writing ------------------------------------------------------------------------------------

Json message_of(const char* type) {
  return Json{{"v", kProtocolVersion}, {"type", type}};
}

std::string text(const std::string& value) {
  return value.substr(0, kMaxTextBytes);
}

// JSON has no NaN and no infinity: both become null.
Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json or_null(const std::optional<std::int64_t>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const Hello& hello) {
  Json json = message_of("hello");
  json["framework"] = text(hello.framework);
  json["device"] = text(hello.device);
  json["parameters"] = or_null(hello.parameters);
  json["steps_per_epoch"] = or_null(hello.steps_per_epoch);
  json["memory"] = {{"persistent", or_null(hello.memory_persistent_bytes)},
                    {"ephemeral", or_null(hello.memory_ephemeral_bytes)}};
  json["resumed_from"] = nullptr;
  if (hello.resumed_epoch > 0 || hello.resumed_position > 0) {
    json["resumed_from"] = {{"epoch", hello.resumed_epoch}, {"position", hello.resumed_position}};
  }
  return json;
}

Json to_json(const Ran& ran) {
  Json json = message_of("ran");
  json["steps"] = ran.steps;
  json["samples"] = ran.samples;
  json["seconds"] = finite_or_null(ran.seconds);
  json["loss"] = finite_or_null(ran.loss);
  json["epoch_end"] = ran.epoch_end;
  return json;
}

Json to_json(const EpochDone& epoch) {
  Json json = message_of("epoch");
  json["index"] = epoch.index;
  json["metric"] = finite_or_null(epoch.metric);
  json["train_seconds"] = finite_or_null(epoch.train_seconds);
  json["evaluation_seconds"] = finite_or_null(epoch.evaluation_seconds);
  return json;
}

Json to_json(const Saved& saved) {
  Json json = message_of("saved");
  json["path"] = text(saved.path);
  json["epoch"] = saved.epoch;
  json["position"] = saved.position;
  return json;
}

Json to_json(const Done& done) {
  Json json = message_of("done");
  json["weights"] = text(done.weights);
  return json;
}

Json to_json(const Failed& failed) {
  Json json = message_of("failed");
  json["code"] = text(failed.code);
  json["message"] = text(failed.message);
  return json;
}

Json to_json(const Run& run) {
  Json json = message_of("run");
  json["steps"] = run.steps ? Json(*run.steps) : Json(nullptr);
  return json;
}

Json to_json(const Checkpoint&) {
  return message_of("checkpoint");
}

Json to_json(const Stop& stop) {
  Json json = message_of("stop");
  json["reason"] = text(stop.reason);
  return json;
}

template <typename Message>
std::string encode_any(const Message& message) {
  const Json json = std::visit([](const auto& kind) { return to_json(kind); }, message);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// --- Reading ------------------------------------------------------------------------------------

// A value as it is shown in an error: short, and valid text whatever came in.
std::string quoted(const Json& value) {
  std::string shown = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (shown.size() > kMaxQuotedBytes) {
    shown = shown.substr(0, kMaxQuotedBytes) + "...";
  }
  return shown;
}

/// The fields of one JSON object, each read with its type and range checked.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  Result<std::int64_t> count(const char* key) const {
    const Json& value = at(key);
    // The parser holds whole numbers that are not negative as unsigned, whatever their size.
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMaxCount) {
      return wrong(key, value, "a whole number from 0 to 2^53");
    }
    return value.get<std::int64_t>();
  }

  // Missing is still wrong: a worker says what it does not know.
  Result<std::optional<std::int64_t>> count_or_null(const char* key) const {
    if (at(key).is_null() && object_.contains(key)) {
      return std::optional<std::int64_t>();
    }
    return count(key);
  }

  Result<double> seconds(const char* key) const {
    const Json& value = at(key);
    if (!value.is_number() || value.get<double>() < 0) {
      return wrong(key, value, "seconds, 0 or more");
    }
    return value.get<double>();
  }

  Result<double> number_or_null(const char* key) const {
    const Json& value = at(key);
    if (value.is_null() && object_.contains(key)) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    if (!value.is_number()) {
      return wrong(key, value, "a number, or null for one that is not finite");
    }
    return value.get<double>();
  }

  Result<bool> flag(const char* key) const {
    const Json& value = at(key);
    if (!value.is_boolean()) {
      return wrong(key, value, "true or false");
    }
    return value.get<bool>();
  }

  Result<std::string> text(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) {
      return wrong(key, value, "a string");
    }
    return value.get<std::string>();
  }

  Result<Fields> object(const char* key) const {
    const Json& value = at(key);
    if (!value.is_object()) {
      return wrong(key, value, "an object");
    }
    return Fields(value, where_ + "." + key);
  }

  /// Absent and null mean the same where a field is optional.
  bool has(const char* key) const { return !at(key).is_null(); }

 private:
  const Json& at(const char* key) const {
    static const Json null;
    const auto found = object_.find(key);
    return found == object_.end() ? null : *found;
  }

  tl::unexpected<Error> wrong(const char* key, const Json& value, const char* expected) const {
    const std::string found = object_.contains(key) ? quoted(value) : "nothing";
    return fail(ErrorCode::kInvalidArgument,
                where_ + "." + key + ": found " + found + ", expected " + expected);
  }

  const Json& object_;
  std::string where_;
};

Result<Hello> read_hello(const Fields& fields) {
  Hello hello;
  SYM_ASSIGN_OR_RETURN(hello.framework, fields.text("framework"));
  SYM_ASSIGN_OR_RETURN(hello.device, fields.text("device"));
  SYM_ASSIGN_OR_RETURN(hello.parameters, fields.count_or_null("parameters"));
  SYM_ASSIGN_OR_RETURN(hello.steps_per_epoch, fields.count_or_null("steps_per_epoch"));
  SYM_ASSIGN_OR_RETURN(const Fields memory, fields.object("memory"));
  SYM_ASSIGN_OR_RETURN(hello.memory_persistent_bytes, memory.count_or_null("persistent"));
  SYM_ASSIGN_OR_RETURN(hello.memory_ephemeral_bytes, memory.count_or_null("ephemeral"));
  if (fields.has("resumed_from")) {
    SYM_ASSIGN_OR_RETURN(const Fields resumed, fields.object("resumed_from"));
    SYM_ASSIGN_OR_RETURN(hello.resumed_epoch, resumed.count("epoch"));
    SYM_ASSIGN_OR_RETURN(hello.resumed_position, resumed.count("position"));
  }
  return hello;
}

Result<Ran> read_ran(const Fields& fields) {
  Ran ran;
  SYM_ASSIGN_OR_RETURN(ran.steps, fields.count("steps"));
  SYM_ASSIGN_OR_RETURN(ran.samples, fields.count("samples"));
  SYM_ASSIGN_OR_RETURN(ran.seconds, fields.seconds("seconds"));
  SYM_ASSIGN_OR_RETURN(ran.loss, fields.number_or_null("loss"));
  SYM_ASSIGN_OR_RETURN(ran.epoch_end, fields.flag("epoch_end"));
  return ran;
}

Result<EpochDone> read_epoch(const Fields& fields) {
  EpochDone epoch;
  SYM_ASSIGN_OR_RETURN(epoch.index, fields.count("index"));
  SYM_ASSIGN_OR_RETURN(epoch.metric, fields.number_or_null("metric"));
  SYM_ASSIGN_OR_RETURN(epoch.train_seconds, fields.seconds("train_seconds"));
  SYM_ASSIGN_OR_RETURN(epoch.evaluation_seconds, fields.seconds("evaluation_seconds"));
  return epoch;
}

Result<Saved> read_saved(const Fields& fields) {
  Saved saved;
  SYM_ASSIGN_OR_RETURN(saved.path, fields.text("path"));
  SYM_ASSIGN_OR_RETURN(saved.epoch, fields.count("epoch"));
  SYM_ASSIGN_OR_RETURN(saved.position, fields.count("position"));
  return saved;
}

Result<Done> read_done(const Fields& fields) {
  Done done;
  SYM_ASSIGN_OR_RETURN(done.weights, fields.text("weights"));
  return done;
}

Result<Failed> read_failed(const Fields& fields) {
  Failed failed;
  SYM_ASSIGN_OR_RETURN(failed.code, fields.text("code"));
  SYM_ASSIGN_OR_RETURN(failed.message, fields.text("message"));
  return failed;
}

Result<Run> read_run(const Fields& fields) {
  Run run;
  if (fields.has("steps")) {
    SYM_ASSIGN_OR_RETURN(run.steps, fields.count("steps"));
  }
  return run;
}

Result<Stop> read_stop(const Fields& fields) {
  Stop stop;
  SYM_ASSIGN_OR_RETURN(stop.reason, fields.text("reason"));
  return stop;
}

// Depth is bounded while parsing, so that no nesting is built that a later walk could trip over.
Result<Json> parse(std::string_view line) {
  bool too_deep = false;
  const auto bounded = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxNesting;
    return !too_deep;
  };
  try {
    Json json = Json::parse(line, bounded);
    if (too_deep) {
      return fail(ErrorCode::kInvalidArgument,
                  "nested deeper than " + std::to_string(kMaxNesting) + " levels");
    }
    return json;
  } catch (const Json::parse_error& error) {
    return fail(ErrorCode::kInvalidArgument, "not JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalidArgument, "a number that is too large");
  }
}

// Checks what all messages have in common and gives the type.
Result<std::string> read_type(const Json& json) {
  if (!json.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "found " + quoted(json) + ", expected an object");
  }
  const Fields fields(json, "message");
  SYM_ASSIGN_OR_RETURN(const std::int64_t version, fields.count("v"));
  if (version != kProtocolVersion) {
    return fail(ErrorCode::kUnimplemented, "message.v: found " + std::to_string(version) +
                                               ", expected " + std::to_string(kProtocolVersion));
  }
  return fields.text("type");
}

Result<Json> parse_bounded(std::string_view line) {
  if (line.size() > kMaxMessageBytes) {
    return fail(ErrorCode::kInvalidArgument, "found a message of " + std::to_string(line.size()) +
                                                 " bytes, expected at most " +
                                                 std::to_string(kMaxMessageBytes));
  }
  return parse(line);
}

tl::unexpected<Error> unknown_type(const std::string& type, const char* expected) {
  return fail(ErrorCode::kInvalidArgument,
              "message.type: found " + quoted(Json(type)) + ", expected one of " + expected);
}

}  // namespace

std::string encode(const WorkerMessage& message) {
  return encode_any(message);
}

std::string encode(const RunnerMessage& message) {
  return encode_any(message);
}

Result<WorkerMessage> decode_worker_message(std::string_view line) {
  SYM_ASSIGN_OR_RETURN(const Json json, parse_bounded(line));
  SYM_ASSIGN_OR_RETURN(const std::string type, read_type(json));
  const Fields fields(json, type);
  if (type == "hello") {
    return read_hello(fields);
  }
  if (type == "ran") {
    return read_ran(fields);
  }
  if (type == "epoch") {
    return read_epoch(fields);
  }
  if (type == "saved") {
    return read_saved(fields);
  }
  if (type == "done") {
    return read_done(fields);
  }
  if (type == "failed") {
    return read_failed(fields);
  }
  return unknown_type(type, "hello, ran, epoch, saved, done, failed");
}

Result<RunnerMessage> decode_runner_message(std::string_view line) {
  SYM_ASSIGN_OR_RETURN(const Json json, parse_bounded(line));
  SYM_ASSIGN_OR_RETURN(const std::string type, read_type(json));
  const Fields fields(json, type);
  if (type == "run") {
    return read_run(fields);
  }
  if (type == "checkpoint") {
    return Checkpoint{};
  }
  if (type == "stop") {
    return read_stop(fields);
  }
  return unknown_type(type, "run, checkpoint, stop");
}

}  // namespace symbiont::train
