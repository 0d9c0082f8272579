#pragma once
/// Settings that make sense, in the form the policies want them.

#include "symbiont/base/error.h"
#include "symbiont/tune/policy.h"

namespace symbiont::tune {

/// `config` with its batch sizes ascending. kInvalidArgument naming the setting that is wrong.
Result<PolicyConfig> validated(PolicyConfig config);

}  // namespace symbiont::tune
