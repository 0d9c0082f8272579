#pragma once
/// Reading the energy that components have used.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/base/provenance.h"
#include "symbiont/base/units.h"

namespace symbiont::energy {

/// How a domain is read.
enum class DomainKind {
  kCounter,  ///< joules since some start
  kGauge,    ///< watts now
};

/// The component id of a whole machine: it covers every other of machine scope.
inline constexpr std::string_view kWholeMachine = "node";

/// One thing a meter can read, and which components it covers.
struct Domain {
  std::string name;  ///< stable, for reports and metrics: "package-0"
  DomainKind kind = DomainKind::kCounter;
  std::vector<std::string> covers;  ///< component ids; domains that share one are never added up
  std::string source;               ///< "rapl", "estimator", "replay"
  std::string about;                ///< for people: "NVIDIA A100-SXM4-40GB"; may be empty
  Provenance provenance = Provenance::kMeasured;
  Scope scope = Scope::kMachine;
  std::chrono::nanoseconds resolution{0};  ///< shorter intervals are uncertain by all they can hold
  /// The most it can draw, above 0. The sum over all domains is MAXPOWER of the cost model, which
  /// counts every second at that power: with 0, time would be free.
  Watts max_power;
  double relative_uncertainty = 0.0;  ///< half-width of the interval as a fraction: 0.4 = ±40 %
};

/// A domain that exists, or was asked for, but cannot be read.
struct Unavailable {
  std::string name;
  std::string source;
  std::string why;  ///< and what to do about it
};

/// A source of energy readings, such as RAPL.
/// Implementations are thread-safe: several windows may share one meter.
class Meter {
 public:
  virtual ~Meter() = default;

  /// The domains that can be read now. One that exists but cannot be is in `unavailable()`.
  virtual std::span<const Domain> domains() const = 0;
  virtual std::span<const Unavailable> unavailable() const = 0;

  /// Microjoules used by `domain` (an index into `domains()`) since an arbitrary start. Never
  /// decreases: wraps and resets are hidden here. kPermissionDenied or kUnavailable when the source
  /// has become unreadable.
  virtual Result<std::int64_t> read_uj(std::size_t domain) = 0;

  /// The same as it was at `time` of a monotonic clock, not later than now: of what shows watts,
  /// for reading it may take a while. What counts joules says what it counts when it is read.
  virtual Result<std::int64_t> read_uj_at(std::size_t domain, std::chrono::nanoseconds /*time*/) {
    return read_uj(domain);
  }

  /// Half-width, in microjoules, by which `read_uj` may be off since that same start, beside
  /// `Domain::relative_uncertainty`: holes, and power that changed between samples. Never
  /// decreases.
  virtual std::int64_t uncertainty_uj(std::size_t /*domain*/) { return 0; }

  /// Which process tree a meter of process scope speaks of from now on. Others ignore it.
  virtual void attach(int /*pid*/) {}
  /// That the job is at `fraction` (0..1) of `epoch` (1-based) at `batch_size`: what moves a
  /// replayed trace. Others ignore it.
  virtual void progress(std::int64_t /*batch_size*/, std::int64_t /*epoch*/, double /*fraction*/) {}
  /// The time that its energy belongs to, where that is not the system's; else nullptr.
  virtual const Clock* own_clock() const { return nullptr; }
};

}  // namespace symbiont::energy
