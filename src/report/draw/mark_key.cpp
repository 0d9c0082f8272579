#include <algorithm>

#include "report/draw/draw.h"

namespace symbiont::report {

Mark MarkKey::of(std::int64_t batch_size) const {
  const auto found = std::lower_bound(sizes_.begin(), sizes_.end(), batch_size);
  return mark_of(static_cast<std::size_t>(found - sizes_.begin()));
}

std::vector<LegendEntry> MarkKey::entries(std::span<const std::int64_t> used) const {
  std::vector<LegendEntry> entries;
  for (const std::int64_t size : sizes_) {
    if (std::find(used.begin(), used.end(), size) != used.end()) {
      entries.push_back({of(size), std::to_string(size)});
    }
  }
  return entries;
}

}  // namespace symbiont::report
