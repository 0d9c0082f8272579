// Job files: any bytes give a valid specification or an error that names the file, never a crash.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "symbiont/jobs/job_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = symbiont::jobs::parse_job_file(text, "job.toml");
  if (!spec) {
    if (spec.error().message().find("job.toml") == std::string::npos) std::abort();
    return 0;
  }
  // What passes is fit to run: its identity equals itself, its default is among its sizes.
  if (symbiont::jobs::identity_difference(spec->identity(), spec->identity())) std::abort();
  bool has_default = false;
  for (const std::int64_t batch_size : spec->batch_sizes) {
    has_default = has_default || batch_size == spec->batch_size;
  }
  if (!has_default) std::abort();
  return 0;
}
