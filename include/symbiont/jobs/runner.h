#pragma once
/// The recurrence loop: the main job, from the job file to the ledger.
///
///   decide (tune) -> train under leases (train), every slice measured (energy) -> grams (carbon)
///   -> ledger, durable -> observe (tune) -> next
///
/// Kill it at any moment and call it again: it resumes at the last checkpoint, no finished epoch is
/// lost or counted twice, and what the killed process had spent is booked as lost.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "symbiont/base/error.h"
#include "symbiont/jobs/job_file.h"
#include "symbiont/ledger/ledger.h"
#include "symbiont/train/attempt.h"

namespace symbiont::jobs {

/// What the caller decides beside the job file.
struct RunOptions {
  std::filesystem::path home;               ///< state lives here; created when absent
  std::string ledger_url;                   ///< empty: HOME/ledger.sqlite
  std::filesystem::path trainer;            ///< the trainer program
  std::filesystem::path supervisor;         ///< the program that runs plain commands
  std::optional<std::int64_t> recurrences;  ///< instead of the file's
  std::optional<std::uint64_t> seed;        ///< instead of the file's; only when learning starts
  bool restart_learning = false;
  /// Asked often; true ends the run as interrupted after a checkpoint.
  std::function<bool()> interrupted = [] { return false; };
};

/// How an invocation ended.
struct RunOutcome {
  enum class Kind {
    kFinished,     ///< every recurrence reached the target
    kUnreached,    ///< a recurrence ended unreached; `message` says which and why
    kFailed,       ///< a worker failed four times; the ledger can be resumed
    kInterrupted,  ///< asked to stop; can be resumed
  };
  Kind kind = Kind::kFinished;
  ledger::Id run = 0;
  bool resumed = false;
  std::string message;
};
/// "finished", "unreached", "failed", "interrupted".
std::string_view to_string(RunOutcome::Kind kind);

/// Told what happens: progress bars, event logs, metrics, traces. Calls come from the runner's
/// thread, in order; what was told is in the ledger already.
class RunListener {
 public:
  virtual ~RunListener() = default;

  virtual void on_run(const ledger::Job& /*job*/, const ledger::Run& /*run*/, bool /*resumed*/) {}
  /// `position`: which recurrence of its kind in this run it is, 1-based.
  virtual void on_attempt(const ledger::Recurrence& /*recurrence*/,
                          const ledger::Attempt& /*attempt*/, std::int64_t /*position*/) {}
  /// A worker process of the attempt is about to start.
  virtual void on_worker(const ledger::Incarnation& /*worker*/) {}
  /// It is ready to train; `startup` was spent from its start to here.
  virtual void on_ready(const train::Hello& /*hello*/, const Usage& /*startup*/) {}
  virtual void on_progress(const train::Progress& /*progress*/) {}
  virtual void on_epoch(const ledger::Epoch& /*epoch*/) {}
  virtual void on_checkpoint(const ledger::CheckpointRecord& /*checkpoint*/) {}
  /// It has written its final weights; `closing` was spent on them, in no epoch.
  virtual void on_closed(const Usage& /*closing*/) {}
  /// It has ended. `lost` led to no recorded epoch.
  virtual void on_worker_ended(const std::string& /*how*/, const Usage& /*lost*/) {}
  /// A worker failed and is tried again.
  virtual void on_retry(const std::string& /*reason*/) {}
  virtual void on_attempt_finished(const ledger::AttemptResult& /*result*/) {}
  virtual void on_run_ended(const RunOutcome& /*outcome*/) {}
  /// The invocation ends with an error instead: `run_job` is about to return it.
  virtual void on_error(const Error& /*error*/) {}
};

/// Tells several listeners, in the order given.
class RunListeners final : public RunListener {
 public:
  /// The listener must outlive this.
  void add(RunListener& listener) { listeners_.push_back(&listener); }

  void on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) override;
  void on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                  std::int64_t position) override;
  void on_worker(const ledger::Incarnation& worker) override;
  void on_ready(const train::Hello& hello, const Usage& startup) override;
  void on_progress(const train::Progress& progress) override;
  void on_epoch(const ledger::Epoch& epoch) override;
  void on_checkpoint(const ledger::CheckpointRecord& checkpoint) override;
  void on_closed(const Usage& closing) override;
  void on_worker_ended(const std::string& how, const Usage& lost) override;
  void on_retry(const std::string& reason) override;
  void on_attempt_finished(const ledger::AttemptResult& result) override;
  void on_run_ended(const RunOutcome& outcome) override;
  void on_error(const Error& error) override;

 private:
  std::vector<RunListener*> listeners_;
};

/// Whether the holder of a lease no longer runs. Of one on another host only its silence tells.
bool is_gone(const ledger::Lease& lease, WallTime now);

/// Where things are below HOME.
std::filesystem::path ledger_path(const std::filesystem::path& home);

/// Runs the job: finishes its unfinished run, or performs a new one.
/// Errors: kInvalidArgument and kFailedPrecondition for what the user must change (a bad job file,
/// a changed one, a missing data set), kAborted when another runner holds the job, else what broke.
Result<RunOutcome> run_job(const JobSpec& spec, const RunOptions& options, RunListener& listener);

/// What a run would do, for `--check`: every input is opened and validated, nothing is changed.
struct RunPlan {
  JobSpec spec;
  std::string meters;  ///< "modelled ±40 %, this process"
  double max_power_w = 0.0;
  std::optional<std::int64_t> training_rows;  ///< absent: only the command knows its data
  std::int64_t recurrences = 0;    ///< an unfinished run's own number when it is continued
  std::int64_t baseline_runs = 0;  ///< likewise
  bool resumes = false;            ///< an unfinished run is continued
  std::int64_t learned_from = 0;   ///< recurrences this history has seen
  std::int64_t exploring_recurrences_at_most = 0;
  std::optional<double> best_cost_j;               ///< of a completed recurrence so far
  std::optional<double> exploring_cost_j_at_most;  ///< that many, each stopped at its bound
};
Result<RunPlan> plan_job(const JobSpec& spec, const RunOptions& options);

}  // namespace symbiont::jobs
