#include "symbiont/tune/tape.h"

#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "symbiont/base/file.h"
#include "tune/json_object.h"

namespace symbiont::tune {
namespace {

constexpr std::size_t kMaxTapeBytes = 2 << 20;
constexpr std::size_t kMaxDraws = kMaxTapeBytes / 2;
constexpr std::size_t kMaxName = 200;
constexpr std::int64_t kMaxCount = 1'000'000;
constexpr double kMaxMagnitude = 1e9;

Result<TraceJob> read_job(const JsonObject& tape) {
  TraceJob job;
  SYM_ASSIGN_OR_RETURN(job.dataset, tape.text("dataset", kMaxName));
  SYM_ASSIGN_OR_RETURN(job.network, tape.text("network", kMaxName));
  SYM_ASSIGN_OR_RETURN(job.optimizer, tape.text("optimizer", kMaxName));
  return job;
}

Result<double> read_beta(const JsonObject& tape) {
  if (tape.is_null("beta")) {
    return std::numeric_limits<double>::infinity();
  }
  return tape.number("beta", 0.0, kMaxMagnitude);
}

Result<Tape> read_tape(const JsonObject& object) {
  Tape tape;
  SYM_ASSIGN_OR_RETURN(tape.gpu, object.text("gpu", kMaxName));
  SYM_ASSIGN_OR_RETURN(tape.job, read_job(object));
  SYM_ASSIGN_OR_RETURN(tape.target_metric,
                       object.number("target_metric", -kMaxMagnitude, kMaxMagnitude));
  SYM_ASSIGN_OR_RETURN(tape.max_epochs, object.integer("max_epochs", 1, kMaxCount));
  SYM_ASSIGN_OR_RETURN(tape.default_batch_size, object.integer("b0", 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(tape.eta, object.number("eta_knob", 0.0, 1.0));
  SYM_ASSIGN_OR_RETURN(tape.beta, read_beta(object));
  SYM_ASSIGN_OR_RETURN(tape.window, object.integer("window", 0, kMaxCount));
  SYM_ASSIGN_OR_RETURN(const double max_power, object.number("max_power", 1e-9, kMaxMagnitude));
  tape.max_power = Watts(max_power);
  SYM_ASSIGN_OR_RETURN(tape.recurrences, object.integer("recurrences", 1, kMaxCount));
  SYM_ASSIGN_OR_RETURN(tape.path_draws, object.integers("path_draws", kMaxDraws, 1, INT64_MAX));
  SYM_ASSIGN_OR_RETURN(tape.standard_normals, object.numbers("standard_normals", kMaxDraws,
                                                             -kMaxMagnitude, kMaxMagnitude));
  return tape;
}

Result<Tape> parse(std::string_view text) {
  SYM_ASSIGN_OR_RETURN(const nlohmann::json document,
                       parse_json(text, kMaxTapeBytes, ErrorCode::kInvalidArgument));
  SYM_ASSIGN_OR_RETURN(const JsonObject object,
                       JsonObject::of(document, "", ErrorCode::kInvalidArgument));
  return read_tape(object);
}

}  // namespace

Result<Tape> parse_tape(std::string_view text, std::string_view source) {
  Result<Tape> tape = parse(text);
  if (!tape) {
    return tl::unexpected(std::move(tape).error().while_doing("read tape " + std::string(source)));
  }
  return tape;
}

Result<Tape> load_tape(const std::filesystem::path& path) {
  SYM_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMaxTapeBytes));
  return parse_tape(text, path.string());
}

}  // namespace symbiont::tune
