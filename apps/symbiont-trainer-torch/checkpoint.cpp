#include "checkpoint.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

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
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kUnfinishedPrefix = ".checkpoint-";

std::string format_state(const Checkpoint& checkpoint) {
  const TrainingIdentity& identity = checkpoint.identity;
  const Json limit = identity.limit ? Json(*identity.limit) : Json();
  const Json state = {{"version", kFormatVersion},
                      {"model", identity.model},
                      {"optimizer", identity.optimizer},
                      {"data", identity.data},
                      {"limit", limit},
                      {"learning_rate", identity.learning_rate},
                      {"batch_size", identity.batch_size},
                      {"seed", identity.seed},
                      {"epoch", checkpoint.progress.epoch},
                      {"position", checkpoint.progress.position},
                      {"train_seconds", checkpoint.progress.train_seconds}};
  return state.dump(2) + "\n";
}

// Throws Json::exception when a key is missing or of another type.
void read_state(const Json& state, Checkpoint& checkpoint) {
  TrainingIdentity& identity = checkpoint.identity;
  state.at("model").get_to(identity.model);
  state.at("optimizer").get_to(identity.optimizer);
  state.at("data").get_to(identity.data);
  if (!state.at("limit").is_null()) {
    identity.limit = state.at("limit").get<std::int64_t>();
  }
  state.at("learning_rate").get_to(identity.learning_rate);
  state.at("batch_size").get_to(identity.batch_size);
  state.at("seed").get_to(identity.seed);
  state.at("epoch").get_to(checkpoint.progress.epoch);
  state.at("position").get_to(checkpoint.progress.position);
  state.at("train_seconds").get_to(checkpoint.progress.train_seconds);
}

Result<void> parse_state(std::string_view text, const fs::path& path, Checkpoint& checkpoint) {
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
    read_state(state, checkpoint);
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kDataLoss, fmt::format("{}: {}", path.string(), error.what()));
  }
  return {};
}

// A name is on disk only when its directory is.
Result<void> flush_directory(const fs::path& path) {
  const FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0) {
    return tl::unexpected(errno_error(errno, "flush " + path.string()));
  }
  return {};
}

Result<void> write_content(const fs::path& directory, const Checkpoint& checkpoint) {
  SYM_RETURN_IF_ERROR(symbiont::create_directories(directory));
  SYM_RETURN_IF_ERROR(graph::save_safetensors(directory / kWeights, checkpoint.weights));
  failpoint("worker.save.middle");
  SYM_RETURN_IF_ERROR(graph::save_safetensors(directory / kOptimizer, checkpoint.optimizer));
  SYM_RETURN_IF_ERROR(write_file_atomically(directory / kState, format_state(checkpoint)));
  return flush_directory(directory);
}

// Puts a finished directory in its place. One of that name is there when an earlier process of this
// attempt came as far: it may be what the runner would resume from, so the two are exchanged.
Result<void> put_in_place(const fs::path& unfinished, const fs::path& place) {
  std::error_code error;
  if (fs::exists(place, error)) {
    if (::renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) == 0) {
      fs::remove_all(unfinished, error);
      return {};
    }
    fs::remove_all(place, error);  // a file system that cannot exchange
  }
  if (::rename(unfinished.c_str(), place.c_str()) != 0) {
    return tl::unexpected(errno_error(errno, "rename to " + place.string()));
  }
  return {};
}

// What cannot be removed costs disk space only.
void remove_others(const fs::path& output, const fs::path& newest, const fs::path& previous) {
  std::error_code error;
  // The runner may write the path of the same directory in another way.
  const fs::path known = fs::canonical(previous, error);
  const bool beside = fs::equivalent(known.parent_path(), output, error);
  const fs::path kept = beside ? output / known.filename() : fs::path();
  error.clear();
  std::vector<fs::path> old;
  for (fs::directory_iterator entry(output, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool ours = name.starts_with(kPrefix) || name.starts_with(kUnfinishedPrefix);
    if (ours && entry->path() != newest && entry->path() != kept) {
      old.push_back(entry->path());
    }
  }
  for (const fs::path& path : old) {
    fs::remove_all(path, error);
  }
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

Result<fs::path> save_checkpoint(const fs::path& output, const Checkpoint& checkpoint,
                                 const fs::path& previous) {
  failpoint("worker.save.begin");
  const std::string name =
      fmt::format("checkpoint-{}-{}", checkpoint.progress.epoch, checkpoint.progress.position);
  const fs::path place = output / name;
  const fs::path unfinished = output / ("." + name);
  std::error_code error;
  fs::remove_all(unfinished, error);
  Result<void> written = write_content(unfinished, checkpoint);
  if (written) {
    written = put_in_place(unfinished, place);
  }
  if (written) {
    written = flush_directory(output);
  }
  if (!written) {
    fs::remove_all(unfinished, error);
    return tl::unexpected(std::move(written).error().while_doing("save checkpoint"));
  }
  failpoint("worker.save.renamed");
  remove_others(output, place, previous);
  return place;
}

Result<Checkpoint> load_checkpoint(const fs::path& directory) {
  const fs::path state_path = directory / kState;
  SYM_ASSIGN_OR_RETURN(const std::string text, read_file(state_path));
  Checkpoint checkpoint;
  SYM_RETURN_IF_ERROR(parse_state(text, state_path, checkpoint));
  SYM_ASSIGN_OR_RETURN(checkpoint.weights, graph::load_safetensors(directory / kWeights));
  SYM_ASSIGN_OR_RETURN(checkpoint.optimizer, graph::load_safetensors(directory / kOptimizer));
  return checkpoint;
}

}  // namespace symbiont::trainer
