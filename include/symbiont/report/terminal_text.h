#pragma once
/// What others wrote, on its way to a terminal.

#include <string>

namespace symbiont::report {

/// `text` with every control character but line breaks and tabs replaced by "?", so that no word of
/// a worker or a job file moves the cursor, retitles the window or hides what was printed.
std::string terminal_text(std::string text);

}  // namespace symbiont::report
