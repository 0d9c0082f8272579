#pragma once
/// How a number was obtained, and what it speaks of. Kept through every sum and shown to the
/// person.

#include <optional>
#include <string_view>

namespace symbiont {

/// How an energy figure was obtained.
enum class Provenance {
  kMeasured,   ///< a hardware counter or power meter
  kModelled,   ///< computed from utilisation by a curve; carries an interval
  kReplayed,   ///< read from a recorded trace
  kSimulated,  ///< made by a simulator
  kMixed,      ///< a sum of different kinds
};

/// What an energy figure covers. Figures of different scope are never added up.
enum class Scope {
  kMachine,  ///< all that the machine's meter sees, neighbours included (RAPL, a wall meter)
  kProcess,  ///< one process tree (the estimator)
};

/// "measured", "modelled", "replayed", "simulated", "mixed": the words used in JSON and tables.
std::string_view to_string(Provenance provenance);
/// "machine", "process".
std::string_view to_string(Scope scope);

std::optional<Provenance> parse_provenance(std::string_view word);
std::optional<Scope> parse_scope(std::string_view word);

/// Provenance of a sum of two figures: theirs if equal, else mixed.
constexpr Provenance combine(Provenance a, Provenance b) {
  return a == b ? a : Provenance::kMixed;
}

}  // namespace symbiont
