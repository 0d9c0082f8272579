#include "symbiont/base/metrics.h"

#include <cmath>
#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace symbiont {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(MetricRegistry, WritesTheTextFormatThatPrometheusReads) {
  MetricRegistry registry;
  Metric& epochs = registry.add(MetricKind::kCounter, "symbiont_epochs_total", "Epochs recorded.");
  Metric& size = registry.add(MetricKind::kGauge, "symbiont_batch_size", "Now.");

  epochs.add({{"job", "b"}}, 2.0);
  epochs.add({{"job", "a"}}, 1.0);
  epochs.add({{"job", "a"}}, 0.5);
  size.set({}, 256.0);

  EXPECT_EQ(registry.to_prometheus(),
            "# HELP symbiont_epochs_total Epochs recorded.\n"
            "# TYPE symbiont_epochs_total counter\n"
            "symbiont_epochs_total{job=\"a\"} 1.5\n"
            "symbiont_epochs_total{job=\"b\"} 2\n"
            "# HELP symbiont_batch_size Now.\n"
            "# TYPE symbiont_batch_size gauge\n"
            "symbiont_batch_size 256\n");
}

TEST(MetricRegistry, LeavesOutWhatHasNoValueYetOrAnyMore) {
  MetricRegistry registry;
  Metric& size = registry.add(MetricKind::kGauge, "size", "Now.");
  EXPECT_EQ(registry.to_prometheus(), "");
  size.set({{"job", "a"}}, 1.0);
  size.remove({{"job", "a"}});
  EXPECT_EQ(registry.to_prometheus(), "");
}

TEST(Metric, EscapesWhatWouldEndALabel) {
  Metric metric(MetricKind::kGauge, "m", "One\nline \\ \"quoted\"");
  metric.set({{"job", "a\"} 9\nb\\"}}, 1.0);
  EXPECT_EQ(metric.to_prometheus(),
            "# HELP m One\\nline \\\\ \"quoted\"\n# TYPE m gauge\n"
            "m{job=\"a\\\"} 9\\nb\\\\\"} 1\n");
}

TEST(Metric, WritesFiguresThatAreNotNumbersAsTheFormatDoes) {
  Metric metric(MetricKind::kGauge, "m", "Any.");
  metric.set({{"a", "1"}}, std::nan(""));
  metric.set({{"a", "2"}}, std::numeric_limits<double>::infinity());
  metric.set({{"a", "3"}}, -std::numeric_limits<double>::infinity());
  EXPECT_THAT(metric.to_prometheus(),
              HasSubstr("m{a=\"1\"} NaN\nm{a=\"2\"} +Inf\nm{a=\"3\"} -Inf\n"));
}

TEST(Metric, MayBeReadWhileOthersAdd) {
  MetricRegistry registry;
  Metric& total = registry.add(MetricKind::kCounter, "n_total", "Sum.");
  {
    const auto add = [&] {
      for (int i = 0; i < 1000; ++i) {
        total.add({}, 1.0);
      }
    };
    const std::jthread one(add);
    const std::jthread two(add);
    for (int i = 0; i < 100; ++i) {
      registry.to_prometheus();
    }
  }
  EXPECT_THAT(registry.to_prometheus(), HasSubstr("n_total 2000\n"));
}

TEST(ProcessMetrics, TellsWhatThisProgramUsesByTheConventionalNames) {
  MetricRegistry registry;
  ProcessMetrics process(registry);
  const std::string text = registry.to_prometheus();
  EXPECT_THAT(text, StartsWith("# HELP process_cpu_seconds_total"));
  EXPECT_THAT(text, HasSubstr("\nprocess_resident_memory_bytes "));
  EXPECT_THAT(text, HasSubstr("\nprocess_start_time_seconds "));
  EXPECT_THAT(text, HasSubstr("\nsymbiont_build_info{version=\""));
}

}  // namespace
}  // namespace symbiont
