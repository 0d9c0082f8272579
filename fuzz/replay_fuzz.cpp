// Any bytes as a replayed trace: refused with a place, or played without ever running backwards.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "symbiont/energy/replay_device.h"

using symbiont::CsvTable;
using symbiont::WallTime;
using symbiont::energy::ReplayDevice;
using symbiont::energy::ReplayTrace;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = CsvTable::parse(text, "fuzz.csv");
  if (!table) return 0;
  auto trace = ReplayTrace::parse(*table);
  if (!trace) return 0;
  SYM_CHECK(trace->max_power().value() >= 0.0);

  const std::size_t column = *table->column("batch_size");
  ReplayDevice device(*std::move(trace), WallTime{});
  std::int64_t last_uj = 0;
  for (std::size_t row = 0; row < table->rows(); ++row) {
    const std::int64_t batch_size = *table->integer(row, column);
    for (const double fraction : {0.0, 0.3, 1.0, 0.1}) {
      const bool moved = device.advance(batch_size, 1, fraction).has_value();
      const auto reading = device.read_uj(0);
      SYM_CHECK(moved == reading.has_value());
      if (!reading) continue;
      SYM_CHECK(*reading >= last_uj);
      last_uj = *reading;
    }
  }
  return 0;
}
