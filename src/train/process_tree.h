#pragma once
/// Ending every process that descends from this one, wherever it has detached itself to.

#include <chrono>
#include <vector>

#include <sys/types.h>

namespace symbiont::train {

/// From now on orphans among the descendants of this process become its children, so that none can
/// leave (PR_SET_CHILD_SUBREAPER).
void keep_descendants();

/// Reaps what has become this process's child and has ended. Stops at `spared`, whose status
/// somebody else wants.
void reap_orphans(pid_t spared);

/// All living descendants of this process, by /proc.
std::vector<pid_t> find_descendants();

/// Kills all descendants, those that are born meanwhile included, and reaps them. Gives up after
/// `limit`: what has become another user's cannot be killed. Call it when no child's status is
/// wanted any more.
void end_descendants(std::chrono::milliseconds limit);

}  // namespace symbiont::train
