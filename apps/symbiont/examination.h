#pragma once
/// What `symbiont doctor` looks at: what this machine offers to a run, and what it lacks.

#include <string>
#include <vector>

#include "command.h"

namespace symbiont::app {

enum class Verdict {
  kOk,
  kAdvice,   ///< works, but something better is to be had
  kMissing,  ///< something that jobs may ask for is not there
};

/// One thing looked at.
struct Diagnosis {
  std::string what;
  Verdict verdict = Verdict::kOk;
  std::string found;
  std::string remedy;         ///< empty when there is nothing to do
  std::string package;        ///< the Debian package to install, if that is what to do
  bool prevents_run = false;  ///< no job can run before this is mended
};

/// Looks at everything. Starts the trainer once, to see that it can be; changes nothing.
std::vector<Diagnosis> examine(const StateOptions& state);

}  // namespace symbiont::app
