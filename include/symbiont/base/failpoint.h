#pragma once
/// Named states at which a fault test may kill the process.
///
/// `SYMBIONT_FAILPOINT=name:count:token` kills this process with SIGKILL the count-th time it
/// passes `failpoint("name")`, provided it is the one that removes the file `token`: so one test
/// kills exactly one process, however many pass by. Unset, a failpoint costs one comparison.
/// The names are listed in docs/reference/failpoints.md.

#include <string_view>

namespace symbiont {

/// Marks a state worth dying in. `name`: "module.event.before", a literal.
void failpoint(std::string_view name);

}  // namespace symbiont
