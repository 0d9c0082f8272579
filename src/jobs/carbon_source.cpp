#include "jobs/carbon_source.h"

#include <string_view>
#include <utility>

namespace symbiont::jobs {

Result<carbon::IntensitySeries> open_intensity(const JobSpec& spec) {
  const CarbonSpec& wanted = spec.carbon;
  const auto from = [&](std::string_view key, Result<carbon::IntensitySeries> series) {
    return std::move(series).map_error(
        [&](Error error) { return std::move(error).while_doing(spec.place("carbon", key)); });
  };
  if (!wanted.zone.empty()) {
    return from("zone", carbon::IntensitySeries::for_zone(wanted.zone));
  }
  if (!wanted.intensity_csv.empty()) {
    return from("intensity_csv", carbon::IntensitySeries::load_csv(wanted.intensity_csv));
  }
  if (wanted.intensity_g_per_kwh) {
    return from("intensity_g_per_kwh",
                carbon::IntensitySeries::constant(GramsPerKwh(*wanted.intensity_g_per_kwh)));
  }
  return carbon::IntensitySeries::world_default();
}

}  // namespace symbiont::jobs
