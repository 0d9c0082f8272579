#include "table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "symbiont/base/csv.h"

namespace symbiont::data {
namespace {

// One seed for everybody: all jobs on a file are judged on the same rows.
constexpr std::uint64_t kSplitSeed = 20;
constexpr std::size_t kEvaluationFraction = 5;

struct Columns {
  std::vector<std::size_t> features;
  std::size_t label = 0;
};

Result<Columns> choose_columns(const CsvTable& table) {
  const std::size_t count = table.header().size();
  if (count < 2 || table.rows() < 2) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} columns and {} rows, expected at least two of each",
                            table.source(), count, table.rows()));
  }
  Columns columns;
  columns.label = count - 1;
  if (table.has_column("label")) {
    SYM_ASSIGN_OR_RETURN(columns.label, table.column("label"));
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (i != columns.label) {
      columns.features.push_back(i);
    }
  }
  return columns;
}

Result<std::int64_t> read_label(const CsvTable& table, std::size_t row, std::size_t column) {
  SYM_ASSIGN_OR_RETURN(const std::int64_t label, table.integer(row, column));
  if (label < 0 || label >= static_cast<std::int64_t>(kMaxClasses)) {
    return tl::unexpected(
        table.error_at(row, column,
                       fmt::format("{} is not a class, expected a whole number from 0 to {}", label,
                                   kMaxClasses - 1)));
  }
  return label;
}

Result<Dataset> read_rows(const CsvTable& table, const Columns& columns,
                          std::span<const std::int64_t> rows) {
  Dataset dataset;
  dataset.rows = rows.size();
  dataset.shape = {1, 1, columns.features.size()};
  std::vector<float> values;
  values.reserve(rows.size() * columns.features.size());
  for (const std::int64_t signed_row : rows) {
    const auto row = static_cast<std::size_t>(signed_row);
    for (const std::size_t column : columns.features) {
      SYM_ASSIGN_OR_RETURN(const double value, table.number(row, column));
      if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
        return tl::unexpected(table.error_at(row, column, "too large for a feature"));
      }
      values.push_back(static_cast<float>(value));
    }
    SYM_ASSIGN_OR_RETURN(const std::int64_t label, read_label(table, row, columns.label));
    dataset.labels.push_back(label);
    dataset.classes = std::max(dataset.classes, static_cast<std::size_t>(label) + 1);
  }
  dataset.features = std::move(values);
  return dataset;
}

struct Range {
  float least = std::numeric_limits<float>::max();
  float greatest = std::numeric_limits<float>::lowest();

  // In double: the width of a range of floats may exceed the largest float.
  float scale(float value) const {
    if (greatest <= least) {
      return 0.0F;
    }
    return static_cast<float>((static_cast<double>(value) - least) /
                              (static_cast<double>(greatest) - least));
  }
};

std::vector<Range> column_ranges(const std::vector<float>& values, std::size_t columns) {
  std::vector<Range> ranges(columns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    Range& range = ranges[i % columns];
    range.least = std::min(range.least, values[i]);
    range.greatest = std::max(range.greatest, values[i]);
  }
  return ranges;
}

void scale_columns(std::vector<float>& values, const std::vector<Range>& ranges) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = ranges[i % ranges.size()].scale(values[i]);
  }
}

}  // namespace

Result<Split> load_table(const std::filesystem::path& file) {
  SYM_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::load(file));
  SYM_ASSIGN_OR_RETURN(const Columns columns, choose_columns(table));
  const std::vector<std::int64_t> order = epoch_order(table.rows(), kSplitSeed, 0);
  const std::size_t evaluation = (table.rows() + kEvaluationFraction - 1) / kEvaluationFraction;
  const std::span<const std::int64_t> rows(order);

  Split split;
  SYM_ASSIGN_OR_RETURN(split.train,
                       read_rows(table, columns, rows.first(rows.size() - evaluation)));
  SYM_ASSIGN_OR_RETURN(split.evaluation, read_rows(table, columns, rows.last(evaluation)));
  auto& train_values = std::get<std::vector<float>>(split.train.features);
  const std::vector<Range> ranges = column_ranges(train_values, columns.features.size());
  scale_columns(train_values, ranges);
  scale_columns(std::get<std::vector<float>>(split.evaluation.features), ranges);
  // A rare class may be in one part only.
  const std::size_t classes = std::max(split.train.classes, split.evaluation.classes);
  split.train.classes = split.evaluation.classes = classes;
  return split;
}

}  // namespace symbiont::data
