#pragma once
/// How the worker of an attempt is started: its words, its environment, its folders.

#include "jobs/session.h"
#include "symbiont/ledger/ledger.h"
#include "symbiont/train/attempt.h"

namespace symbiont::jobs {

/// `record` is the attempt as the ledger knows it: a worker goes on from its last checkpoint.
train::AttemptOptions attempt_options(const Session& session, const ledger::Recurrence& recurrence,
                                      const ledger::AttemptRecord& record);

}  // namespace symbiont::jobs
