#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "command.h"
#include "energy_command.h"
#include "foreground_command.h"
#include "symbiont/base/file.h"
#include "symbiont/carbon/emissions.h"
#include "symbiont/energy/cpu_time.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// As shells, env(1) and nohup(1) say it.
constexpr int kNotExecutable = 126;
constexpr int kNoSuchProgram = 127;
constexpr int kKilledBySignal = 128;

struct MeasureArguments {
  std::vector<std::string> command;
  double interval_s = 0.0;
  bool wait_all = false;
  bool json = false;
  std::string output;
  MeterOptions meters;
  std::string zone;
  std::string intensity_csv;
  std::optional<double> intensity_g_per_kwh;
  double pue = 1.0;
};

/// All that the report says.
struct Measurement {
  ExitStatus status;
  Seconds time;
  Seconds cpu_time;
  Result<std::vector<Usage>> usage;  ///< by domain
  std::optional<GramsCo2> emitted;
  std::vector<energy::LiveProcess> survivors;
  std::vector<energy::Domain> domains;
  std::string description;  ///< of the meters

  int exit_code() const {
    return status.signal != 0 ? kKilledBySignal + status.signal : status.exit_code;
  }
};

Usage sum_of(const std::vector<Usage>& usages) {
  Usage sum = usages.front();
  for (std::size_t i = 1; i < usages.size(); ++i) {
    sum.energy_uj += usages[i].energy_uj;
    sum.uncertainty_uj += usages[i].uncertainty_uj;
    sum.provenance = combine(sum.provenance, usages[i].provenance);
  }
  return sum;
}

// ---- what is asked for ----

Result<std::optional<carbon::IntensitySeries>> open_intensity(const MeasureArguments& arguments) {
  SYM_RETURN_IF_ERROR(carbon::check_pue(arguments.pue));
  using Series = Result<carbon::IntensitySeries>;
  const auto given = [&]() -> std::optional<Series> {
    if (!arguments.zone.empty()) return carbon::IntensitySeries::for_zone(arguments.zone);
    if (!arguments.intensity_csv.empty()) {
      return carbon::IntensitySeries::load_csv(arguments.intensity_csv);
    }
    if (arguments.intensity_g_per_kwh) {
      return carbon::IntensitySeries::constant(GramsPerKwh(*arguments.intensity_g_per_kwh));
    }
    return std::nullopt;
  }();
  if (!given) return std::nullopt;
  SYM_ASSIGN_OR_RETURN(carbon::IntensitySeries series, *given);
  return series;
}

fs::path absolute_with_real_folder(const fs::path& path) {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(fs::absolute(path).parent_path(), error);
  return folder / path.filename();
}

/// An open file by its number, as /dev/stdout is: what it leads to is not ours to replace.
bool is_open_file(const fs::path& path) {
  return path.native().starts_with("/proc/") && path.parent_path().filename() == "fd";
}

/// A document replaces its file as a whole, which only a regular file or a new one can be.
bool can_be_replaced(const fs::path& output) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::error_code error;
  fs::path path = absolute_with_real_folder(output);
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, error); ++i) {
    if (is_open_file(path)) return false;
    const fs::path target = fs::read_symlink(path, error);
    path = absolute_with_real_folder(path.parent_path() / target);
  }
  const fs::file_status status = fs::status(path, error);
  return fs::is_regular_file(status) || status.type() == fs::file_type::not_found;
}

/// Found out before the command runs, not after an hour of it.
Result<void> check_output(const std::string& output) {
  if (output.empty()) return {};
  const fs::path folder = fs::absolute(output).parent_path();
  const bool writable = ::access(folder.c_str(), W_OK) == 0 && !fs::is_directory(output);
  if (!writable) {
    return fail(ErrorCode::kInvalidArgument, "--output " + output + ": cannot be written");
  }
  if (can_be_replaced(output)) return {};
  return fail(
      ErrorCode::kInvalidArgument,
      "--output " + output + ": is no regular file; --json prints to standard output instead");
}

Result<energy::Monitor> open_monitor(const MeterOptions& meters) {
  for (const std::string& word : meters.meters) {
    if (word.starts_with("replay")) {
      return fail(ErrorCode::kInvalidArgument,
                  "--meter " + word + ": a replayed trace measures no command");
    }
  }
  energy::MonitorOptions options = meters.monitor_options();
  options.launched = true;
  return energy::Monitor::open(options);
}

// ---- what is said ----

Json json_of(const std::vector<energy::Domain>& domains, const std::vector<Usage>& usages) {
  Json list = Json::array();
  for (std::size_t i = 0; i < usages.size(); ++i) {
    list.push_back({{"name", domains[i].name},
                    {"energy_j", usages[i].energy().value()},
                    {"provenance", to_string(usages[i].provenance)}});
  }
  return list;
}

Json json_of(const std::vector<energy::LiveProcess>& processes) {
  Json list = Json::array();
  for (const energy::LiveProcess& process : processes) {
    list.push_back({{"pid", process.pid}, {"name", process.name}});
  }
  return list;
}

std::string json_of(const Measurement& measurement, const MeasureArguments& arguments) {
  Json document;
  document["command"] = arguments.command;
  document["time_s"] = measurement.time.value();
  document["cpu_time_s"] = measurement.cpu_time.value();
  for (const char* key : {"energy_j", "uncertainty_j", "provenance", "scope", "emitted_g"}) {
    document[key] = nullptr;
  }
  document["domains"] = Json::array();
  if (measurement.usage) {
    const Usage sum = sum_of(*measurement.usage);
    document["energy_j"] = sum.energy().value();
    document["uncertainty_j"] = sum.uncertainty().value();
    document["provenance"] = to_string(sum.provenance);
    document["scope"] = to_string(sum.scope);
    document["domains"] = json_of(measurement.domains, *measurement.usage);
  }
  if (measurement.emitted) document["emitted_g"] = measurement.emitted->value();
  document["exit_code"] = measurement.exit_code();
  document["signal"] = measurement.status.signal != 0 ? Json(measurement.status.signal) : Json();
  document["survivors"] = json_of(measurement.survivors);
  return to_text(document);
}

std::string energy_text(const Measurement& measurement) {
  const Usage sum = sum_of(*measurement.usage);
  std::string text = report::with_prefix(sum.energy().value(), "J");
  if (measurement.time > Seconds()) {
    text +=
        fmt::format(" ({})", report::with_prefix((sum.energy() / measurement.time).value(), "W"));
  }
  text += ", " + measurement.description;
  return sum.scope == Scope::kMachine ? text + " with all that ran on it" : text;
}

std::string text_of(const Measurement& measurement) {
  std::string text = fmt::format("symbiont: {:.3f} s, {:.3f} s of processor time",
                                 measurement.time.value(), measurement.cpu_time.value());
  if (measurement.usage) text += ", " + energy_text(measurement);
  if (measurement.emitted)
    text += ", " + report::with_prefix(measurement.emitted->value(), "g") + " CO2";
  text += '\n';
  if (!measurement.usage || measurement.usage->size() < 2) return text;
  for (std::size_t i = 0; i < measurement.usage->size(); ++i) {
    const Usage& usage = (*measurement.usage)[i];
    text +=
        fmt::format("symbiont:   {:<20} {:>9}  {}\n", measurement.domains[i].name,
                    report::with_prefix(usage.energy().value(), "J"), to_string(usage.provenance));
  }
  return text;
}

/// A process may call itself anything, bytes for the terminal included.
std::string printable(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c < ' ' || c >= 0x7f; }, '?');
  return name;
}

std::string warnings_of(const Measurement& measurement) {
  std::string text;
  if (!measurement.usage) text += "symbiont: " + measurement.usage.error().message() + "\n";
  for (const energy::LiveProcess& process : measurement.survivors) {
    text += fmt::format("symbiont: still running and no longer counted: {} ({})\n", process.pid,
                        printable(process.name));
  }
  return text;
}

/// The document or the text, and warnings in any case. False when the document did not arrive.
bool report(const Measurement& measurement, const MeasureArguments& arguments) {
  std::fputs(warnings_of(measurement).c_str(), stderr);
  if (!arguments.json && arguments.output.empty()) {
    std::fputs(text_of(measurement).c_str(), stderr);
    return true;
  }
  const std::string document = json_of(measurement, arguments);
  if (arguments.output.empty()) {
    std::fputs(document.c_str(), stdout);
    return true;
  }
  const auto written = write_file_atomically(arguments.output, document);
  if (!written) std::fprintf(stderr, "symbiont: %s\n", written.error().message().c_str());
  return written.has_value();
}

// ---- what is done ----

/// One line for each interval, with the power since the line before.
class IntervalLines {
 public:
  explicit IntervalLines(const energy::Window& window) : window_(window) {}

  void print() {
    const auto usage = window_.usage();
    if (!usage) {
      std::fprintf(stderr, "symbiont: %s\n", usage.error().message().c_str());
      return;
    }
    const Joules energy = usage->energy() - last_.energy();
    const Seconds time = usage->seconds() - last_.seconds();
    std::fprintf(stderr, "symbiont: %8.2f s  %9s  %9s\n", usage->seconds().value(),
                 report::with_prefix(usage->energy().value(), "J").c_str(),
                 report::with_prefix((energy / time).value(), "W").c_str());
    last_ = *usage;
  }

 private:
  const energy::Window& window_;
  Usage last_;
};

int code_of_start(const Error& error) {
  std::fprintf(stderr, "symbiont: %s\n", error.message().c_str());
  return error.code() == ErrorCode::kNotFound ? kNoSuchProgram : kNotExecutable;
}

std::optional<GramsCo2> emitted(const std::optional<carbon::IntensitySeries>& intensity,
                                const Result<std::vector<Usage>>& usage, WallTime begin,
                                double pue) {
  if (!intensity || !usage) return std::nullopt;
  const Usage sum = sum_of(*usage);
  const std::array intervals{carbon::EnergyInterval{begin, begin + sum.time, sum.energy()}};
  return carbon::emitted(intervals, *intensity, pue).grams;
}

Result<int> measure(const MeasureArguments& arguments) {
  if (arguments.command.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "energy measure: no command; it goes after \"--\", as in: symbiont energy measure "
                "-- make");
  }
  SYM_ASSIGN_OR_RETURN(const auto intensity, open_intensity(arguments));
  SYM_RETURN_IF_ERROR(check_output(arguments.output));
  ForegroundCommand command;  // before the meters: their threads must not take its signals
  SYM_ASSIGN_OR_RETURN(std::optional<energy::Monitor> monitor, open_monitor(arguments.meters));
  monitor->attach(::getpid());
  energy::LaunchedCpuTime cpu_time;
  cpu_time.follow(::getpid());
  const Clock& clock = system_clock();

  SYM_ASSIGN_OR_RETURN(const energy::Window window, monitor->open_window());
  const auto begin = clock.now();
  if (const auto started = command.start(arguments.command); !started) {
    return code_of_start(started.error());
  }
  IntervalLines lines(window);
  ForegroundOptions options;
  options.wait_all = arguments.wait_all;
  options.interval =
      std::chrono::nanoseconds(static_cast<std::int64_t>(arguments.interval_s * 1e9));
  options.on_interval = [&lines] { lines.print(); };
  Measurement measurement;
  measurement.status = command.wait(options);
  const auto end = clock.now();  // before the meter is read, which may take seconds
  measurement.time = to_seconds(end - begin);
  measurement.cpu_time = to_seconds(cpu_time.used());
  measurement.usage = window.usage_by_domain_at(end);
  measurement.emitted = emitted(intensity, measurement.usage, window.begin(), arguments.pue);
  measurement.domains = monitor->domains();
  measurement.description = monitor->describe();
  monitor.reset();  // a meter may have processes of its own, which are none of the command's
  measurement.survivors = energy::live_descendants();
  const bool reported = report(measurement, arguments);
  const int code = measurement.exit_code();
  return code == kDone && (!reported || !measurement.usage) ? kFailed : code;
}

void add_carbon_options(CLI::App& command, MeasureArguments& arguments) {
  auto* zone = command
                   .add_option("--zone", arguments.zone,
                               "Grams by a country's yearly average (ISO 3166 code)")
                   ->type_name("CODE");
  auto* csv = command
                  .add_option("--intensity-csv", arguments.intensity_csv,
                              "Grams by a series: timestamp,intensity_g_per_kwh")
                  ->type_name("FILE");
  auto* constant = command.add_option("--intensity-g-per-kwh", arguments.intensity_g_per_kwh,
                                      "Grams by a constant intensity");
  zone->excludes(csv)->excludes(constant);
  csv->excludes(constant);
  command
      .add_option("--pue", arguments.pue, "Power usage effectiveness of the building (default: 1)")
      ->check(CLI::Range(1.0, 10.0))
      ->check(refuse_not_a_number);
}

}  // namespace

void add_measure_command(CLI::App& energy, const std::vector<std::string>& measured,
                         int& exit_code) {
  CLI::App* command = energy.add_subcommand("measure", "Say what a command used");
  const auto arguments = std::make_shared<MeasureArguments>();  // shared with the callback
  arguments->command = measured;
  command
      ->add_option("--interval", arguments->interval_s,
                   "Print a line with joules and watts every so many seconds")
      ->check(CLI::Range(0.01, 1e6))
      ->check(refuse_not_a_number);
  command->add_flag("--wait-all", arguments->wait_all,
                    "Wait for everything that the command started, not only for itself");
  command->add_flag("--json", arguments->json,
                    "Print one JSON document after the command's output");
  command->add_option("--output", arguments->output, "Write the JSON document to this file instead")
      ->type_name("FILE");
  arguments->meters.add_sysroot_to(*command);
  arguments->meters.add_estimator_to(*command);
  add_carbon_options(*command, *arguments);
  command->footer(
      "Example:\n  symbiont energy measure --zone DE -- make -j2\n\n"
      "Exit codes:\n"
      "  N      the command's own\n"
      "  128+N  signal N ended the command\n"
      "  127    there is no such program\n"
      "  126    the program cannot be executed\n"
      "  2      misuse or bad input, before the command starts\n"
      "  1      the meter or the report failed");
  command->callback([arguments, &exit_code] {
    auto code = measure(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace symbiont::app
