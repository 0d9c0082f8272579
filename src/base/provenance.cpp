#include "symbiont/base/provenance.h"

namespace symbiont {

std::string_view to_string(Provenance provenance) {
  switch (provenance) {
    case Provenance::kMeasured:
      return "measured";
    case Provenance::kModelled:
      return "modelled";
    case Provenance::kReplayed:
      return "replayed";
    case Provenance::kSimulated:
      return "simulated";
    case Provenance::kMixed:
      return "mixed";
  }
  return "mixed";
}

std::string_view to_string(Scope scope) {
  return scope == Scope::kMachine ? "machine" : "process";
}

std::optional<Provenance> parse_provenance(std::string_view word) {
  for (const Provenance candidate :
       {Provenance::kMeasured, Provenance::kModelled, Provenance::kReplayed, Provenance::kSimulated,
        Provenance::kMixed}) {
    if (word == to_string(candidate)) {
      return candidate;
    }
  }
  return std::nullopt;
}

std::optional<Scope> parse_scope(std::string_view word) {
  for (const Scope candidate : {Scope::kMachine, Scope::kProcess}) {
    if (word == to_string(candidate)) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace symbiont
