#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr std::size_t kMostCurves = 6;  ///< of a batch size
constexpr std::size_t kMostPoints = 200;

MetricCurve curve_of(const ledger::AttemptRecord& record) {
  MetricCurve curve;
  curve.batch_size = record.attempt.batch_size;
  curve.reached = has_reached(record);
  std::vector<MetricPoint> points;
  double seconds = 0.0;
  for (const ledger::Epoch& epoch : record.epochs) {
    seconds += epoch.usage.seconds().value();
    if (std::isfinite(epoch.metric)) {
      points.push_back({seconds, epoch.metric});
    }
  }
  curve.points = thinned(points, kMostPoints);
  return curve;
}

/// Marks the typical one. Requires at least one.
void mark_typical(std::vector<MetricCurve>& curves) {
  std::vector<MetricCurve*> ranked;
  for (MetricCurve& curve : curves) {
    ranked.push_back(&curve);
  }
  if (std::any_of(curves.begin(), curves.end(), [](const auto& curve) { return curve.reached; })) {
    std::erase_if(ranked, [](const MetricCurve* curve) { return !curve->reached; });
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const MetricCurve* a, const MetricCurve* b) {
    return a->points.back().seconds < b->points.back().seconds;
  });
  ranked[(ranked.size() - 1) / 2]->typical = true;
}

/// Evenly taken, the typical one last: it is drawn over the others.
std::vector<MetricCurve> representatives(const std::vector<MetricCurve>& curves) {
  std::vector<MetricCurve> others;
  std::vector<MetricCurve> typical;
  for (const MetricCurve& curve : curves) {
    (curve.typical ? typical : others).push_back(curve);
  }
  std::vector<MetricCurve> kept = thinned(others, kMostCurves - typical.size());
  kept.insert(kept.end(), typical.begin(), typical.end());
  return kept;
}

std::string caption(const MetricPlot& plot) {
  const MetricCurve* fastest = nullptr;
  for (const MetricCurve& curve : plot.curves) {
    const bool faster =
        fastest == nullptr || curve.points.back().seconds < fastest->points.back().seconds;
    if (curve.typical && curve.reached && faster) {
      fastest = &curve;
    }
  }
  if (fastest == nullptr) {
    return fmt::format("No attempt has reached the target {}.", plot.metric);
  }
  return fmt::format("The median attempt is shortest at batch size {}: {} to {} {:.4g}.",
                     fastest->batch_size, duration(fastest->points.back().seconds), plot.metric,
                     fastest->points.back().metric);
}

}  // namespace

MetricPlot metric_plot(const RunRecords& records) {
  MetricPlot plot;
  const JobIdentity identity = identity_of(records);
  plot.metric = identity.metric();
  plot.target = identity.target_value();
  std::map<std::int64_t, std::vector<MetricCurve>> by_size;
  std::size_t all = 0;
  for_each_attempt(records, [&](const auto&, const ledger::AttemptRecord& record) {
    MetricCurve curve = curve_of(record);
    if (!curve.points.empty()) {
      ++all;
      by_size[curve.batch_size].push_back(std::move(curve));
    }
  });
  if (by_size.empty()) {
    plot.text.missing = fmt::format(
        "No epoch has been recorded with its {} yet. Run the job again: it goes on.", plot.metric);
    return plot;
  }
  for (auto& [size, curves] : by_size) {
    mark_typical(curves);
    for (MetricCurve& curve : representatives(curves)) {
      plot.curves.push_back(std::move(curve));
    }
  }
  std::stable_partition(plot.curves.begin(), plot.curves.end(),
                        [](const MetricCurve& curve) { return !curve.typical; });
  plot.text.caption = caption(plot);
  plot.text.notes.push_back(
      "Strong line with marks: per batch size the attempt of median duration, one mark an epoch; "
      "thin lines: others.");
  if (plot.curves.size() < all) {
    plot.text.notes.push_back(fmt::format("Of {} attempts {} are drawn, at most {} a batch size.",
                                          all, plot.curves.size(), kMostCurves));
  }
  return plot;
}

}  // namespace symbiont::report
