// Any bytes as carbon intensity: refused with a place, or a step function whose steps lead on.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbiont/carbon/intensity.h"

using symbiont::CsvTable;
using symbiont::WallTime;
using symbiont::carbon::IntensityMeaning;
using symbiont::carbon::IntensitySeries;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = CsvTable::parse(text, "fuzz.csv");
  if (!table) return 0;
  IntensityMeaning meaning;
  if (size % 2 == 0) meaning.bridge = std::chrono::hours(size);
  const auto series = IntensitySeries::parse_csv(*table, meaning);
  if (!series) return 0;

  for (WallTime time = WallTime::min(); time < WallTime::max();) {
    const IntensitySeries::Step step = series->at(time);
    SYM_CHECK(step.end > time);
    SYM_CHECK(step.value.value() >= 0.0);
    time = step.end;
  }
  return 0;
}
