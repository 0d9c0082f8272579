#pragma once
/// Ending every process that descends from this one, wherever it has detached itself to.

#include <chrono>
#include <vector>

#include <sys/types.h>

namespace symbiont::train {

/// From now on orphans among the descendants of this process become its children, so that none can
/// leave (PR_SET_CHILD_SUBREAPER).
void keep_descendants();

/// All living descendants of this process, by /proc. Zombies that it can reap are reaped first,
/// but for `spared`, whose status somebody else wants.
std::vector<pid_t> find_descendants(pid_t spared = 0);

/// Kills all descendants, those that are born meanwhile included, and reaps them. Gives up after
/// `limit`: what has become another user's cannot be killed. Call it when no child's status is
/// wanted any more.
void end_descendants(std::chrono::milliseconds limit);

}  // namespace symbiont::train
