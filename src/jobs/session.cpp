#include "jobs/session.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "jobs/carbon_source.h"
#include "symbiont/base/clock.h"
#include "symbiont/base/file.h"
#include "symbiont/base/host.h"
#include "symbiont/base/log.h"
#include "symbiont/base/subprocess.h"
#include "symbiont/data/dataset.h"
#include "symbiont/tune/draws.h"
#include "symbiont/tune/policy.h"

namespace symbiont::jobs {
namespace {

constexpr std::chrono::seconds kLeaseLifetime{60};  ///< for holders on hosts we cannot look into

Result<void> create_job(Session& session, std::uint64_t seed) {
  ledger::Job job;
  job.name = session.spec.name;
  job.meters = session.monitor.describe();
  job.provenance = session.monitor.provenance();
  job.scope = session.monitor.scope();
  job.max_power = session.monitor.max_power();
  job.seed = seed;
  SYM_ASSIGN_OR_RETURN(const ledger::History first, fresh_history(session.spec, seed));
  SYM_ASSIGN_OR_RETURN(session.job,
                       session.ledger.create_job(job, first, system_clock().wall_now()));
  SYM_ASSIGN_OR_RETURN(session.history, session.ledger.current_history(session.job.id));
  return {};
}

Result<void> restart_learning(Session& session, const RunOptions& options) {
  SYM_ASSIGN_OR_RETURN(const auto unfinished, session.ledger.unfinished_run(session.job.id));
  if (unfinished) {
    SYM_RETURN_IF_ERROR(session.ledger.bury_dead_incarnations(unfinished->id));
    SYM_RETURN_IF_ERROR(session.ledger.finish_run(unfinished->id, ledger::RunStatus::kFailed,
                                                  system_clock().wall_now()));
  }
  const std::uint64_t seed = options.seed.value_or(session.spec.seed);
  SYM_ASSIGN_OR_RETURN(const ledger::History fresh, fresh_history(session.spec, seed));
  SYM_ASSIGN_OR_RETURN(session.history, session.ledger.start_history(session.job.id, fresh));
  return {};
}

/// Finds or creates the job's record and its history. The lease is held by now.
Result<void> open_job(Session& session, const RunOptions& options) {
  SYM_ASSIGN_OR_RETURN(const auto known, session.ledger.find_job(session.spec.name));
  if (!known) {
    return create_job(session, options.seed.value_or(session.spec.seed));
  }
  session.job = *known;
  SYM_RETURN_IF_ERROR(check_same_meter(session.job, session.monitor));
  if (options.restart_learning) {
    return restart_learning(session, options);
  }
  SYM_ASSIGN_OR_RETURN(session.history, session.ledger.current_history(session.job.id));
  if (options.seed && *options.seed != session.history.seed) {
    log::warning(
        fmt::format("job \"{}\" keeps the seed it learned with ({}); a new one takes "
                    "--restart-learning",
                    session.job.name, session.history.seed));
  }
  return check_same_identity(session.history, session.spec);
}

/// Workers are told of their folders below home, and tell of files there, in JSON.
Result<void> check_home(const std::filesystem::path& home) {
  std::error_code ignored;
  const std::string path = std::filesystem::absolute(home, ignored).string();
  const nlohmann::json word(path);
  const auto replace = nlohmann::json::error_handler_t::replace;
  if (nlohmann::json::parse(word.dump(-1, ' ', false, replace)) == word) {
    return {};
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("home \"{}\": the path is not UTF-8; choose another with --home", path));
}

Result<void> check_trainer(const std::filesystem::path& trainer) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(trainer, ignored);
  if (!is_folder && ::access(trainer.c_str(), X_OK) == 0) {
    return {};
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("trainer \"{}\" cannot be executed: {}. It is in the package "
                          "symbiont-trainer-torch; SYMBIONT_TRAINER_TORCH names another place",
                          trainer.string(), is_folder ? "it is a folder" : std::strerror(errno)));
}

Result<void> check_supervisor(const std::filesystem::path& supervisor) {
  if (::access(supervisor.c_str(), X_OK) == 0) {
    return {};
  }
  return fail(
      ErrorCode::kNotFound,
      fmt::format("\"{}\" cannot be executed: {}. It runs plain commands and belongs beside "
                  "the program symbiont",
                  supervisor.string(), std::strerror(errno)));
}

/// Whether there is such a program. What has a slash is relative to where it will run.
Result<void> check_program(const JobSpec& spec) {
  const std::string& program = spec.own_command().front();
  const bool is_path = program.find('/') != program.npos;
  Error error(ErrorCode::kNotFound, "");
  if (is_path) {
    const std::filesystem::path file = job_folder(spec) / program;
    if (::access(file.c_str(), X_OK) == 0) {
      return {};
    }
    error = errno_error(errno, file.string());
  } else if (const auto found = find_program(program); !found) {
    error = found.error();
  } else {
    return {};
  }
  return tl::unexpected(std::move(error).while_doing(spec.file.string() + ": [train] command"));
}

/// Home is made for a ledger that lives there; for another, when the first attempt needs it.
Result<ledger::Ledger> open_ledger(const RunOptions& options) {
  if (!options.ledger_url.empty()) {
    return ledger::Ledger::open(options.ledger_url);
  }
  SYM_RETURN_IF_ERROR(symbiont::create_directories(options.home));
  return ledger::Ledger::open(ledger_path(options.home).string());
}

Result<void> take_lease(Session& session) {
  const WallTime now = system_clock().wall_now();
  const auto gone = [&](const ledger::Lease& lease) { return is_gone(lease, now); };
  return session.ledger.acquire_lease(lease_name(session.spec.name), session.holder, now, gone);
}

}  // namespace

bool is_gone(const ledger::Lease& lease, WallTime now) {
  const ledger::Holder self = this_holder();
  if (lease.holder.host != self.host) {
    return now - lease.heartbeat > kLeaseLifetime;
  }
  if (lease.holder.boot_id != self.boot_id) {
    return true;
  }
  const auto process = identify_process(static_cast<pid_t>(lease.holder.pid));
  return !process || process->start_ticks != lease.holder.start_ticks;
}

std::filesystem::path job_folder(const JobSpec& spec) {
  return std::filesystem::absolute(spec.file).parent_path();
}

Result<void> check_worker(const JobSpec& spec, const RunOptions& options) {
  if (spec.own_command().empty()) {
    return check_trainer(options.trainer);
  }
  if (spec.plain() != nullptr) {
    SYM_RETURN_IF_ERROR(check_supervisor(options.supervisor));
  }
  return check_program(spec);
}

Result<void> check_same_meter(const ledger::Job& job, const energy::Monitor& monitor) {
  if (job.scope == monitor.scope() && job.provenance == monitor.provenance()) {
    return {};
  }
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("job \"{}\" was created with energy {}, now it would be {}; figures of "
                          "different kinds are never compared. Name the meter of its creation in "
                          "[energy] meters, or give the job a new name",
                          job.name, job.meters, monitor.describe()));
}

Result<void> check_same_identity(const ledger::History& history, const JobSpec& spec) {
  const auto difference = identity_difference(history.identity, spec.identity());
  if (!difference) {
    return {};
  }
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("{}: the job has changed since it learned: {}. Restore the key, or start "
                          "a new history with --restart-learning",
                          spec.file.string(), *difference));
}

void warn_of_own_recurrences(const ledger::Run& unfinished, const JobSpec& spec,
                             const RunOptions& options) {
  if (options.recurrences.value_or(spec.recurrences) != unfinished.recurrences) {
    log::warning(fmt::format(
        "run {} is unfinished and goes on with its own number of recurrences, {}; {} counts for "
        "a new run",
        unfinished.id, unfinished.recurrences,
        options.recurrences ? "--recurrences" : "[job] recurrences"));
  }
}

std::string lease_name(const std::string& job) {
  return "job:" + job;
}

ledger::Holder this_holder() {
  ledger::Holder holder;
  holder.pid = ::getpid();
  holder.host = host_name();
  holder.boot_id = boot_id();
  if (const auto identity = identify_process(::getpid())) {
    holder.start_ticks = identity->start_ticks;
  }
  return holder;
}

Result<ledger::History> fresh_history(const JobSpec& spec, std::uint64_t seed) {
  SYM_ASSIGN_OR_RETURN(const auto controller,
                       tune::RecurrenceController::create(spec.policy_config()));
  ledger::History history;
  history.identity = spec.identity();
  history.policy = controller.save();
  history.draws = Random(derive_seed(seed, "tune")).state();
  history.seed = seed;
  return history;
}

Result<energy::Monitor> open_monitor(const JobSpec& spec) {
  energy::MonitorOptions options;
  options.meters = spec.meters;
  options.sysroot = spec.sysroot;
  options.curve = spec.curve;
  options.threads = spec.threads;
  auto monitor = energy::Monitor::open(options);
  if (!monitor) {
    return tl::unexpected(std::move(monitor).error().while_doing(spec.place("energy", "meters")));
  }
  return monitor;
}

Result<std::optional<std::int64_t>> check_data(const JobSpec& spec) {
  if (spec.data_set.empty()) {
    return std::optional<std::int64_t>();
  }
  data::DataOptions options;
  options.set = spec.data_set;
  options.limit = spec.data_limit;
  auto rows = data::training_rows(options);
  if (!rows) {
    const bool damaged = rows.error().code() == ErrorCode::kDataLoss;  // bad input like any other
    return tl::unexpected(
        Error(damaged ? ErrorCode::kInvalidArgument : rows.error().code(), rows.error().message())
            .while_doing(spec.place("data", "set")));
  }
  for (const std::int64_t size : spec.batch_sizes) {
    if (size > *rows) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: {} is larger than the training set ({} rows)",
                              spec.place("train", "batch_sizes"), size, *rows));
    }
  }
  return std::optional(*rows);
}

Result<Session> open_session(const JobSpec& spec, const RunOptions& options) {
  SYM_RETURN_IF_ERROR(check_home(options.home));
  SYM_RETURN_IF_ERROR(check_worker(spec, options));
  SYM_RETURN_IF_ERROR(check_data(spec));
  SYM_ASSIGN_OR_RETURN(energy::Monitor monitor, open_monitor(spec));
  SYM_ASSIGN_OR_RETURN(carbon::IntensitySeries intensity, open_intensity(spec));
  SYM_ASSIGN_OR_RETURN(ledger::Ledger opened, open_ledger(options));
  Session session{spec,
                  options.home,
                  spec.plain() != nullptr ? options.supervisor : options.trainer,
                  std::move(opened),
                  std::move(monitor),
                  std::move(intensity),
                  this_holder(),
                  {},
                  {}};
  SYM_RETURN_IF_ERROR(take_lease(session));
  if (auto job = open_job(session, options); !job) {
    // The refusal is the news; a lease that could not be given back dies with this process anyway.
    (void)session.ledger.release_lease(lease_name(spec.name), session.holder);
    return tl::unexpected(std::move(job).error());
  }
  return session;
}

}  // namespace symbiont::jobs
