#pragma once
/// A recorded trace in place of a meter and a clock: joules and seconds per batch size and epoch.
///
/// The file is CSV with the columns `batch_size`, `epoch`, `time_s`, `energy_j`. Epochs of a batch
/// size count from 1 without gaps, in any order of rows; the highest one stands for all later ones.
/// Decimals are kept to the microjoule and the nanosecond.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/csv.h"
#include "symbiont/base/error.h"
#include "symbiont/energy/meter.h"

namespace symbiont::energy {

/// What one epoch took when it was recorded.
struct RecordedEpoch {
  std::chrono::nanoseconds time{0};
  std::int64_t energy_uj = 0;

  friend bool operator==(const RecordedEpoch&, const RecordedEpoch&) = default;
};

/// A parsed trace. A value; thread-safe to read.
class ReplayTrace {
 public:
  /// kInvalidArgument naming line and column for: a batch size or epoch below 1, a time that is not
  /// positive or above 1e7 s, an energy that is negative or above 1e10 J, an epoch listed twice or
  /// missing; and for a trace without rows.
  static Result<ReplayTrace> parse(const CsvTable& table);
  static Result<ReplayTrace> load(const std::filesystem::path& path);

  /// The entry that speaks for `epoch` (1-based). kNotFound naming the file and the batch sizes it
  /// has; kInvalidArgument when epoch < 1.
  Result<RecordedEpoch> find(std::int64_t batch_size, std::int64_t epoch) const;

  /// The largest mean power of an entry.
  Watts max_power() const { return max_power_; }

 private:
  std::string source_;
  std::map<std::int64_t, std::vector<RecordedEpoch>> epochs_;  // by batch size
  Watts max_power_;
};

/// Plays a trace: a meter with the one domain "trace", and the clock that belongs to it. Both move
/// only by `advance`. Thread-safe.
class ReplayDevice final : public Meter, public Clock {
 public:
  /// The trace begins at civil time `wall_start`.
  ReplayDevice(ReplayTrace trace, WallTime wall_start);

  /// The job has done `fraction` (clamped to 0..1) of `epoch` at `batch_size`. Energy and time of
  /// the pass so far are that fraction of the entry, rounded; at 1 they are exactly the entry.
  /// Another batch size or epoch, or a smaller fraction, begins a new pass through that epoch,
  /// which adds to all before: report the start of an epoch (fraction 0) too, since the same
  /// position twice adds nothing. Errors of ReplayTrace::find, or kOutOfRange when the counter is
  /// full; then every reading fails with it until a later call succeeds.
  Result<void> advance(std::int64_t batch_size, std::int64_t epoch, double fraction);

  /// A new attempt: the next `advance` begins a new pass, whatever it names.
  void begin_attempt();

  std::span<const Domain> domains() const override { return domains_; }
  std::span<const Unavailable> unavailable() const override { return {}; }
  Result<std::int64_t> read_uj(std::size_t domain) override;
  /// As `begin_attempt`.
  void attach(int pid) override;
  /// As `advance`; a position that the trace lacks is reported by the next reading.
  void progress(std::int64_t batch_size, std::int64_t epoch, double fraction) override;
  const Clock* own_clock() const override { return this; }

  std::chrono::nanoseconds now() const override;
  WallTime wall_now() const override;

 private:
  struct Position {
    std::int64_t batch_size = 0;
    std::int64_t epoch = 0;
    double fraction = 0.0;
  };
  bool continues(const Position& position) const;

  const ReplayTrace trace_;
  const std::vector<Domain> domains_;
  const WallTime wall_start_;

  mutable std::mutex mutex_;  // guards all below
  std::optional<Position> position_;
  RecordedEpoch before_;  // sum of all passes but the current one
  RecordedEpoch pass_;    // the current pass so far
  std::optional<Error> failure_;
};

}  // namespace symbiont::energy
