#pragma once
/// What the meter of the tests' job hands out. Every joule of a run can be traced to a step.

#include <cmath>
#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace symbiont::testing {

/// Energy of a whole epoch, in microjoules. An epoch at 64 is so dear that the cost bound stops the
/// first attempt at it.
constexpr std::int64_t epoch_uj(std::int64_t batch_size, std::int64_t epoch) {
  const std::int64_t base =
      batch_size == 64 ? 8'000'000'000 : 900'000'000 + 30'000'000'000 / batch_size;
  return base + 3'700'000 * epoch;
}

/// Energy of the first `steps` of an epoch that has `steps_per_epoch`, rounded as the meter does.
inline std::int64_t part_uj(std::int64_t batch_size, std::int64_t epoch, std::int64_t steps,
                            std::int64_t steps_per_epoch) {
  const double fraction = static_cast<double>(steps) / static_cast<double>(steps_per_epoch);
  return std::llround(fraction * static_cast<double>(epoch_uj(batch_size, epoch)));
}

/// The replay file.
inline std::string trace_csv() {
  std::string csv = "batch_size,epoch,time_s,energy_j\n";
  for (const std::int64_t batch_size : {16, 64, 128, 256}) {
    for (std::int64_t epoch = 1; epoch <= 8; ++epoch) {
      const std::int64_t energy = epoch_uj(batch_size, epoch);
      const std::int64_t time_us = energy / 50 + 250'000 * epoch;
      csv += fmt::format("{},{},{}.{:06},{}.{:06}\n", batch_size, epoch, time_us / 1'000'000,
                         time_us % 1'000'000, energy / 1'000'000, energy % 1'000'000);
    }
  }
  return csv;
}

}  // namespace symbiont::testing
