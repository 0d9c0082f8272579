#include "checkpoint.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "symbiont/base/failpoint.h"
#include "symbiont/base/file.h"

namespace symbiont::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kOptimizer = "optimizer.safetensors";
constexpr const char* kState = "state.json";

std::string format_state(const TrainingIdentity& identity) {
  const Json limit = identity.limit ? Json(*identity.limit) : Json();
  const Json state = {{"version", kFormatVersion},
                      {"model", identity.model},
                      {"optimizer", identity.optimizer},
                      {"data", identity.data},
                      {"limit", limit},
                      {"learning_rate", identity.learning_rate},
                      {"batch_size", identity.batch_size},
                      {"seed", identity.seed}};
  return state.dump(2) + "\n";
}

// Throws Json::exception when a key is missing or of another type.
void read_state(const Json& state, TrainingIdentity& identity) {
  state.at("model").get_to(identity.model);
  state.at("optimizer").get_to(identity.optimizer);
  state.at("data").get_to(identity.data);
  if (!state.at("limit").is_null()) {
    identity.limit = state.at("limit").get<std::int64_t>();
  }
  state.at("learning_rate").get_to(identity.learning_rate);
  state.at("batch_size").get_to(identity.batch_size);
  state.at("seed").get_to(identity.seed);
}

Result<void> parse_state(std::string_view text, const fs::path& path, TrainingIdentity& identity) {
  const Json state = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object()) {
    return fail(ErrorCode::kDataLoss, path.string() + ": not a JSON object");
  }
  const Json version = state.value("version", Json());
  if (version != kFormatVersion) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: version is {}, expected {}", path.string(),
                            version.dump(-1, ' ', true), kFormatVersion));
  }
  try {
    read_state(state, identity);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: {}", path.string(), error.what()));
  }
  return {};
}

template <typename Value>
Result<void> check_equal(std::string_view what, const Value& found, const Value& expected) {
  if (found == expected) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("the {} is {}, expected {}", what, found, expected));
}

}  // namespace

Result<void> check_same(const TrainingIdentity& found, const TrainingIdentity& expected) {
  SYM_RETURN_IF_ERROR(check_equal("model", found.model, expected.model));
  SYM_RETURN_IF_ERROR(check_equal("optimizer", found.optimizer, expected.optimizer));
  SYM_RETURN_IF_ERROR(check_equal("data set", found.data, expected.data));
  SYM_RETURN_IF_ERROR(check_equal("limit", found.limit.value_or(0), expected.limit.value_or(0)));
  SYM_RETURN_IF_ERROR(check_equal("learning rate", found.learning_rate, expected.learning_rate));
  SYM_RETURN_IF_ERROR(check_equal("batch size", found.batch_size, expected.batch_size));
  return check_equal("seed", found.seed, expected.seed);
}

Result<void> save_checkpoint(const fs::path& directory, const Checkpoint& checkpoint) {
  SYM_RETURN_IF_ERROR(graph::save_safetensors(directory / kWeights, checkpoint.weights));
  failpoint("worker.save.middle");
  SYM_RETURN_IF_ERROR(graph::save_safetensors(directory / kOptimizer, checkpoint.optimizer));
  return write_file_atomically(directory / kState, format_state(checkpoint.identity));
}

Result<Checkpoint> load_checkpoint(const fs::path& directory) {
  const fs::path state_path = directory / kState;
  SYM_ASSIGN_OR_RETURN(const std::string text, read_file(state_path));
  Checkpoint checkpoint;
  SYM_RETURN_IF_ERROR(parse_state(text, state_path, checkpoint.identity));
  SYM_ASSIGN_OR_RETURN(checkpoint.weights, graph::load_safetensors(directory / kWeights));
  SYM_ASSIGN_OR_RETURN(checkpoint.optimizer, graph::load_safetensors(directory / kOptimizer));
  return checkpoint;
}

}  // namespace symbiont::trainer
