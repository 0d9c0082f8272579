#pragma once
/// A second process that sees to it that nothing is left behind, whichever of the two is killed.

#include <functional>

namespace symbiont::train {

/// Forks. The child does `work` and ends with the code that it returns; the descriptor that it is
/// given becomes readable when it must end. This process waits for it, then ends every descendant
/// that is left, and returns the code: 128 + signal when the child was killed.
///
/// SIGTERM, also sent when the parent of this process dies, asks the child to end; if it does not
/// within three seconds it is killed. When this process is killed the child is asked to end too,
/// for it is in a process group of its own. Call it before any thread is started.
int run_guarded(const std::function<int(int guard)>& work);

}  // namespace symbiont::train
