#pragma once
/// The intensity series that a job file asks for.

#include "symbiont/base/error.h"
#include "symbiont/carbon/intensity.h"
#include "symbiont/jobs/job_file.h"

namespace symbiont::jobs {

/// Errors name the place in the job file.
Result<carbon::IntensitySeries> open_intensity(const JobSpec& spec);

}  // namespace symbiont::jobs
