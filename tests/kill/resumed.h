#pragma once
/// What must hold after a job was killed, and after it was run again.

#include <cstdint>

#include "job.h"
#include "reference.h"

namespace symbiont::testing {

/// A runner is dead: nobody works on, and what it wrote down holds together.
void expect_sound_ruins(const Job& job);

/// The job is finished as if nothing had happened, but for `lost_uj` of energy spent in vain.
void expect_undisturbed(const Job& job, const Ended& last_run, std::int64_t lost_uj,
                        Shape shape = Shape::kManyAttempts);

}  // namespace symbiont::testing
