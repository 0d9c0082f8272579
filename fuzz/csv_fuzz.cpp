// CSV: any bytes give a rectangular table or an error that names the file, never a crash.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "symbiont/base/csv.h"

namespace {

using symbiont::CsvTable;
using symbiont::Result;

constexpr std::string_view kSource = "trace.csv";

void require(bool condition) {
  if (!condition) std::abort();
}

template <typename T>
void require_named_source(const Result<T>& result) {
  if (!result) require(result.error().message().find(kSource) != std::string::npos);
}

void read_field(const CsvTable& table, std::size_t row, std::size_t column) {
  (void)table.text(row, column);
  const Result<double> number = table.number(row, column);
  require_named_source(number);
  require(!number || std::isfinite(*number));
  const Result<std::int64_t> integer = table.integer(row, column);
  require_named_source(integer);
  require(!integer || number.has_value());  // every integer is a number
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Result<CsvTable> table = CsvTable::parse(text, std::string(kSource));
  require_named_source(table);
  if (!table) return 0;

  for (std::size_t column = 0; column < table->header().size(); ++column) {
    const Result<std::size_t> found = table->column(table->header()[column]);
    require(found && *found == column);  // header names are unique
    for (std::size_t row = 0; row < table->rows(); ++row) read_field(*table, row, column);
  }
  return 0;
}
