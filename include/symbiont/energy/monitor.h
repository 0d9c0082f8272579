#pragma once
/// What a job is measured with: a chosen set of disjoint domains and a clock.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/base/usage.h"
#include "symbiont/energy/meter.h"

namespace symbiont::energy {

/// Which meters, as in the [energy] table of a job file.
struct MonitorOptions {
  /// "auto" (measured if anything can be, else the estimator), "rapl", "perf", "nvml",
  /// "nvml:UUID[,...]", "hwmon", "hwmon:CHIP/LABEL[,...]", "command:PROGRAM", "ipmi",
  /// "redfish:URL", "estimator",
  /// "cgroup:PATH" (the estimator, over a control group), "replay:FILE".
  std::vector<std::string> meters = {"auto"};
  std::filesystem::path sysroot = "/";  ///< /sys and /proc are read below it
  std::string curve;                    ///< the estimator's: find_power_curve(); empty: its default
  int threads = 1;                      ///< processors the job occupies, for the estimator
  bool launched = false;                ///< the estimator counts all that this process launches
                          ///< (LaunchedCpuTime), not the tree below the process that is attached
};

/// What could be read on this machine, and what could not.
struct MeterSurvey {
  std::vector<Domain> domains;           ///< of every meter; they may cover the same things
  std::vector<Unavailable> unavailable;  ///< each with its reason and what to do
};

/// Looks for every meter that needs no argument ("rapl", "estimator", ...), whatever
/// `options.meters` says. Domain::source and Unavailable::source are the meter's name.
/// kInvalidArgument for a bad `curve` or `threads`.
Result<MeterSurvey> survey_meters(const MonitorOptions& options);

/// Energy and time since the window was opened. Windows may nest and overlap; each is a value that
/// may be moved. The Monitor must outlive it and stay where it is.
class Window {
 public:
  /// Usage up to now. May be asked again; later answers are never smaller. The uncertainty is the
  /// sum over the domains of Domain::relative_uncertainty of the energy and Meter::uncertainty_uj;
  /// while the window is shorter than Domain::resolution, at least max_power for all of it.
  Result<Usage> usage() const;
  /// The same by domain, as Monitor::domains() lists them, all of one moment.
  Result<std::vector<Usage>> usage_by_domain() const;
  /// The same as it was at `time` of Monitor::clock(), since the window was opened: what shows
  /// watts counts until then, however long it takes to read it (Meter::read_uj_at).
  Result<std::vector<Usage>> usage_by_domain_at(std::chrono::nanoseconds time) const;
  WallTime begin() const { return wall_begin_; }

 private:
  friend class Monitor;
  std::vector<Usage> usages(const std::vector<std::int64_t>& readings,
                            std::chrono::nanoseconds time) const;
  const class Monitor* monitor_ = nullptr;
  std::vector<std::int64_t> start_uj_;
  std::vector<std::int64_t> start_doubt_uj_;
  std::chrono::nanoseconds start_time_{0};
  WallTime wall_begin_;
};

/// A set of domains with disjoint cover and one scope, and the clock that goes with them.
/// Thread-safe but for `attach` and `progress`, which belong to the thread that runs the job.
class Monitor {
 public:
  /// kInvalidArgument for an unknown meter name or a bad replay file; kUnavailable, with each
  /// reason, when a meter that was asked for cannot be read. "auto" always finds something.
  static Result<Monitor> open(const MonitorOptions& options);

  /// Whether a word of MonitorOptions::meters names a meter, without opening it. kInvalidArgument
  /// listing those that exist.
  static Result<void> check_meter_name(std::string_view word);

  /// A word of MonitorOptions::meters with the relative path in it, if there is one, put below
  /// `folder`: "replay:FILE" becomes "replay:FOLDER/FILE". Any other word is returned as it is.
  static std::string resolve_meter_path(std::string_view word, const std::filesystem::path& folder);

  Monitor(Monitor&&) noexcept;
  Monitor& operator=(Monitor&&) noexcept;
  ~Monitor();

  const std::vector<Domain>& domains() const;
  const std::vector<Unavailable>& unavailable() const;
  Scope scope() const;
  Provenance provenance() const;
  /// Sum of the domains' maximum power: MAXPOWER of the cost model.
  Watts max_power() const;
  /// For people: "modelled ±40 %, this process".
  std::string describe() const;

  /// Real time, or the replayed trace's.
  const Clock& clock() const;

  /// Which process tree a process-scoped domain speaks of from now on: the worker's.
  void attach(int pid);
  /// Tells a replayed trace that the job is at `fraction` (0..1) of `epoch` (1-based) at
  /// `batch_size`. Other meters ignore it.
  void progress(std::int64_t batch_size, std::int64_t epoch, double fraction);

  Result<Window> open_window() const;

 private:
  friend class Window;
  struct State;
  explicit Monitor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::energy
