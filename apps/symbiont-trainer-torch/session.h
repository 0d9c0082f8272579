#pragma once
/// The trainer's side of the worker protocol, from hello to done.

#include "options.h"
#include "symbiont/train/worker_session.h"

namespace symbiont::trainer {

/// How a session ended, as the process's exit code.
enum class SessionEnd {
  kDone = 0,
  kFailed = 1,      ///< the runner was told why
  kRunnerGone = 5,  ///< the channel closed; a checkpoint may have been saved before
};

/// Serves the runner behind `session` to the end. Says on standard error what failed.
SessionEnd serve(const Options& options, train::WorkerSession& session);

}  // namespace symbiont::trainer
