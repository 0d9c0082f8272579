#pragma once
/// What must hold before the numerical libraries are used: one thread each, and a fast BLAS.

#include <string>

#include "symbiont/base/error.h"

namespace symbiont::trainer {

/// OpenMP and OpenBLAS read their thread counts when the process starts, and each takes all cores
/// unless told otherwise: together they can slow training several hundred times. If the counts are
/// not in the environment yet, sets them (OpenMP `threads`, OpenBLAS 1) and starts this program
/// again in place; returns when nothing had to be done.
Result<void> ensure_thread_environment(int threads, char* const* argv);

/// Why the BLAS in this process would be slow, or an empty text.
std::string slow_blas_warning();

}  // namespace symbiont::trainer
