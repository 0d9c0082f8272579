#pragma once
/// All that a run holds open: ledger, meter, intensity, the job's record and its lease.

#include <string>

#include "symbiont/base/error.h"
#include "symbiont/base/random.h"
#include "symbiont/carbon/intensity.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/jobs/job_file.h"
#include "symbiont/jobs/runner.h"
#include "symbiont/ledger/ledger.h"

namespace symbiont::jobs {

/// Members in the order they are opened. Move-only.
struct Session {
  JobSpec spec;
  std::filesystem::path home;
  std::filesystem::path trainer;
  ledger::Ledger ledger;
  energy::Monitor monitor;
  carbon::IntensitySeries intensity;
  ledger::Holder holder;
  ledger::Job job;
  ledger::History history;

  /// HOME, absolute and without symbolic links: paths in the ledger are below it.
  std::filesystem::path state_folder() const {
    std::error_code ignored;
    const std::filesystem::path absolute = std::filesystem::absolute(home, ignored);
    return std::filesystem::weakly_canonical(absolute, ignored);
  }

  /// What the workers of an attempt of this job write is in this folder.
  std::filesystem::path attempt_folder(ledger::Id attempt) const {
    return state_folder() / "jobs" / job.name / ("attempt-" + std::to_string(attempt));
  }
};

/// Opens everything and takes the job's lease. Creates the job when it is new; refuses one whose
/// identity changed (kFailedPrecondition naming the key) unless `restart_learning`.
Result<Session> open_session(const JobSpec& spec, const RunOptions& options);

/// What a run refuses before it changes anything; `--check` asks the same.
Result<void> check_trainer(const std::filesystem::path& trainer);
Result<void> check_same_meter(const ledger::Job& job, const energy::Monitor& monitor);
Result<void> check_same_identity(const ledger::History& history, const JobSpec& spec);

/// Says so when an unfinished run that goes on has another number of recurrences than asked for.
void warn_of_own_recurrences(const ledger::Run& unfinished, const JobSpec& spec,
                             const RunOptions& options);

/// "job:NAME".
std::string lease_name(const std::string& job);

/// This process as a lease holder.
ledger::Holder this_holder();

/// The tuner's state that a new history starts from.
Result<ledger::History> fresh_history(const JobSpec& spec, std::uint64_t seed);

/// Opens the meters of a job file.
Result<energy::Monitor> open_monitor(const JobSpec& spec);

/// Rows a worker trains on; checks every batch size against them.
Result<std::int64_t> check_data(const JobSpec& spec);

}  // namespace symbiont::jobs
