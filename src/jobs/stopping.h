#pragma once
/// When an attempt is over, judged from its recorded epochs alone, so that a resumed run judges the
/// same.

#include <optional>
#include <span>
#include <string>

#include "symbiont/base/usage.h"
#include "symbiont/jobs/job_file.h"
#include "symbiont/ledger/ledger.h"

namespace symbiont::jobs {

/// The end of an attempt and its reason for a person.
struct Ending {
  ledger::Stopped stopped = ledger::Stopped::kReached;
  std::string reason;
  bool started = true;  ///< false: it could not afford a single epoch
};

/// The attempt, of a recurrence of which none reached the target, that tells why: one that the cost
/// bound stopped, else the last. There is a bound only where the target has been reached before, so
/// that one might have. `attempts` is not empty.
const ledger::Attempt& telling_attempt(std::span<const ledger::AttemptRecord> attempts);

/// What a person can do about a recurrence whose telling attempt ended so.
std::string advice(ledger::Stopped stopped, const Target& target);

/// Cost of some usage by the job's eta and MAXPOWER.
Joules usage_cost(const JobSpec& spec, const ledger::Job& job, const Usage& usage);

/// Sum over epochs.
Usage total_usage(std::span<const ledger::Epoch> epochs);

/// Cost of an attempt so far (tune::cost with the job's MAXPOWER).
Joules attempt_cost(const JobSpec& spec, const ledger::Job& job,
                    std::span<const ledger::Epoch> epochs);

/// Whether the attempt ends here, before another epoch is started. `known_epoch_cost` is the least
/// that an epoch at this batch size has cost on average in an attempt so far, if it ever ran: one
/// slow attempt must not keep the size from being tried again.
std::optional<Ending> judge(const JobSpec& spec, const ledger::Job& job,
                            const ledger::Attempt& attempt, std::span<const ledger::Epoch> epochs,
                            const std::optional<Joules>& known_epoch_cost);

}  // namespace symbiont::jobs
