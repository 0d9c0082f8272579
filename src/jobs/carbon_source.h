#pragma once
/// The intensity series that a job file asks for.

#include "symbiont/base/error.h"
#include "symbiont/carbon/intensity.h"
#include "symbiont/jobs/job_file.h"

namespace symbiont::jobs {

Result<carbon::IntensitySeries> open_intensity(const CarbonSpec& spec);

}  // namespace symbiont::jobs
