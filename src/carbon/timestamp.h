#pragma once
/// Moments as people write them in files.

#include <optional>
#include <string_view>

#include "symbiont/base/clock.h"

namespace symbiont::carbon {

/// A moment read from text.
struct Timestamp {
  WallTime time;
  bool has_zone = false;  ///< false: it named no offset from UTC and was read as UTC
};

/// ISO 8601 in its extended form: "YYYY-MM-DDThh:mm[:ss[.fraction]][Z|+hh:mm|-hh:mm]", years 1970
/// to 2200; a space may stand for the T. Nothing for any other text.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace symbiont::carbon
