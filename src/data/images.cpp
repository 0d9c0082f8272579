#include "images.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/file.h"
#include "symbiont/data/idx.h"

namespace symbiont::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigitsSide = 8;
constexpr std::size_t kDigitsPixels = kDigitsSide * kDigitsSide;
constexpr unsigned kDigitsFullScale = 16;
constexpr std::size_t kDigitsRows = 1797;
constexpr std::size_t kDigitsTrainRows = 1437;
constexpr std::size_t kDigitsClasses = 10;

Result<fs::path> find_idx(const fs::path& folder, const std::string& name,
                          const std::string& install) {
  std::error_code ignored;
  for (const fs::path& candidate : {folder / name, folder / (name + ".gz")}) {
    if (fs::exists(candidate, ignored)) {
      return candidate;
    }
  }
  return fail(ErrorCode::kNotFound, fmt::format("{}: no such file, with or without .gz{}",
                                                (folder / name).string(), install));
}

Result<Dataset> load_part(const fs::path& folder, const std::string& part,
                          const std::string& install) {
  SYM_ASSIGN_OR_RETURN(const fs::path images_path,
                       find_idx(folder, part + "-images-idx3-ubyte", install));
  SYM_ASSIGN_OR_RETURN(const fs::path labels_path,
                       find_idx(folder, part + "-labels-idx1-ubyte", install));
  SYM_ASSIGN_OR_RETURN(IdxArray labels, load_idx(labels_path));
  SYM_ASSIGN_OR_RETURN(IdxArray images, load_idx(images_path));
  if (images.dimensions.size() != 3 || images.values.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} dimensions and {} values, expected images: 3 dimensions and at "
                            "least one value",
                            images_path.string(), images.dimensions.size(), images.values.size()));
  }
  if (labels.dimensions.size() != 1 || labels.dimensions[0] != images.dimensions[0]) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {} labels, expected {}: one for each image of {}", labels_path.string(),
                    labels.values.size(), images.dimensions[0], images_path.string()));
  }
  Dataset dataset;
  dataset.rows = images.dimensions[0];
  dataset.shape = {1, images.dimensions[1], images.dimensions[2]};
  dataset.features = Pixels{std::move(images.values), 255.0F};
  dataset.labels.assign(labels.values.begin(), labels.values.end());
  dataset.classes =
      1 + static_cast<std::size_t>(*std::max_element(dataset.labels.begin(), dataset.labels.end()));
  return dataset;
}

// Takes "<number><separator>" off the front of `text`.
bool take_number(std::string_view& text, char separator, unsigned limit, std::uint8_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > limit) {
    return false;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.empty() || text.front() != separator) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

bool take_digit(std::string_view& text, Dataset& dataset, std::vector<std::uint8_t>& pixels) {
  std::uint8_t value = 0;
  for (std::size_t i = 0; i < kDigitsPixels; ++i) {
    if (!take_number(text, ',', kDigitsFullScale, value)) {
      return false;
    }
    pixels.push_back(value);
  }
  if (!take_number(text, '\n', kDigitsClasses - 1, value)) {
    return false;
  }
  dataset.labels.push_back(value);
  ++dataset.rows;
  return true;
}

}  // namespace

Result<Split> load_idx_folder(const fs::path& folder, const std::string& install) {
  Split split;
  SYM_ASSIGN_OR_RETURN(split.train, load_part(folder, "train", install));
  SYM_ASSIGN_OR_RETURN(split.evaluation, load_part(folder, "t10k", install));
  if (split.evaluation.shape != split.train.shape) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: training images are {}x{}, evaluation images {}x{}",
                            folder.string(), split.train.shape.height, split.train.shape.width,
                            split.evaluation.shape.height, split.evaluation.shape.width));
  }
  if (split.evaluation.classes > split.train.classes) {
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: evaluation has the label {}, training none above {}", folder.string(),
                    split.evaluation.classes - 1, split.train.classes - 1));
  }
  split.evaluation.classes = split.train.classes;
  return split;
}

Result<Split> load_digits(const fs::path& file, const std::string& install) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    return fail(ErrorCode::kNotFound, fmt::format("{}: no such file{}", file.string(), install));
  }
  SYM_ASSIGN_OR_RETURN(const std::string content, read_file_gunzipped(file));
  std::string_view rest = content;
  Split split;
  for (std::size_t line = 1; line <= kDigitsRows; ++line) {
    Dataset& part = line <= kDigitsTrainRows ? split.train : split.evaluation;
    if (!take_digit(rest, part, std::get<Pixels>(part.features).values)) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("{}:{}: expected 64 pixels from 0 to 16 and a digit", file.string(), line));
    }
  }
  if (!rest.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: more than {} lines", file.string(), kDigitsRows));
  }
  for (Dataset* part : {&split.train, &split.evaluation}) {
    part->shape = {1, kDigitsSide, kDigitsSide};
    part->classes = kDigitsClasses;
    std::get<Pixels>(part->features).full_scale = kDigitsFullScale;
  }
  return split;
}

}  // namespace symbiont::data
