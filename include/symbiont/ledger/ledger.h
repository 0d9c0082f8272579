#pragma once
/// The ledger: what every job decided, ran, used and learned, in a database that survives kill -9.
///
/// job        a name and what identifies its learning
/// history    one stretch of learning of a job; --restart-learning starts the next
/// run        a series of recurrences; unfinished until `finish_run`, in whichever invocation
/// recurrence one training to the target: tuned (indexed over the job's life) or baseline
/// attempt    (recurrence, try): one batch size until it reached or was stopped
/// incarnation one process of an attempt
/// epoch      keyed (attempt, epoch), written once
///
/// Every method that changes something is one transaction: after a crash the ledger holds all of it
/// or nothing, but for `renew_lease` and `record_pending`, which a power failure (not a killed
/// process) may take back. An operation on something that does not exist is kNotFound, one that
/// comes too late (an ended incarnation, a finished attempt or run) kFailedPrecondition, a value
/// out of its range kInvalidArgument. Not thread-safe; several processes may share one file.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/clock.h"
#include "symbiont/base/error.h"
#include "symbiont/base/usage.h"

namespace symbiont::ledger {

using Id = std::int64_t;

/// What is fixed when a job is created.
struct Job {
  Id id = 0;
  std::string name;
  WallTime created;
  std::string meters;  ///< for people: "modelled ±40 %, this process"
  Provenance provenance = Provenance::kMeasured;
  Scope scope = Scope::kMachine;
  Watts max_power;         ///< MAXPOWER of the cost model
  std::uint64_t seed = 0;  ///< of its first history
};

/// One stretch of learning. `policy` and `draws` are the tuner's state after the last transaction.
struct History {
  Id id = 0;
  Id job = 0;
  std::int64_t number = 1;  ///< 1-based within the job
  std::string identity;     ///< JSON object of the keys that must not change
  std::string policy;       ///< serialised controller
  std::string draws;        ///< serialised generator
  std::uint64_t seed = 0;   ///< of its draws and of its workers
};

enum class RunStatus { kUnfinished, kFinished, kUnreached, kFailed };
/// "unfinished", "finished", "unreached", "failed".
std::string_view to_string(RunStatus status);

struct Run {
  Id id = 0;
  Id job = 0;
  Id history = 0;
  std::int64_t recurrences = 0;    ///< how many tuned recurrences it performs
  std::int64_t baseline_runs = 0;  ///< how many baseline recurrences, spread over it
  WallTime started;
  std::optional<WallTime> finished;
  RunStatus status = RunStatus::kUnfinished;
};

enum class RecurrenceKind { kTuned, kBaseline };
/// "tuned", "baseline".
std::string_view to_string(RecurrenceKind kind);

struct Recurrence {
  Id id = 0;
  Id run = 0;
  RecurrenceKind kind = RecurrenceKind::kTuned;
  std::int64_t index = 0;  ///< 1-based over the job's life, tuned and baseline counted apart
  bool finished = false;
  bool reached = false;
};

/// Why an attempt ended; the words of the commands.
enum class Stopped { kReached, kBound, kMaxEpochs, kDiverged, kInfeasible, kFailed, kInterrupted };
/// "reached", "bound", "max_epochs", "diverged", "infeasible", "failed", "interrupted".
std::string_view to_string(Stopped stopped);

struct Attempt {
  Id id = 0;
  Id recurrence = 0;
  int try_index = 1;  ///< 1-based within the recurrence
  std::int64_t batch_size = 0;
  double learning_rate = 0.0;
  std::int64_t max_epochs = 0;
  std::uint64_t seed = 0;            ///< what the worker's generator starts from
  std::optional<Joules> cost_bound;  ///< none: not bounded
  std::string why;                   ///< JSON object: the decision's reason
  std::optional<Stopped> stopped;    ///< none while it runs
  std::string reason;                ///< one line on how it ended
  std::optional<Joules> cost;        ///< as observed, once ended
  std::int64_t failures = 0;         ///< infrastructure failures so far
  std::string weights;               ///< trained weights, a path below HOME; empty: none
};

/// An epoch as it was measured, once.
struct Epoch {
  std::int64_t index = 0;  ///< 1-based
  double metric = 0.0;     ///< NaN when there was none
  double train_seconds = 0.0;
  double evaluation_seconds = 0.0;
  Usage usage;
  WallTime begin;
  WallTime end;
  std::optional<GramsCo2> emitted;
};

/// Where a resumed worker starts.
struct CheckpointRecord {
  std::string path;  ///< a directory
  std::int64_t epoch = 0;
  std::int64_t position = 0;
  Usage carried;  ///< spent inside the unfinished epoch; zero once that epoch is recorded
  /// What `carried` emitted when it was spent; none: not known.
  std::optional<GramsCo2> carried_emitted = std::nullopt;
};

/// One process of an attempt. Usage that led to no recorded epoch is `lost`.
struct Incarnation {
  Id id = 0;
  Id attempt = 0;
  int number = 1;
  WallTime started;
  bool ended = false;
  std::string how;  ///< "stopped", "failed: ...", "killed", "interrupted"
  Usage startup;
  Usage pending;  ///< spent since the last epoch or checkpoint, while it runs
  Usage lost;
};

/// An attempt with all that happened in it.
struct AttemptRecord {
  Attempt attempt;
  std::vector<Epoch> epochs;
  std::vector<Incarnation> incarnations;
  std::optional<CheckpointRecord> checkpoint;
};

struct RecurrenceRecord {
  Recurrence recurrence;
  std::vector<AttemptRecord> attempts;
};

/// The holder of a lease.
struct Holder {
  std::int64_t pid = 0;
  std::int64_t start_ticks = 0;  ///< tells a reused pid from the holder
  std::string host;
  std::string boot_id;
};

struct Lease {
  std::string name;
  Holder holder;
  WallTime heartbeat;
};

/// What `decide` writes: a new attempt, and with the first of a recurrence the recurrence itself.
struct Decision {
  Id run = 0;
  Id history = 0;
  RecurrenceKind kind = RecurrenceKind::kTuned;
  std::optional<Id> recurrence;  ///< none: open the next one of this kind
  Attempt attempt;               ///< id and recurrence are filled in
  std::string policy;            ///< tuner state after the decision; empty: unchanged (baseline)
  std::string draws;
};

/// What `finish_attempt` writes.
struct AttemptResult {
  Id attempt = 0;
  Id history = 0;
  Stopped stopped = Stopped::kReached;
  std::string reason;
  Joules cost;
  std::string weights;
  bool recurrence_finished = false;
  bool recurrence_reached = false;
  std::string policy;  ///< tuner state after the observation; empty: unchanged (baseline)
  std::string draws;
};

/// A problem that `check` found.
struct Finding {
  std::string where;  ///< "epoch 3 of attempt 12"
  std::string what;
};

class Ledger {
 public:
  /// How long every operation waits for another process's lock before it gives kAborted.
  static constexpr std::chrono::milliseconds kLockTimeout{5000};

  /// Opens or creates the ledger at `url`: a path, or "sqlite:PATH". Runs the migrations that are
  /// missing. kPermissionDenied for a read-only folder, kResourceExhausted when the disk is full,
  /// kAborted when another process keeps it locked for more than 5 s, kFailedPrecondition for a
  /// schema newer than this program's (nothing is changed then), kDataLoss for a damaged file,
  /// kUnimplemented for another scheme. The folder must exist.
  static Result<Ledger> open(std::string_view url,
                             std::chrono::milliseconds lock_timeout = kLockTimeout);
  /// As `open`, but never creates or changes anything: kNotFound when there is none.
  static Result<Ledger> open_read_only(std::string_view url,
                                       std::chrono::milliseconds lock_timeout = kLockTimeout);

  Ledger(Ledger&&) noexcept;
  Ledger& operator=(Ledger&&) noexcept;
  ~Ledger();

  // --- Jobs and histories ---
  Result<std::vector<Job>> jobs() const;
  Result<std::optional<Job>> find_job(std::string_view name) const;
  /// Creates the job and its first history. `id` and `created` are filled in.
  Result<Job> create_job(const Job& job, const History& first_history, WallTime now);
  /// The current (last) history of a job.
  Result<History> current_history(Id job) const;
  /// A history by its id. kNotFound when there is none.
  Result<History> find_history(Id history) const;
  /// Starts the next history; the old one stays for the record.
  Result<History> start_history(Id job, const History& history);

  // --- Leases ---
  /// Takes the lease if it is free or its holder is gone: `is_gone(lease)` decides. kAborted naming
  /// pid and host of the live holder otherwise.
  Result<void> acquire_lease(std::string_view name, const Holder& holder, WallTime now,
                             const std::function<bool(const Lease&)>& is_gone);
  /// kAborted when the lease has been taken over.
  Result<void> renew_lease(std::string_view name, const Holder& holder, WallTime now);
  /// Gives the lease up. Fine when it has been taken over: it stays with its new holder.
  Result<void> release_lease(std::string_view name, const Holder& holder);
  Result<std::vector<Lease>> leases() const;

  // --- Runs ---
  Result<std::optional<Run>> unfinished_run(Id job) const;
  Result<std::optional<Run>> last_run(Id job) const;
  Result<std::optional<Run>> find_run(Id run) const;
  Result<std::vector<Run>> runs(Id job) const;
  /// kFailedPrecondition while the job has an unfinished run.
  Result<Run> begin_run(Id job, Id history, std::int64_t recurrences, std::int64_t baseline_runs,
                        WallTime now);
  /// Ends a run. What checkpoints of its unfinished attempts still carry is lost with them.
  Result<void> finish_run(Id run, RunStatus status, WallTime now);

  // --- Attempts ---
  /// Opens an attempt together with the policy's state after deciding it.
  Result<Attempt> decide(const Decision& decision);
  Result<Incarnation> begin_incarnation(Id attempt, WallTime now);
  Result<void> record_startup(Id incarnation, const Usage& startup);
  /// What a crash now would lose. Cheap: not flushed to the disk at once.
  Result<void> record_pending(Id incarnation, const Usage& pending);
  /// Writes an epoch and clears the pending usage, and what the checkpoint before it carried: both
  /// are in the epoch's usage. kFailedPrecondition when it would leave a gap. False, and its usage
  /// is booked as lost, when that epoch of the attempt had been recorded before: nothing is
  /// replaced.
  Result<bool> record_epoch(Id attempt, Id incarnation, const Epoch& epoch);
  /// The attempt's newest checkpoint; clears the pending usage (it is in `carried`).
  Result<void> record_checkpoint(Id attempt, Id incarnation, const CheckpointRecord& checkpoint);
  /// The attempt goes on without the work inside an epoch that its checkpoint carried: that usage
  /// is lost, on the attempt's last incarnation. Nothing carried is fine.
  Result<void> lose_carried(Id attempt);
  /// Ends a process; its lost usage is added to what was lost before.
  Result<void> end_incarnation(Id incarnation, std::string_view how, const Usage& lost);
  /// Counts an infrastructure failure of the attempt (its last process failed). The new count.
  Result<std::int64_t> count_failure(Id attempt, std::string_view reason);
  /// Ends every process of the run that never ended (its runner was killed) as "killed": pending
  /// becomes lost. How many there were.
  Result<std::int64_t> bury_dead_incarnations(Id run);
  /// Ends the attempt together with the policy's state after observing it. What a checkpoint still
  /// carries led to no epoch: it is booked as lost on the attempt's last incarnation.
  Result<void> finish_attempt(const AttemptResult& result);

  // --- Reading ---
  /// Everything of a run, in order of execution.
  Result<std::vector<RecurrenceRecord>> recurrences_of_run(Id run) const;
  /// How many were ever opened, finished or not.
  /// One attempt with all that happened in it. kNotFound when there is none.
  Result<AttemptRecord> read_attempt(Id attempt) const;
  Result<std::int64_t> count_recurrences(Id job, RecurrenceKind kind) const;
  /// Mean usage of an epoch in each tuned attempt at this batch size in this history that had one,
  /// oldest first.
  Result<std::vector<Usage>> epoch_usages(Id history, std::int64_t batch_size) const;

  // --- Whole ---
  /// Consistency: the database's own check, foreign keys, and our invariants (src/ledger/README.md
  /// lists them). Empty when sound.
  Result<std::vector<Finding>> check() const;
  /// Every row as one JSON object per line: {"table": ..., ...columns}.
  Result<void> export_lines(const std::function<Result<void>(std::string_view)>& write) const;

 private:
  struct State;
  explicit Ledger(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace symbiont::ledger
