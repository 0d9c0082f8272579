#include "symbiont/train/checkpoint_folder.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "symbiont/base/failpoint.h"
#include "symbiont/base/file.h"

namespace symbiont::train {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr std::int64_t kMaxCount = std::int64_t{1} << 53;
constexpr std::int64_t kMaxProgressFile = 64 << 10;
constexpr const char* kProgress = "progress.json";
constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kUnfinishedPrefix = ".checkpoint-";

std::string format_progress(const WorkerProgress& progress) {
  const Json json = {{"version", kFormatVersion},
                     {"epoch", progress.epoch},
                     {"position", progress.position},
                     {"train_seconds", progress.train_seconds}};
  return json.dump(2) + "\n";
}

tl::unexpected<Error> wrong_field(const fs::path& path, const char* key, const Json& found,
                                  const char* expected) {
  const std::string text = found.is_null() ? "nothing" : found.dump(-1, ' ', true);
  return fail(ErrorCode::kDataLoss,
              path.string() + ": " + key + ": found " + text + ", expected " + expected);
}

Result<std::int64_t> count_in(const Json& json, const fs::path& path, const char* key) {
  const Json found = json.value(key, Json());
  if (!found.is_number_integer() || found < 0 || found > kMaxCount) {
    return wrong_field(path, key, found, "a count");
  }
  return found.get<std::int64_t>();
}

Result<double> seconds_in(const Json& json, const fs::path& path, const char* key) {
  const Json found = json.value(key, Json());
  if (!found.is_number() || found.get<double>() < 0.0 || !std::isfinite(found.get<double>())) {
    return wrong_field(path, key, found, "a number of at least 0");
  }
  return found.get<double>();
}

// A name is on disk only when its directory is.
Result<void> flush(const fs::path& path, int flags) {
  const FileDescriptor descriptor(::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC));
  if (!descriptor.is_open() || ::fsync(descriptor.get()) != 0) {
    return tl::unexpected(errno_error(errno, "flush " + path.string()));
  }
  return {};
}

Result<void> flush_tree(const fs::path& root) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(root, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const fs::file_type type = entry->symlink_status(error).type();
    if (type == fs::file_type::directory || type == fs::file_type::regular) {
      SYM_RETURN_IF_ERROR(flush(entry->path(), type == fs::file_type::directory ? O_DIRECTORY : 0));
    }
  }
  if (error) {
    return tl::unexpected(errno_error(error.value(), "list " + root.string()));
  }
  return flush(root, O_DIRECTORY);
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

std::string name_of(const WorkerProgress& progress) {
  return "checkpoint-" + std::to_string(progress.epoch) + "-" + std::to_string(progress.position);
}

}  // namespace

CheckpointFolder::CheckpointFolder(fs::path output, const WorkerProgress& progress)
    : output_(std::move(output)),
      unfinished_(output_ / ("." + name_of(progress))),
      place_(output_ / name_of(progress)),
      progress_(progress) {}

CheckpointFolder::CheckpointFolder(CheckpointFolder&& other) noexcept
    : output_(std::move(other.output_)),
      unfinished_(std::exchange(other.unfinished_, fs::path())),
      place_(std::move(other.place_)),
      progress_(other.progress_) {}

CheckpointFolder& CheckpointFolder::operator=(CheckpointFolder&& other) noexcept {
  std::swap(output_, other.output_);
  std::swap(unfinished_, other.unfinished_);
  std::swap(place_, other.place_);
  std::swap(progress_, other.progress_);
  return *this;
}

CheckpointFolder::~CheckpointFolder() {
  std::error_code ignored;
  if (!unfinished_.empty()) {
    fs::remove_all(unfinished_, ignored);
  }
}

Result<CheckpointFolder> CheckpointFolder::begin(const fs::path& output,
                                                 const WorkerProgress& progress) {
  failpoint("worker.save.begin");
  CheckpointFolder folder(output, progress);
  std::error_code ignored;
  fs::remove_all(folder.unfinished_, ignored);
  const Result<void> made = symbiont::create_directories(folder.unfinished_);
  if (!made) {
    return tl::unexpected(Error(made.error()).while_doing("save checkpoint"));
  }
  return folder;
}

Result<fs::path> CheckpointFolder::commit(const fs::path& previous) {
  Result<void> done = write_file_atomically(unfinished_ / kProgress, format_progress(progress_));
  if (done) {
    done = flush_tree(unfinished_);
  }
  if (done) {
    done = put_in_place(unfinished_, place_);
  }
  if (done) {
    done = flush(output_, O_DIRECTORY);
  }
  if (!done) {
    return tl::unexpected(std::move(done).error().while_doing("save checkpoint"));
  }
  unfinished_.clear();
  failpoint("worker.save.renamed");
  remove_others(output_, place_, previous);
  return place_;
}

void remove_other_checkpoints(const fs::path& output, const fs::path& kept) {
  remove_others(output, fs::path(), kept);
}

Result<WorkerProgress> read_progress(const fs::path& checkpoint) {
  const fs::path path = checkpoint / kProgress;
  SYM_ASSIGN_OR_RETURN(const std::string text, read_file(path, kMaxProgressFile));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return fail(ErrorCode::kDataLoss, path.string() + ": not a JSON object");
  }
  const Json version = json.value("version", Json());
  if (version != kFormatVersion) {
    return fail(ErrorCode::kInvalidArgument, path.string() + ": version is " +
                                                 version.dump(-1, ' ', true) + ", expected " +
                                                 std::to_string(kFormatVersion));
  }
  WorkerProgress progress;
  SYM_ASSIGN_OR_RETURN(progress.epoch, count_in(json, path, "epoch"));
  SYM_ASSIGN_OR_RETURN(progress.position, count_in(json, path, "position"));
  SYM_ASSIGN_OR_RETURN(progress.train_seconds, seconds_in(json, path, "train_seconds"));
  return progress;
}

}  // namespace symbiont::train
