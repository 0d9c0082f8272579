#pragma once
/// The names by which job files call meters.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "symbiont/base/error.h"
#include "symbiont/energy/meter.h"
#include "symbiont/energy/monitor.h"

namespace symbiont::energy {

/// A kind of meter: "rapl", or "replay:FILE" where it takes an argument. A kind that can go both
/// with and without one is two of these.
struct MeterKind {
  std::string_view name;
  std::string_view argument;    ///< what to write after the colon; empty: nothing
  bool argument_is_path;        ///< relative to the job file
  bool is_measured_by_default;  ///< `auto` looks for it, in the order of `meter_kinds()`
  /// Looks for what it reads. A meter without domains has the reasons in `unavailable()`. An error
  /// is one of the options. nullptr: `auto`, which is made of the others.
  Result<std::unique_ptr<Meter>> (*open)(const MonitorOptions& options, std::string_view argument);
};
std::span<const MeterKind> meter_kinds();

/// A word of MonitorOptions::meters, taken apart. Views into the word.
struct MeterWord {
  const MeterKind* kind;
  std::string_view argument;  ///< what follows the colon
};

/// kInvalidArgument naming the nearest when there is no such kind.
Result<MeterWord> parse_meter_word(std::string_view word);

}  // namespace symbiont::energy
