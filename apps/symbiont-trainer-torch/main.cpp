#include <cstdio>
#include <string>

#include "options.h"
#include "session.h"
#include "symbiont/base/log.h"
#include "symbiont/train/worker_session.h"
#include "threads.h"

namespace {

using namespace symbiont;           // NOLINT(google-build-using-namespace)
using namespace symbiont::trainer;  // NOLINT(google-build-using-namespace)

constexpr int kMisuse = 2;

int refuse(const Error& error) {
  std::fprintf(stderr, "symbiont-trainer-torch: %s\n", error.message().c_str());
  return kMisuse;
}

}  // namespace

int main(int argc, char** argv) {
  const Result<Invocation> invocation = parse_command_line(argc, argv);
  if (!invocation) {
    return refuse(invocation.error());
  }
  if (invocation->only_text) {
    std::fputs(invocation->text.c_str(), stdout);
    return 0;
  }
  const Options& options = invocation->options;
  const Result<train::WorkerEnvironment> environment = train::WorkerEnvironment::from_process();
  if (!environment) {
    return refuse(environment.error());
  }
  if (const Result<void> ensured = ensure_thread_environment(options.threads, argv); !ensured) {
    return refuse(ensured.error());
  }
  if (const std::string warning = slow_blas_warning(); !warning.empty()) {
    log::warning(warning);
  }
  Result<train::WorkerSession> session = train::WorkerSession::open(*environment);
  if (!session) {
    std::fprintf(stderr, "symbiont-trainer-torch: %s\n", session.error().message().c_str());
    return static_cast<int>(SessionEnd::kFailed);
  }
  return static_cast<int>(serve(options, *session));
}
