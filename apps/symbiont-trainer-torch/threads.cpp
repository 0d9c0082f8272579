#include "threads.h"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include <unistd.h>

namespace symbiont::trainer {
namespace {

// Returns whether the variable had to be set.
bool set_if_absent(const char* name, const std::string& value) {
  if (std::getenv(name) != nullptr) {
    return false;
  }
  ::setenv(name, value.c_str(), 1);
  return true;
}

}  // namespace

Result<void> ensure_thread_environment(int threads, char* const* argv) {
  const bool omp = set_if_absent("OMP_NUM_THREADS", std::to_string(threads));
  const bool blas = set_if_absent("OPENBLAS_NUM_THREADS", "1");
  if (!omp && !blas) {
    return {};
  }
  ::execv("/proc/self/exe", argv);
  return tl::unexpected(errno_error(errno, "start again with OMP_NUM_THREADS set"));
}

std::string slow_blas_warning() {
  std::ifstream maps("/proc/self/maps");
  bool reference = false;
  for (std::string line; std::getline(maps, line);) {
    for (const std::string_view fast : {"openblas", "libmkl", "blis"}) {
      if (line.find(fast) != std::string::npos) {
        return "";
      }
    }
    reference = reference || line.find("/libblas.so") != std::string::npos;
  }
  return reference ? "the reference BLAS is in use: training may be 20 times slower than need be; "
                     "install a fast one: apt-get install libopenblas0-pthread"
                   : "";
}

}  // namespace symbiont::trainer
