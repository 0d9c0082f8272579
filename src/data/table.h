#pragma once
/// Tables of numbers with a class in one column.

#include <filesystem>

#include "symbiont/data/dataset.h"

namespace symbiont::data {

/// As "csv:FILE" is described in symbiont/data/dataset.h.
Result<Split> load_table(const std::filesystem::path& file);

}  // namespace symbiont::data
