#include "symbiont/data/dataset.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "images.h"
#include "symbiont/base/random.h"
#include "table.h"

namespace symbiont::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianImages = "/usr/share/datasets/fashion-mnist";
constexpr const char* kDebianDigits =
    "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz";
constexpr const char* kInstallImages = "; install it with: apt-get install dataset-fashion-mnist";
constexpr const char* kInstallDigits = "; install it with: apt-get install python3-sklearn";

fs::path place_of(const char* name_in_override, const char* debian_path) {
  const char* override_folder = std::getenv("SYMBIONT_DATASETS");
  if (override_folder == nullptr || *override_folder == '\0') {
    return debian_path;
  }
  return fs::path(override_folder) / name_in_override;
}

/// Where a set of IDX files is, and how to get it.
struct IdxPlace {
  fs::path folder;
  std::string install;
};

std::optional<IdxPlace> idx_place(const std::string& set) {
  constexpr std::string_view kIdx = "idx:";
  if (set == "fashion-mnist") {
    return IdxPlace{place_of("fashion-mnist", kDebianImages), kInstallImages};
  }
  if (set.starts_with(kIdx) && set.size() > kIdx.size()) {
    return IdxPlace{set.substr(kIdx.size()), ""};
  }
  return std::nullopt;
}

Result<Split> load_whole(const std::string& set) {
  constexpr std::string_view kCsv = "csv:";
  if (const auto place = idx_place(set)) {
    return load_idx_folder(place->folder, place->install);
  }
  if (set == "digits") {
    return load_digits(place_of("digits.csv.gz", kDebianDigits), kInstallDigits);
  }
  if (set.starts_with(kCsv) && set.size() > kCsv.size()) {
    return load_table(set.substr(kCsv.size()));
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a data set, expected fashion-mnist, digits, idx:DIR or "
                          "csv:FILE",
                          set));
}

void keep_first(Dataset& dataset, std::size_t rows) {
  if (dataset.rows <= rows) {
    return;
  }
  dataset.rows = rows;
  dataset.labels.resize(rows);
  const std::size_t values = rows * dataset.shape.size();
  if (Pixels* pixels = std::get_if<Pixels>(&dataset.features)) {
    pixels->values.resize(values);
    pixels->values.shrink_to_fit();
    return;
  }
  auto& numbers = std::get<std::vector<float>>(dataset.features);
  numbers.resize(values);
  numbers.shrink_to_fit();
}

}  // namespace

Result<Split> load(const DataOptions& options) {
  if (options.limit && *options.limit < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("limit is {}, expected at least 1", *options.limit));
  }
  Result<Split> split = load_whole(options.set);
  if (!split) {
    return tl::unexpected(std::move(split).error().while_doing("load data"));
  }
  if (options.limit) {
    const auto limit = static_cast<std::size_t>(*options.limit);
    keep_first(split->train, limit);
    keep_first(split->evaluation, std::max(limit, kMinLimitedEvaluationRows));
  }
  return split;
}

Result<std::int64_t> training_rows(const DataOptions& options) {
  SYM_ASSIGN_OR_RETURN(const Split split, load(options));
  return static_cast<std::int64_t>(split.train.rows);
}

Result<std::int64_t> steps_per_epoch(std::size_t rows, std::int64_t batch_size) {
  if (batch_size < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the batch size is {}, expected at least 1", batch_size));
  }
  const std::int64_t steps = static_cast<std::int64_t>(rows) / batch_size;
  if (steps == 0) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the batch size is {}, expected at most the {} training rows",
                            batch_size, rows));
  }
  return steps;
}

std::vector<std::int64_t> epoch_order(std::size_t rows, std::uint64_t seed, std::int64_t epoch) {
  Random random(derive_seed(seed, "epoch-order", static_cast<std::uint64_t>(epoch)));
  std::vector<std::int64_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = rows; i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
  return order;
}

}  // namespace symbiont::data
