#pragma once
/// Which Symbiont this is.

#include <string_view>

namespace symbiont {

/// The version of the project as "MAJOR.MINOR.PATCH".
std::string_view version();

}  // namespace symbiont
