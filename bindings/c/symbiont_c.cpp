#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

#include "symbiont/base/version.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/symbiont.h"
#include "symbiont/train/worker_session.h"

using symbiont::Error;
using symbiont::ErrorCode;
using symbiont::Result;
using symbiont::train::WorkerEnvironment;
using symbiont::train::WorkerSession;

struct symbiont_monitor {
  symbiont::energy::Monitor monitor;
  std::string description;
};

struct symbiont_window {
  symbiont::energy::Window window;
};

struct symbiont_worker {
  WorkerSession session;
  WorkerSession::Task task;  // keeps the strings that the caller was given
};

namespace {

std::string& last_error() {
  static thread_local std::string message;
  return message;
}

symbiont_code failed(const Error& error) {
  last_error() = error.message();
  return static_cast<symbiont_code>(error.code());
}

symbiont_code code_of(const Result<void>& result) {
  return result ? SYMBIONT_OK : failed(result.error());
}

// Nothing that C could not catch leaves the library.
template <typename Function>
symbiont_code guarded(Function function) noexcept {
  try {
    return code_of(function());
  } catch (const std::bad_alloc&) {
    last_error().assign("no memory");
    return SYMBIONT_RESOURCE_EXHAUSTED;
  } catch (const std::exception& error) {
    last_error().assign(error.what(), 0, 100);
    return SYMBIONT_UNKNOWN;
  }
}

// The handle that `open` makes, or null.
template <typename Handle, typename Open>
Handle* opened(Open open) noexcept {
  std::unique_ptr<Handle> handle;
  guarded([&]() -> Result<void> {
    SYM_ASSIGN_OR_RETURN(Handle made, open());
    handle = std::make_unique<Handle>(std::move(made));
    return {};
  });
  return handle.release();
}

template <typename Handle>
void close(Handle* handle) {
  const std::unique_ptr<Handle> owned(handle);
}

Result<void> check_given(const void* pointer, const char* what) {
  if (pointer == nullptr) {
    return symbiont::fail(ErrorCode::kInvalidArgument, std::string(what) + " is NULL");
  }
  return {};
}

// Calls `function` with the session, if there is a worker.
template <typename Function>
symbiont_code with_session(symbiont_worker* worker, Function function) noexcept {
  return guarded([&]() -> Result<void> {
    SYM_RETURN_IF_ERROR(check_given(worker, "the worker"));
    return function(worker->session);
  });
}

const WorkerEnvironment& environment_of(const symbiont_worker* worker) {
  static const WorkerEnvironment nothing;
  return worker == nullptr ? nothing : worker->session.environment();
}

std::string text_or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

symbiont::energy::MonitorOptions monitor_options(const char* const* meters, std::size_t count,
                                                 int threads) {
  symbiont::energy::MonitorOptions options;
  if (count > 0) {
    options.meters.assign(meters, meters + count);
  }
  options.threads = threads;
  return options;
}

WorkerEnvironment defaults_of(const symbiont_settings& settings) {
  WorkerEnvironment defaults;
  defaults.batch_size = settings.batch_size;
  defaults.learning_rate = settings.learning_rate;
  defaults.max_epochs = settings.max_epochs;
  defaults.seed = settings.seed;
  defaults.output = settings.output == nullptr ? "." : settings.output;
  return defaults;
}

Result<symbiont_worker> open_worker(const symbiont_settings* settings) {
  SYM_RETURN_IF_ERROR(check_given(settings, "settings"));
  SYM_ASSIGN_OR_RETURN(WorkerEnvironment environment,
                       WorkerEnvironment::from_process_or(defaults_of(*settings)));
  SYM_ASSIGN_OR_RETURN(WorkerSession session, WorkerSession::open(std::move(environment)));
  return symbiont_worker{std::move(session), {}};
}

std::optional<std::int64_t> known(std::int64_t number) {
  return number == 0 ? std::nullopt : std::optional(number);
}

symbiont::train::Hello hello_of(const symbiont_hello& given) {
  symbiont::train::Hello hello;
  hello.framework = text_or_empty(given.framework);
  hello.device = text_or_empty(given.device);
  hello.parameters = known(given.parameters);
  hello.steps_per_epoch = given.steps_per_epoch;
  hello.memory_persistent_bytes = known(given.memory_persistent_bytes);
  hello.memory_ephemeral_bytes = known(given.memory_ephemeral_bytes);
  return hello;
}

}  // namespace

extern "C" {

int symbiont_abi_version(void) {
  return SYMBIONT_ABI_VERSION;
}

const char* symbiont_version(void) {
  return symbiont::version().data();  // a literal
}

const char* symbiont_error_message(void) {
  return last_error().c_str();
}

symbiont_monitor* symbiont_monitor_open(const char* const* meters, size_t count, int threads) {
  return opened<symbiont_monitor>([&]() -> Result<symbiont_monitor> {
    SYM_ASSIGN_OR_RETURN(auto monitor,
                         symbiont::energy::Monitor::open(monitor_options(meters, count, threads)));
    monitor.attach(::getpid());
    std::string description = monitor.describe();
    return symbiont_monitor{std::move(monitor), std::move(description)};
  });
}

void symbiont_monitor_close(symbiont_monitor* monitor) {
  close(monitor);
}

const char* symbiont_monitor_describe(const symbiont_monitor* monitor) {
  return monitor == nullptr ? "" : monitor->description.c_str();
}

symbiont_window* symbiont_window_open(const symbiont_monitor* monitor) {
  return opened<symbiont_window>([&]() -> Result<symbiont_window> {
    SYM_RETURN_IF_ERROR(check_given(monitor, "the monitor"));
    SYM_ASSIGN_OR_RETURN(auto window, monitor->monitor.open_window());
    return symbiont_window{std::move(window)};
  });
}

symbiont_code symbiont_window_read(const symbiont_window* window, symbiont_usage* usage) {
  return guarded([&]() -> Result<void> {
    SYM_RETURN_IF_ERROR(check_given(window, "the window"));
    SYM_RETURN_IF_ERROR(check_given(usage, "usage"));
    SYM_ASSIGN_OR_RETURN(const symbiont::Usage used, window->window.usage());
    usage->energy_j = used.energy().value();
    usage->uncertainty_j = used.uncertainty().value();
    usage->time_s = used.seconds().value();
    usage->provenance = static_cast<symbiont_provenance>(used.provenance);
    usage->scope = static_cast<symbiont_scope>(used.scope);
    return {};
  });
}

void symbiont_window_close(symbiont_window* window) {
  close(window);
}

symbiont_worker* symbiont_worker_open(const symbiont_settings* settings) {
  return opened<symbiont_worker>([&] { return open_worker(settings); });
}

void symbiont_worker_close(symbiont_worker* worker) {
  close(worker);
}

int symbiont_worker_alone(const symbiont_worker* worker) {
  return worker == nullptr || worker->session.standalone() ? 1 : 0;
}

int64_t symbiont_worker_batch_size(const symbiont_worker* worker) {
  return environment_of(worker).batch_size;
}

double symbiont_worker_learning_rate(const symbiont_worker* worker) {
  return environment_of(worker).learning_rate;
}

int64_t symbiont_worker_max_epochs(const symbiont_worker* worker) {
  return environment_of(worker).max_epochs;
}

uint64_t symbiont_worker_seed(const symbiont_worker* worker) {
  return environment_of(worker).seed;
}

const char* symbiont_worker_output(const symbiont_worker* worker) {
  return environment_of(worker).output.c_str();
}

const char* symbiont_worker_initial_weights(const symbiont_worker* worker) {
  return environment_of(worker).initial_weights.c_str();
}

const char* symbiont_worker_resume(const symbiont_worker* worker) {
  return environment_of(worker).resume.c_str();
}

int64_t symbiont_worker_epoch(const symbiont_worker* worker) {
  return worker == nullptr ? 0 : worker->session.progress().epoch;
}

int64_t symbiont_worker_position(const symbiont_worker* worker) {
  return worker == nullptr ? 0 : worker->session.progress().position;
}

void symbiont_worker_start_over(symbiont_worker* worker) {
  if (worker != nullptr) {
    worker->session.start_over();
  }
}

symbiont_code symbiont_worker_start(symbiont_worker* worker, const symbiont_hello* hello) {
  return with_session(worker, [&](WorkerSession& session) -> Result<void> {
    SYM_RETURN_IF_ERROR(check_given(hello, "hello"));
    return session.start(hello_of(*hello));
  });
}

symbiont_code symbiont_worker_next(symbiont_worker* worker, symbiont_task* task) {
  return with_session(worker, [&](WorkerSession& session) -> Result<void> {
    SYM_RETURN_IF_ERROR(check_given(task, "task"));
    SYM_ASSIGN_OR_RETURN(worker->task, session.next());
    task->kind = static_cast<symbiont_task_kind>(worker->task.kind);
    task->steps = worker->task.steps;
    task->folder = worker->task.folder.c_str();
    task->reason = worker->task.reason.c_str();
    return {};
  });
}

symbiont_code symbiont_worker_trained(symbiont_worker* worker, int64_t steps, int64_t samples,
                                      double loss_sum) {
  return with_session(
      worker, [&](WorkerSession& session) { return session.trained(steps, samples, loss_sum); });
}

symbiont_code symbiont_worker_evaluated(symbiont_worker* worker, double metric) {
  return with_session(worker, [&](WorkerSession& session) { return session.evaluated(metric); });
}

symbiont_code symbiont_worker_saved(symbiont_worker* worker) {
  return with_session(worker, [](WorkerSession& session) { return session.saved(); });
}

symbiont_code symbiont_worker_finished(symbiont_worker* worker, const char* weights) {
  return with_session(
      worker, [&](WorkerSession& session) { return session.finished(text_or_empty(weights)); });
}

symbiont_code symbiont_worker_failed(symbiont_worker* worker, const char* code,
                                     const char* message) {
  return with_session(worker, [&](WorkerSession& session) {
    return session.failed(text_or_empty(code), text_or_empty(message));
  });
}

}  // extern "C"

// The numbers of the header are those of the library's own types.
static_assert(SYMBIONT_CANCELLED == static_cast<int>(ErrorCode::kCancelled));
static_assert(SYMBIONT_DATA_LOSS == static_cast<int>(ErrorCode::kDataLoss));
static_assert(SYMBIONT_MIXED == static_cast<int>(symbiont::Provenance::kMixed));
static_assert(SYMBIONT_PROCESS == static_cast<int>(symbiont::Scope::kProcess));
static_assert(SYMBIONT_FINISH == static_cast<int>(WorkerSession::Task::Kind::kFinish));
