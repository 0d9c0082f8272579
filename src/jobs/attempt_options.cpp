#include "jobs/attempt_options.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "symbiont/train/supervisor.h"

namespace symbiont::jobs {
namespace {

using Words = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

Words torch_arguments(const Session& session) {
  const JobSpec& spec = session.spec;
  Words arguments = {session.worker.string(),
                     "--model",
                     spec.model,
                     "--data",
                     spec.data_set,
                     "--optimizer",
                     spec.optimizer,
                     "--threads",
                     std::to_string(spec.threads),
                     "--metric",
                     spec.target.metric};
  if (spec.data_limit) {
    arguments.insert(arguments.end(), {"--limit", std::to_string(*spec.data_limit)});
  }
  return arguments;
}

Words plain_arguments(const Session& session, const PlainSpec& plain,
                      const ledger::AttemptRecord& record) {
  train::SupervisorOptions options;
  options.command = plain.command;
  options.folder = job_folder(session.spec);
  options.metrics = plain.metrics;
  options.metric = session.spec.target.metric;
  options.first_epoch = plain.first_epoch;
  options.recorded = static_cast<std::int64_t>(record.epochs.size());
  options.resumed = record.checkpoint ? record.checkpoint->epoch : 0;
  options.stop_grace = plain.stop_grace;
  Words arguments = train::to_arguments(options);
  arguments.insert(arguments.begin(), session.worker.string());
  return arguments;
}

Words command_arguments(const JobSpec& spec, const CommandSpec& own) {
  Words arguments = own.command;
  std::string& program = arguments.front();
  if (program.find('/') != program.npos) {
    program = (job_folder(spec) / program).string();
  }
  return arguments;
}

/// The worker's words, and what else depends on its kind.
void set_worker(train::AttemptOptions& options, const Session& session,
                const ledger::AttemptRecord& record) {
  const JobSpec& spec = session.spec;
  if (const auto* own = std::get_if<CommandSpec>(&spec.worker)) {
    options.argv = command_arguments(spec, *own);
    options.working_directory = job_folder(spec);  // wherever the runner runs
  } else if (const PlainSpec* plain = spec.plain()) {
    options.argv = plain_arguments(session, *plain, record);
    options.command_grace = plain->stop_grace;
  } else {
    options.argv = torch_arguments(session);
  }
}

/// As docs/reference/worker-protocol.md lists it.
Environment environment(const Session& session, const ledger::Recurrence& recurrence,
                        const ledger::AttemptRecord& record) {
  const ledger::Attempt& attempt = record.attempt;
  const auto& checkpoint = record.checkpoint;
  Environment all = {
      {"SYMBIONT_JOB", session.job.name},
      {"SYMBIONT_RUN", std::to_string(recurrence.run)},
      {"SYMBIONT_RECURRENCE", std::to_string(recurrence.index)},
      {"SYMBIONT_ATTEMPT", std::to_string(attempt.id)},
      {"SYMBIONT_BATCH_SIZE", std::to_string(attempt.batch_size)},
      {"SYMBIONT_LEARNING_RATE", fmt::format("{}", attempt.learning_rate)},
      {"SYMBIONT_MAX_EPOCHS", std::to_string(attempt.max_epochs)},
      {"SYMBIONT_SEED", std::to_string(attempt.seed)},
      {"SYMBIONT_INITIAL_WEIGHTS", ""},
      {"SYMBIONT_RESUME",
       checkpoint ? (session.state_folder() / checkpoint->path).string() : std::string()},
      {"SYMBIONT_OUTPUT", session.attempt_folder(attempt.id).string()},
  };
  // Two thread pools on the same cores fight: the framework's may have the job's threads, the BLAS
  // library's has one.
  if (session.spec.limits_threads) {
    all.emplace_back("OMP_NUM_THREADS", std::to_string(session.spec.threads));
    all.emplace_back("OPENBLAS_NUM_THREADS", "1");
  }
  return all;
}

}  // namespace

train::AttemptOptions attempt_options(const Session& session, const ledger::Recurrence& recurrence,
                                      const ledger::AttemptRecord& record) {
  train::AttemptOptions options;
  set_worker(options, session, record);
  options.environment = environment(session, recurrence, record);
  options.output = session.attempt_folder(record.attempt.id);
  options.batch_size = record.attempt.batch_size;
  options.epochs_recorded = static_cast<std::int64_t>(record.epochs.size());
  options.carried = record.checkpoint ? record.checkpoint->carried : Usage{};
  options.first_deadline = session.spec.deadline;
  options.sysroot = session.spec.sysroot;
  return options;
}

}  // namespace symbiont::jobs
