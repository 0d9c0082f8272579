#pragma once
/// Counters and gauges that a monitoring system collects, in the Prometheus text format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace symbiont {

enum class MetricKind {
  kCounter,  ///< only grows; by convention its name ends in _total
  kGauge,    ///< goes up and down
};

/// Names and values that tell the series of one metric apart: {{"job", "fashion"}}.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// One metric: a value for each combination of labels. Thread-safe.
class Metric {
 public:
  Metric(MetricKind kind, std::string name, std::string help)
      : kind_(kind), name_(std::move(name)), help_(std::move(help)) {}

  /// Adds to a series, which starts at 0. Requires amount >= 0 for a counter (SYM_CHECK).
  void add(const MetricLabels& labels, double amount);
  /// Sets a series; for a counter, to a total that something else keeps.
  void set(const MetricLabels& labels, double value);
  /// What is not true any more is absent, not old.
  void remove(const MetricLabels& labels);

  /// "# HELP", "# TYPE" and a line for each series, ordered by their labels; nothing when there is
  /// no series yet.
  std::string to_prometheus() const;

 private:
  const MetricKind kind_;
  const std::string name_;
  const std::string help_;
  mutable std::mutex mutex_;              // guards the next
  std::map<std::string, double> series_;  // by the labels as text
};

/// The metrics of a program. Thread-safe.
class MetricRegistry {
 public:
  /// A new metric, which lives as long as the registry. Requires a name of [a-zA-Z_:][a-zA-Z0-9_:]*
  /// that is not taken (SYM_CHECK): names are constants of the program.
  Metric& add(MetricKind kind, std::string name, std::string help);

  /// All of it, in the order in which the metrics were added.
  std::string to_prometheus() const;

 private:
  mutable std::mutex mutex_;  // guards the next
  std::deque<Metric> metrics_;
  std::map<std::string, Metric*, std::less<>> by_name_;
};

/// What every program tells about itself by convention: symbiont_build_info, and of this process
/// its processor time, resident memory and start. Call again before each collection.
class ProcessMetrics {
 public:
  explicit ProcessMetrics(MetricRegistry& registry);
  /// Reads the present figures. What the system does not tell is left out.
  void refresh();

 private:
  Metric& cpu_seconds_;
  Metric& resident_memory_;
  Metric& start_time_;
};

}  // namespace symbiont
