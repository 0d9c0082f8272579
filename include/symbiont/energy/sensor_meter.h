#pragma once
/// Raw sensors made into a meter: counters by the rules of RaplCounter, gauges by those of
/// GaugeIntegral, sampled by a thread so that nothing happens unseen between two readings.
///
/// What differs between hwmon, NVML, perf and the others is only how sensors are found and how one
/// is asked. Each is a function that returns a SensorSet; this class does the rest.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/energy/gauge_integral.h"
#include "symbiont/energy/meter.h"
#include "symbiont/energy/rapl_counter.h"

namespace symbiont::energy {

/// Something that can be asked for a number. One thread at a time.
class Sensor {
 public:
  virtual ~Sensor() = default;

  /// Microjoules of a counter, microwatts of a gauge. kPermissionDenied, kNotFound when it is
  /// gone, or kUnavailable, saying what to do about it.
  virtual Result<std::int64_t> read() = 0;
};

/// A sensor, what it speaks of, and what can be believed of it.
struct SensorChannel {
  Domain domain;                      ///< its `kind` says what `sensor` returns
  Watts believable{1000.0};           ///< more is taken for nonsense; at least domain.max_power
  std::int64_t counter_range_uj = 0;  ///< where a counter wraps; 0: unknown
  bool counter_may_wrap = false;      ///< of unknown range: false if it is too wide ever to wrap
  std::chrono::nanoseconds counter_lag{0};  ///< how far a counter may be behind
  std::unique_ptr<Sensor> sensor;
};

/// What a search found.
struct SensorSet {
  std::vector<SensorChannel> channels;
  std::vector<Unavailable> unavailable;
};

/// When sensors are asked.
struct Sampling {
  /// By the thread, above 0: of gauges, and of counters that cannot wrap, these at most once a
  /// second. A counter that wraps sets its own: half of the shortest time in which it can, at most
  /// 5 s, for at a reset what was used since the last look is lost.
  std::chrono::nanoseconds period{0};
  /// Whether `read_uj` asks the sensor too. False where that takes long: a gauge's last power then
  /// counts on until the thread asks again.
  bool at_reading = true;
  bool in_background = true;  ///< false: there is no thread, and `sample` is called from outside
};

/// Domains are those of the set, less those whose first reading failed: they are in
/// `unavailable()`. Energy counts from the construction on. Thread-safe.
class SensorMeter final : public Meter {
 public:
  /// `clock` must outlive the meter.
  SensorMeter(SensorSet sensors, Sampling sampling, const Clock& clock);
  ~SensorMeter() override;
  SensorMeter(const SensorMeter&) = delete;
  SensorMeter& operator=(const SensorMeter&) = delete;

  std::span<const Domain> domains() const override { return domains_; }
  std::span<const Unavailable> unavailable() const override { return unavailable_; }
  /// The sensor's error when it cannot be read now. But a counter forgets nothing: unless it is
  /// gone (kNotFound) or denied, its total stands, with more uncertainty, for 30 s after the last
  /// good reading, and the next one counts what was used meanwhile.
  Result<std::int64_t> read_uj(std::size_t domain) override;
  Result<std::int64_t> read_uj_at(std::size_t domain, std::chrono::nanoseconds time) override;
  std::int64_t uncertainty_uj(std::size_t domain) override;

  /// Asks every sensor once, as the thread does. What fails is reported by the next reading.
  void sample();
  /// How often the thread samples: the shortest that any domain asks for. Nothing without a thread.
  std::optional<std::chrono::nanoseconds> sampling_period() const;
  /// Time of a gauge that is in no sum. 0 for a counter, which spans its own holes.
  std::chrono::nanoseconds missing(std::size_t domain);

 private:
  struct Channel {
    std::unique_ptr<Sensor> sensor;
    std::variant<RaplCounter, GaugeIntegral> energy;
    std::optional<Error> failure;        // of the last attempt
    std::vector<std::string_view> said;  // doubts that were logged; they are literals
  };

  void add(SensorChannel channel);
  void record(std::size_t domain, const Result<std::int64_t>& value);
  void warn_once(std::size_t domain, std::string_view doubt);
  Result<void> ask(std::size_t domain);
  Result<void> hold(std::size_t domain);
  bool bridges(std::size_t domain, const Error& error);
  void run(const std::stop_token& stop);

  const Clock& clock_;
  const Sampling sampling_;
  std::chrono::nanoseconds thread_period_ = std::chrono::nanoseconds::max();
  std::vector<Domain> domains_;
  std::vector<Unavailable> unavailable_;

  std::mutex asking_;              // held while a sensor is asked; taken before mutex_
  std::mutex mutex_;               // guards channels_, but for their sensors
  std::vector<Channel> channels_;  // one for each domain
  std::condition_variable_any wake_;
  std::jthread sampler_;  // last: it ends before what it uses
};

}  // namespace symbiont::energy
