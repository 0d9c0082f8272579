#pragma once
/// A meter that is somebody else's program: a wall plug, a rack's power strip, a laboratory's
/// instrument.
///
/// The program is run without arguments and without a shell. Each time it prints one line of
/// KEY=VALUE words, in any order, and ends with code 0 within 5 seconds:
///   energy_j=1234.5      joules since some start, a counter; or
///   power_w=87.25        watts now, a gauge
///   name=plug-3          for reports; else the program's name
///   covers=node          component ids, separated by commas; else the whole machine, "node"
///   max_power_w=450      the most it can show; else 1000
///   uncertainty=0.01     half-width as a fraction, 0 to 1; else 0
///   provenance=modelled  else "measured"
/// What the first line says holds from then on; later lines are asked for their value only.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/base/provenance.h"
#include "symbiont/base/units.h"
#include "symbiont/energy/sensor_meter.h"

namespace symbiont::energy {

/// A line that a program printed.
struct CommandLine {
  DomainKind kind = DomainKind::kCounter;
  std::int64_t value = 0;  ///< microjoules of a counter, microwatts of a gauge
  std::string name;
  std::vector<std::string> covers = {std::string(kWholeMachine)};
  Watts max_power{1000.0};
  double uncertainty = 0.0;
  Provenance provenance = Provenance::kMeasured;
};

/// Understands all that a program printed. kUnavailable saying what was found and expected.
Result<CommandLine> parse_command_line(std::string_view output);

/// Machine scope. Never fails: a program that does not run, end or print as it should is in
/// `unavailable`.
SensorSet find_command_sensor(const std::filesystem::path& program,
                              std::chrono::milliseconds deadline = std::chrono::seconds(5));

/// Once a second and at every reading, which so takes as long as the program.
inline constexpr Sampling kCommandSampling{.period = std::chrono::seconds(1)};

}  // namespace symbiont::energy
