#pragma once
/// Log lines for operators, on standard error only: standard output belongs to results.

#include <string_view>

namespace symbiont::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Lines below this level are dropped. Default kWarning, or the word in SYMBIONT_LOG
/// ("debug", "info", "warning", "error"). Thread-safe, as all of this header.
void set_level(Level level);

void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

}  // namespace symbiont::log
