#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "command.h"
#include "energy_command.h"
#include "symbiont/base/file.h"
#include "symbiont/base/host.h"
#include "symbiont/energy/calibration.h"

namespace symbiont::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr double kSampleSeconds = 0.5;
/// Meters that see the processors, the memory beside them, and nothing else.
constexpr const char* kTrusted[] = {"rapl", "perf"};
/// Above this part of the processors the sweep measured somebody else's work too.
constexpr double kMostOtherWork = 0.05;

struct CalibrateArguments {
  std::string out;
  bool json = false;
  std::string meter;  ///< empty: the first of kTrusted that can be read
  double seconds = 3.0;
  MeterOptions meters;
};

/// A curve and how it came about.
struct Calibration {
  energy::PowerCurve curve;
  int processors = 1;
  std::string machine;
  std::string date;
  std::string meter;
  std::optional<double> other_work;  ///< of the processors, 0..1; absent: not known
};

/// Time of all processors since boot, as /proc/stat has it.
struct MachineTime {
  double busy_s = 0.0;
  double total_s = 0.0;
};

std::optional<MachineTime> read_machine_time() {
  std::ifstream stat("/proc/stat");
  std::string word;
  stat >> word;
  if (word != "cpu") return std::nullopt;
  MachineTime time;
  double ticks = 0.0;
  // user nice system idle iowait irq softirq steal
  for (int field = 0; field < 8 && stat >> ticks; ++field) {
    const double seconds = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    time.total_s += seconds;
    if (field != 3 && field != 4) time.busy_s += seconds;
  }
  return time;
}

double own_cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

/// What others did on the processors between construction and the question.
class OtherWork {
 public:
  std::optional<double> share() const {
    const auto now = read_machine_time();
    if (!before_ || !now || now->total_s <= before_->total_s) return std::nullopt;
    const double own = own_cpu_seconds() - own_before_;
    return std::clamp((now->busy_s - before_->busy_s - own) / (now->total_s - before_->total_s),
                      0.0, 1.0);
  }

 private:
  std::optional<MachineTime> before_ = read_machine_time();
  double own_before_ = own_cpu_seconds();
};

std::string machine_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != line.npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

std::string csv_of(const Calibration& calibration) {
  std::string text = fmt::format(
      "# power of one processor, fitted by symbiont energy calibrate\n"
      "# machine: {}, {} processors\n# date: {}\n# meter: {}\n",
      calibration.machine, calibration.processors, calibration.date, calibration.meter);
  if (calibration.other_work) {
    text += fmt::format("# other work during the sweep: {:.1f} % of the processors\n",
                        100.0 * *calibration.other_work);
  }
  text += "utilisation,watts,uncertainty\n";
  for (const auto& point : calibration.curve.points()) {
    text += fmt::format("{:.6g},{:.6g},{:.3g}\n", point.utilisation, point.power.value(),
                        calibration.curve.uncertainty());
  }
  return text;
}

std::string json_of(const Calibration& calibration, const std::string& out) {
  Json points = Json::array();
  for (const auto& point : calibration.curve.points()) {
    points.push_back({{"utilisation", point.utilisation}, {"watts", point.power.value()}});
  }
  Json document;
  document["points"] = std::move(points);
  document["uncertainty"] = calibration.curve.uncertainty();
  document["processors"] = calibration.processors;
  document["machine"] = calibration.machine;
  document["date"] = calibration.date;
  document["meter"] = calibration.meter;
  document["other_work"] = calibration.other_work ? Json(*calibration.other_work) : Json(nullptr);
  document["out"] = out.empty() ? Json(nullptr) : Json(out);
  return to_text(document);
}

/// Nothing to calibrate with: what there is, and why it is not enough.
int report_infeasible(const Error& error, const MeterOptions& meters) {
  std::fprintf(stderr, "symbiont: no meter to calibrate with: %s\n", error.message().c_str());
  const auto survey = energy::survey_meters(meters.monitor_options());
  if (!survey) return kInfeasible;
  for (const energy::Unavailable& missing : survey->unavailable) {
    std::fprintf(stderr, "symbiont:   %s %s: %s\n", missing.source.c_str(), missing.name.c_str(),
                 missing.why.c_str());
  }
  return kInfeasible;
}

energy::Sweep sweep_of(const CalibrateArguments& arguments) {
  energy::Sweep sweep;
  sweep.samples = std::max(2, static_cast<int>(arguments.seconds / kSampleSeconds));
  sweep.sample_duration =
      std::chrono::nanoseconds(static_cast<std::int64_t>(arguments.seconds * 1e9) / sweep.samples);
  sweep.settling = sweep.sample_duration / 2;
  if (::isatty(STDERR_FILENO) == 1) {
    sweep.on_sample = [count = sweep.samples](double level, int sample) {
      std::fprintf(stderr, "\rload %3.0f %%, sample %d of %d\033[K", 100.0 * level, sample + 1,
                   count);
    };
  }
  return sweep;
}

struct Chosen {
  std::string meter;
  energy::Monitor monitor;
};

/// Whether it measures the processors, and perhaps the memory beside them, and nothing else.
bool measures_processors(const energy::Monitor& monitor) {
  const auto is_processor = [](const std::string& component) {
    return component.starts_with("package-");
  };
  return monitor.scope() == Scope::kMachine && monitor.provenance() == Provenance::kMeasured &&
         std::all_of(monitor.domains().begin(), monitor.domains().end(),
                     [&](const energy::Domain& domain) {
                       return std::all_of(domain.covers.begin(), domain.covers.end(), is_processor);
                     });
}

/// kUnavailable when there is nothing that could be trusted.
Result<Chosen> choose_meter(const CalibrateArguments& arguments) {
  energy::MonitorOptions options = arguments.meters.monitor_options();
  std::vector<std::string> words(std::begin(kTrusted), std::end(kTrusted));
  if (!arguments.meter.empty()) words = {arguments.meter};
  for (const std::string& word : words) {
    options.meters = {word};
    auto monitor = energy::Monitor::open(options);
    if (!monitor && monitor.error().code() == ErrorCode::kUnavailable) continue;
    if (!monitor) return tl::unexpected(monitor.error());
    if (measures_processors(*monitor)) return Chosen{word, *std::move(monitor)};
    return fail(ErrorCode::kUnavailable,
                word + " does not measure this machine's processors and no more");
  }
  return fail(ErrorCode::kUnavailable,
              words.size() > 1 ? fmt::format("neither {} can be read", fmt::join(words, " nor "))
                               : words.front() + " cannot be read");
}

Result<Calibration> calibrate(const Chosen& chosen, const CalibrateArguments& arguments) {
  energy::BusyProcessors load(available_processors());
  const OtherWork others;
  auto samples = energy::measure_load(chosen.monitor, load, sweep_of(arguments));
  if (::isatty(STDERR_FILENO) == 1) std::fputs("\r\033[K", stderr);
  if (!samples) return tl::unexpected(samples.error());
  SYM_ASSIGN_OR_RETURN(energy::PowerCurve curve, energy::fit_power_curve("calibrated", *samples));
  const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return Calibration{std::move(curve), load.processors(),
                     machine_name(),   fmt::format("{:%Y-%m-%d}", today),
                     chosen.meter,     others.share()};
}

Result<int> run(const CalibrateArguments& arguments) {
  const auto chosen = choose_meter(arguments);
  if (!chosen && chosen.error().code() == ErrorCode::kUnavailable) {
    return report_infeasible(chosen.error(), arguments.meters);
  }
  if (!chosen) return tl::unexpected(chosen.error());
  SYM_ASSIGN_OR_RETURN(const Calibration calibration, calibrate(*chosen, arguments));
  if (calibration.other_work.value_or(0.0) > kMostOtherWork) {
    std::fprintf(
        stderr,
        "symbiont: other work used %.0f %% of the processors meanwhile, and its joules are "
        "in the curve: calibrate an idle machine\n",
        100.0 * *calibration.other_work);
  }
  if (!arguments.out.empty()) {
    SYM_RETURN_IF_ERROR(write_file_atomically(arguments.out, csv_of(calibration)));
  }
  if (arguments.json) {
    std::fputs(json_of(calibration, arguments.out).c_str(), stdout);
  } else if (arguments.out.empty()) {
    std::fputs(csv_of(calibration).c_str(), stdout);
  } else {
    std::printf("%s: ±%.1f %%, use it with curve = \"csv:%s\"\n", arguments.out.c_str(),
                100.0 * calibration.curve.uncertainty(), arguments.out.c_str());
  }
  return kDone;
}

}  // namespace

void add_calibrate_command(CLI::App& energy, int& exit_code) {
  CLI::App* command = energy.add_subcommand(
      "calibrate",
      "Fit the estimator's curve to this machine, which needs a meter and no other work");
  const auto arguments = std::make_shared<CalibrateArguments>();  // shared with the callback
  command->add_option("--out", arguments->out, "Write the curve to this CSV file")
      ->type_name("FILE");
  command->add_flag("--json", arguments->json, "Print one JSON document");
  command->add_option("--meter", arguments->meter, "What to trust (default: rapl, else perf)")
      ->type_name("WORD");
  command
      ->add_option("--seconds", arguments->seconds,
                   "How long each of five loads is measured (default: 3)")
      ->check(CLI::Range(0.1, 600.0))
      ->check(refuse_not_a_number);
  arguments->meters.add_sysroot_to(*command);
  command->footer(
      "Example:\n  symbiont energy calibrate --out epyc.csv\n\n"
      "Exit codes:\n"
      "  0  done\n"
      "  1  the load could not be held, or the file not written\n"
      "  2  misuse or bad input\n"
      "  4  there is no meter to calibrate with");
  command->callback([arguments, &exit_code] {
    auto code = run(*arguments);
    exit_code = code ? *code : report_error(code.error());
  });
}

}  // namespace symbiont::app
