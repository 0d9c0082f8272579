// symbiont._core: what the Python package needs of the library, and nothing that Python can do.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <unistd.h>

#include "symbiont/base/random.h"
#include "symbiont/base/version.h"
#include "symbiont/energy/monitor.h"
#include "symbiont/graph/safetensors.h"
#include "symbiont/train/worker_session.h"

namespace py = pybind11;
namespace fs = std::filesystem;

namespace symbiont::python {
namespace {

using train::WorkerEnvironment;
using train::WorkerSession;
using Task = WorkerSession::Task;

// How long a signal (Ctrl-C) may wait for its handler while nothing comes from the runner.
constexpr std::chrono::milliseconds kSignalSlice{50};

/// An Error on its way to Python, where it becomes a symbiont.Error.
struct Failure {
  Error error;
};

template <typename T>
T value_or_throw(Result<T> result) {
  if (!result) {
    throw Failure{std::move(result).error()};
  }
  return std::move(*result);
}

void throw_if_error(const Result<void>& result) {
  if (!result) {
    throw Failure{result.error()};
  }
}

void raise_in_python(const Error& error) {
  const py::object type = py::module_::import("symbiont._errors").attr("Error");
  const py::object raised = type(std::string(to_string(error.code())), error.message());
  PyErr_SetObject(type.ptr(), raised.ptr());
}

// --- Energy --------------------------------------------------------------------------------------

/// Never destroyed: a child of a fork has none of the threads that its destructor would wait for.
using SharedMonitor = std::unique_ptr<energy::Monitor, py::nodelete>;

SharedMonitor open_monitor(const std::vector<std::string>& meters, int threads) {
  energy::MonitorOptions options;
  options.meters = meters;
  options.threads = threads;
  auto monitor = std::make_unique<energy::Monitor>(value_or_throw(energy::Monitor::open(options)));
  monitor->attach(::getpid());
  return SharedMonitor(monitor.release());
}

py::tuple usage_of(const energy::Window& window) {
  const Usage usage = [&] {
    const py::gil_scoped_release others_may_run;
    return value_or_throw(window.usage());
  }();
  return py::make_tuple(usage.energy().value(), usage.uncertainty().value(),
                        usage.seconds().value(), std::string(to_string(usage.provenance)),
                        std::string(to_string(usage.scope)));
}

void define_energy(py::module_& module) {
  py::class_<energy::Window>(module, "Window").def("usage", &usage_of);
  py::class_<energy::Monitor, SharedMonitor>(module, "Monitor")
      .def(py::init(&open_monitor), py::arg("meters"), py::arg("threads"))
      .def("describe", &energy::Monitor::describe)
      .def(
          "open_window",
          [](const energy::Monitor& monitor) { return value_or_throw(monitor.open_window()); },
          py::keep_alive<0, 1>(), py::call_guard<py::gil_scoped_release>());
}

// --- Worker --------------------------------------------------------------------------------------

std::unique_ptr<WorkerSession> open_session(std::int64_t batch_size, double learning_rate,
                                            std::int64_t max_epochs, std::uint64_t seed,
                                            const fs::path& output) {
  WorkerEnvironment defaults;
  defaults.batch_size = batch_size;
  defaults.learning_rate = learning_rate;
  defaults.max_epochs = max_epochs;
  defaults.seed = seed;
  defaults.output = output;
  WorkerEnvironment environment = value_or_throw(WorkerEnvironment::from_process_or(defaults));
  return std::make_unique<WorkerSession>(
      value_or_throw(WorkerSession::open(std::move(environment))));
}

std::optional<Task> next_within(WorkerSession& session, std::chrono::milliseconds timeout) {
  const py::gil_scoped_release others_may_run;
  return value_or_throw(session.next(timeout));
}

Task next_task(WorkerSession& session) {
  while (true) {
    if (std::optional<Task> task = next_within(session, kSignalSlice)) {
      return std::move(*task);
    }
    if (PyErr_CheckSignals() != 0) {
      throw py::error_already_set();
    }
  }
}

void start(WorkerSession& session, std::int64_t steps_per_epoch,
           std::optional<std::int64_t> parameters,
           std::optional<std::pair<std::int64_t, std::int64_t>> memory, std::string framework,
           std::string device) {
  train::Hello hello;
  hello.steps_per_epoch = steps_per_epoch;
  hello.parameters = parameters;
  if (memory) {
    hello.memory_persistent_bytes = memory->first;
    hello.memory_ephemeral_bytes = memory->second;
  }
  hello.framework = std::move(framework);
  hello.device = std::move(device);
  throw_if_error(session.start(hello));
}

// A property of the environment that the session was opened in.
template <auto Member>
auto environment_value(const WorkerSession& session) {
  return session.environment().*Member;
}

void define_worker(py::module_& module) {
  py::enum_<Task::Kind>(module, "TaskKind")
      .value("TRAIN", Task::Kind::kTrain)
      .value("EVALUATE", Task::Kind::kEvaluate)
      .value("SAVE", Task::Kind::kSave)
      .value("FINISH", Task::Kind::kFinish);
  py::class_<Task>(module, "Task")
      .def_readonly("kind", &Task::kind)
      .def_readonly("steps", &Task::steps)
      .def_readonly("folder", &Task::folder)
      .def_readonly("reason", &Task::reason);
  const auto saved = [](WorkerSession& session) { throw_if_error(session.saved()); };
  py::class_<WorkerSession>(module, "Session")
      .def(py::init(&open_session), py::arg("batch_size"), py::arg("learning_rate"),
           py::arg("max_epochs"), py::arg("seed"), py::arg("output"))
      .def_property_readonly("standalone", &WorkerSession::standalone)
      .def_property_readonly("batch_size", &environment_value<&WorkerEnvironment::batch_size>)
      .def_property_readonly("learning_rate", &environment_value<&WorkerEnvironment::learning_rate>)
      .def_property_readonly("max_epochs", &environment_value<&WorkerEnvironment::max_epochs>)
      .def_property_readonly("seed", &environment_value<&WorkerEnvironment::seed>)
      .def_property_readonly("output", &environment_value<&WorkerEnvironment::output>)
      .def_property_readonly("resume", &environment_value<&WorkerEnvironment::resume>)
      .def_property_readonly("initial_weights",
                             &environment_value<&WorkerEnvironment::initial_weights>)
      .def_property_readonly("epoch", [](const WorkerSession& s) { return s.progress().epoch; })
      .def_property_readonly("position",
                             [](const WorkerSession& s) { return s.progress().position; })
      .def("start_over", &WorkerSession::start_over)
      .def("start", &start, py::arg("steps_per_epoch"), py::arg("parameters"), py::arg("memory"),
           py::arg("framework"), py::arg("device"))
      .def("next", &next_task)
      .def("trained",
           [](WorkerSession& session, std::int64_t steps, std::int64_t samples, double loss_sum) {
             throw_if_error(session.trained(steps, samples, loss_sum));
           })
      .def("evaluated",
           [](WorkerSession& s, double metric) { throw_if_error(s.evaluated(metric)); })
      .def("saved", saved, py::call_guard<py::gil_scoped_release>())
      .def("finished",
           [](WorkerSession& s, const fs::path& weights) { throw_if_error(s.finished(weights)); })
      .def("failed",
           [](WorkerSession& session, std::string code, std::string message) {
             throw_if_error(session.failed(std::move(code), std::move(message)));
           })
      .def("leave_to_parent", &WorkerSession::leave_to_parent);
}

// --- Weights -------------------------------------------------------------------------------------

/// (name, word of the type, shape, little-endian bytes)
using TensorTuple = std::tuple<std::string, std::string, std::vector<std::int64_t>, py::bytes>;

graph::DType type_named(const std::string& word) {
  for (int i = 0; i <= static_cast<int>(graph::DType::kBool); ++i) {
    if (to_string(static_cast<graph::DType>(i)) == word) {
      return static_cast<graph::DType>(i);
    }
  }
  throw py::value_error("no type of safetensors: " + word);
}

void save_safetensors(const fs::path& path, const std::vector<TensorTuple>& tensors) {
  graph::TensorFile file;
  for (const auto& [name, type, shape, bytes] : tensors) {
    const auto view = static_cast<std::string_view>(bytes);
    const auto* data = reinterpret_cast<const std::byte*>(view.data());
    file.tensors.push_back({name, type_named(type), shape, {data, data + view.size()}});
  }
  const py::gil_scoped_release others_may_run;
  throw_if_error(graph::save_safetensors(path, file));
}

std::vector<TensorTuple> load_safetensors(const fs::path& path) {
  const graph::TensorFile file = [&] {
    const py::gil_scoped_release others_may_run;
    return value_or_throw(graph::load_safetensors(path));
  }();
  std::vector<TensorTuple> tensors;
  for (const graph::Tensor& tensor : file.tensors) {
    const auto* data = reinterpret_cast<const char*>(tensor.bytes.data());
    tensors.emplace_back(tensor.name, std::string(to_string(tensor.type)), tensor.shape,
                         py::bytes(data, tensor.bytes.size()));
  }
  return tensors;
}

}  // namespace

void define(py::module_& module) {
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) {
        std::rethrow_exception(thrown);
      }
    } catch (const Failure& failure) {
      raise_in_python(failure.error);
    }
  });
  module.attr("__version__") = std::string(version());
  module.def("derive_seed", [](std::uint64_t seed, const std::string& stream, std::uint64_t index) {
    return derive_seed(seed, stream, index);
  });
  module.def("save_safetensors", &save_safetensors);
  module.def("load_safetensors", &load_safetensors);
  define_energy(module);
  define_worker(module);
}

}  // namespace symbiont::python

PYBIND11_MODULE(_core, module) {
  symbiont::python::define(module);
}
