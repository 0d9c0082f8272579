#pragma once
/// Labelled data in memory, the same on every machine: what trainers train and evaluate on.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont::data {

/// The form of one row: an image, or 1 x 1 x columns for a table.
struct Shape {
  std::size_t channels = 1;
  std::size_t height = 1;
  std::size_t width = 1;

  std::size_t size() const { return channels * height * width; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// Pixels as they are stored; a feature is pixel / `full_scale`.
struct Pixels {
  std::vector<std::uint8_t> values;
  float full_scale = 255.0F;
};

/// Rows of features and their classes. A value; thread-safe to read.
struct Dataset {
  std::size_t rows = 0;
  Shape shape;
  std::size_t classes = 0;  ///< labels are in [0, classes)
  /// rows x shape.size() numbers, row-major: pixels are kept as bytes (an eighth of the memory and
  /// of the time to load), table columns as floats.
  std::variant<Pixels, std::vector<float>> features;
  std::vector<std::int64_t> labels;
};

/// What a model learns from, and what it is judged on. Both have the same shape and classes.
struct Split {
  Dataset train;
  Dataset evaluation;
};

/// Which data.
struct DataOptions {
  /// "fashion-mnist"   60,000 + 10,000 images, 28x28, 10 classes (Debian: dataset-fashion-mnist)
  /// "digits"          1,437 + 360 images, 8x8, 10 classes, in file order (Debian: python3-sklearn)
  /// "idx:DIR"         the four files of MNIST ({train,t10k}-{images-idx3,labels-idx1}-ubyte, with
  ///                   or without .gz)
  /// "csv:FILE"        a table with a header: the column "label", else the last one, is the class
  ///                   (a whole number from 0); all others are numbers, brought to [0, 1] by their
  ///                   least and greatest training value. Rows are shuffled by a fixed seed; the
  ///                   last fifth (rounded up) is for evaluation.
  std::string set;
  /// At most this many training rows, the first ones; evaluation then has at most
  /// max(limit, kMinLimitedEvaluationRows), so that small jobs evaluate quickly too. At least 1.
  std::optional<std::int64_t> limit;
};

inline constexpr std::size_t kMinLimitedEvaluationRows = 1000;
inline constexpr std::size_t kMaxClasses = 10000;

/// Loads a set. The named ones are looked for in $SYMBIONT_DATASETS when that is set (as
/// fashion-mnist/ and digits.csv.gz), else where Debian's packages put them. kNotFound says what to
/// install; kInvalidArgument or kDataLoss name the file and what is wrong with it.
Result<Split> load(const DataOptions& options);

/// How many rows `load` gives for training. Loads the set to find out, so that whoever trains on it
/// later meets no surprise. Errors as `load`.
Result<std::int64_t> training_rows(const DataOptions& options);

/// Whole batches in an epoch: the last partial batch is dropped. kInvalidArgument when there is not
/// even one, or `batch_size` is below 1.
Result<std::int64_t> steps_per_epoch(std::size_t rows, std::int64_t batch_size);

/// The order in which an epoch visits the rows: a permutation of [0, rows), the same on every
/// machine. Fisher and Yates' shuffle, from its own stream of `seed` for each epoch.
std::vector<std::int64_t> epoch_order(std::size_t rows, std::uint64_t seed, std::int64_t epoch);

}  // namespace symbiont::data
