// Any bytes as a power curve: refused with a place, or a line that never falls.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbiont/energy/power_curve.h"

using symbiont::CsvTable;
using symbiont::energy::PowerCurve;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = CsvTable::parse(text, "fuzz.csv");
  if (!table) return 0;
  const auto curve = PowerCurve::parse(*table);
  if (!curve) return 0;
  SYM_CHECK(curve->maximum().value() > 0.0);
  for (int i = 0; i <= 64; ++i) {
    const symbiont::Watts power = curve->at(i / 64.0);
    SYM_CHECK(power >= curve->idle() && power.value() <= curve->maximum().value() * (1.0 + 1e-9));
  }
  return 0;
}
