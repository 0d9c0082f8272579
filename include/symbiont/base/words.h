#pragma once
/// A command line written as one string, as POSIX splits it into words. Nothing is expanded and no
/// shell is run: `$`, `*`, `~`, `|`, `>` and `;` are ordinary characters.

#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"

namespace symbiont {

/// The words of `text`: separated by blanks and line breaks; '…' is taken as it is; in "…" a
/// backslash stands before `"`, `\`, `$`, `` ` `` and a line break, elsewhere before any character
/// (XCU 2.2, 2.3). A pair of quotes with nothing in it is an empty word.
/// kInvalidArgument naming the quote that is never closed, or a backslash at the end.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace symbiont
