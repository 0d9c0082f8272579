#pragma once
/// The energy counters of Intel and AMD processors, as the kernel's powercap shows them.
///
/// Read below SYSROOT/sys/class/powercap: the packages, and the memory beside each. Their
/// subdomains `core` and `uncore` are parts of a package and never added; `psys` contains packages
/// and is left out. A zone shown by both intel-rapl and intel-rapl-mmio is one domain, the latter
/// preferred if it can be read.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/energy/meter.h"
#include "symbiont/energy/rapl_counter.h"

namespace symbiont::energy {

/// Machine scope, measured. Domains are named and cover "package-0", "package-0/dram".
/// `Domain::max_power` is the largest constraint_*_max_power_uw, else 4 times the largest
/// constraint_*_power_limit_uw, else 1000 W. Thread-safe. While it lives, a thread of its own
/// samples counters often enough that none can wrap twice unseen.
class RaplMeter final : public Meter {
 public:
  /// Looks for zones. Never fails: a machine without any, or with unreadable ones, has them in
  /// `unavailable()`, each with what to do. `clock` must outlive the meter.
  static std::unique_ptr<RaplMeter> open(const std::filesystem::path& sysroot, const Clock& clock);

  ~RaplMeter() override;
  RaplMeter(const RaplMeter&) = delete;
  RaplMeter& operator=(const RaplMeter&) = delete;

  std::span<const Domain> domains() const override { return domains_; }
  std::span<const Unavailable> unavailable() const override { return unavailable_; }
  Result<std::int64_t> read_uj(std::size_t domain) override;

  /// How often the thread samples: half of the shortest time in which a counter can wrap. Nothing
  /// when no counter tells its range; then there is no thread.
  std::optional<std::chrono::nanoseconds> sampling_period() const { return period_; }

 private:
  struct Zone;

  explicit RaplMeter(const Clock& clock);
  void add(const Zone& zone);
  Result<void> sample(std::size_t domain);
  void start_sampling();
  void run(const std::stop_token& stop);

  struct Source {
    std::filesystem::path energy_file;
    RaplCounter counter;
    bool warned = false;
  };

  const Clock& clock_;
  std::vector<Domain> domains_;
  std::vector<Unavailable> unavailable_;
  std::optional<std::chrono::nanoseconds> period_;

  std::mutex mutex_;             // guards sources_
  std::vector<Source> sources_;  // one for each domain
  std::condition_variable_any wake_;
  std::jthread sampler_;  // last: it ends before what it uses
};

}  // namespace symbiont::energy
