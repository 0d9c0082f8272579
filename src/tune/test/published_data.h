#pragma once
/// Where the published traces are. They are not part of the sources.

#include <cstdlib>
#include <filesystem>

namespace symbiont::tune {

inline constexpr char kNoPublishedData[] =
    "SYMBIONT_REFERENCE_DATA names no folder with the published traces";

/// The folder of traces and tapes; empty when SYMBIONT_REFERENCE_DATA is not set.
inline std::filesystem::path published_data() {
  const char* const folder = std::getenv("SYMBIONT_REFERENCE_DATA");
  return folder == nullptr ? std::filesystem::path() : std::filesystem::path(folder) / "zeus";
}

}  // namespace symbiont::tune
