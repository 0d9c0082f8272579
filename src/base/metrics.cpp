#include "symbiont/base/metrics.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "symbiont/base/error.h"
#include "symbiont/base/version.h"

namespace symbiont {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

bool is_metric_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

/// Backslash and line break, and in the value of a label the quote too, end a token of the format.
std::string escaped(std::string_view text, bool in_label) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\\' || (in_label && c == '"')) {
      result += '\\';
      result += c;
    } else {
      result += c;
    }
  }
  return result;
}

std::string to_text(const MetricLabels& labels) {
  std::string text;
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escaped(value, true));
  }
  return text.empty() ? text : "{" + text + "}";
}

std::string to_text(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "+Inf" : "-Inf";
  }
  return fmt::format("{}", value);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

/// Field `number` (1-based) of /proc/self/stat; negative when it cannot be read.
double own_stat_field(int number) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');  // the name, field 2, may hold anything
  if (name_end == std::string::npos) {
    return -1.0;
  }
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int at = 3; at <= number; ++at) {
    fields >> field;
  }
  double value = -1.0;
  return std::istringstream(field) >> value ? value : -1.0;
}

/// Seconds since 1970 at which the system started; negative when it cannot be read.
double boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double value = -1.0;
    if (word == "btime" && file >> value) {
      return value;
    }
  }
  return -1.0;
}

}  // namespace

void Metric::add(const MetricLabels& labels, double amount) {
  SYM_CHECK(kind_ == MetricKind::kGauge || amount >= 0.0);
  const std::scoped_lock lock(mutex_);
  series_[to_text(labels)] += amount;
}

void Metric::set(const MetricLabels& labels, double value) {
  const std::scoped_lock lock(mutex_);
  series_[to_text(labels)] = value;
}

void Metric::remove(const MetricLabels& labels) {
  const std::scoped_lock lock(mutex_);
  series_.erase(to_text(labels));
}

std::string Metric::to_prometheus() const {
  const std::scoped_lock lock(mutex_);
  if (series_.empty()) {
    return {};
  }
  std::string text = fmt::format("# HELP {} {}\n# TYPE {} {}\n", name_, escaped(help_, false),
                                 name_, kind_ == MetricKind::kCounter ? "counter" : "gauge");
  for (const auto& [labels, value] : series_) {
    text += fmt::format("{}{} {}\n", name_, labels, to_text(value));
  }
  return text;
}

Metric& MetricRegistry::add(MetricKind kind, std::string name, std::string help) {
  SYM_CHECK(is_metric_name(name));
  const std::scoped_lock lock(mutex_);
  const auto [place, is_new] = by_name_.try_emplace(name, nullptr);
  SYM_CHECK(is_new);
  place->second = &metrics_.emplace_back(kind, std::move(name), std::move(help));
  return *place->second;
}

std::string MetricRegistry::to_prometheus() const {
  const std::scoped_lock lock(mutex_);
  std::string text;
  for (const Metric& metric : metrics_) {
    text += metric.to_prometheus();
  }
  return text;
}

ProcessMetrics::ProcessMetrics(MetricRegistry& registry)
    : cpu_seconds_(registry.add(MetricKind::kCounter, "process_cpu_seconds_total",
                                "Processor time of this program, without its workers.")),
      resident_memory_(registry.add(MetricKind::kGauge, "process_resident_memory_bytes",
                                    "Memory of this program in RAM.")),
      start_time_(registry.add(MetricKind::kGauge, "process_start_time_seconds",
                               "When this program started, in seconds since 1970.")) {
  registry.add(MetricKind::kGauge, "symbiont_build_info", "Always 1; the version is a label.")
      .set({{"version", std::string(version())}}, 1.0);
  refresh();
}

void ProcessMetrics::refresh() {
  rusage usage = {};
  if (::getrusage(RUSAGE_SELF, &usage) == 0) {
    cpu_seconds_.set({}, seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  }
  if (const double pages = own_stat_field(24); pages >= 0.0) {
    resident_memory_.set({}, pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  const double start_ticks = own_stat_field(22);
  const double boot = boot_time();
  if (start_ticks >= 0.0 && boot >= 0.0) {
    start_time_.set({}, boot + start_ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  }
}

}  // namespace symbiont
