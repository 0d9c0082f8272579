#include "optimizers.h"

#include <array>
#include <string_view>

namespace symbiont::trainer {
namespace {

namespace optim = torch::optim;

constexpr double kMomentum = 0.9;
constexpr double kAdadeltaRho = 0.9;
constexpr double kAdadeltaEpsilon = 1e-6;

struct AdadeltaOptions : optim::OptimizerCloneableOptions<AdadeltaOptions> {};

struct AdadeltaParamState : optim::OptimizerCloneableParamState<AdadeltaParamState> {
  torch::Tensor square_avg;
  torch::Tensor acc_delta;
};

// Torch keeps state by the address of the parameter.
std::string key_of(const torch::Tensor& parameter) {
  return c10::guts::to_string(parameter.unsafeGetTensorImpl());
}

void visit(optim::SGDParamState& state, auto tensor, auto /*count*/) {
  tensor("momentum_buffer", state.momentum_buffer());
}

void visit(AdadeltaParamState& state, auto tensor, auto /*count*/) {
  tensor("square_avg", state.square_avg);
  tensor("acc_delta", state.acc_delta);
}

// Adam's and AdamW's states have the same form but are different types.
void visit(auto& state, auto tensor, auto count) {
  tensor("exp_avg", state.exp_avg());
  tensor("exp_avg_sq", state.exp_avg_sq());
  count("step", state.step());
}

// Calls `use` with a default state of the kind's type; plain SGD has none.
template <typename Use>
void with_state_type(OptimizerKind kind, Use use) {
  switch (kind) {
    case OptimizerKind::kSgd:
      return use(optim::SGDParamState());
    case OptimizerKind::kSgdPlain:
      return;
    case OptimizerKind::kAdam:
      return use(optim::AdamParamState());
    case OptimizerKind::kAdamW:
      return use(optim::AdamWParamState());
    case OptimizerKind::kAdadelta:
      return use(AdadeltaParamState());
  }
}

graph::Tensor to_file_count(std::string name, std::int64_t count) {
  graph::Tensor tensor{std::move(name), graph::DType::kInt64, {}, {}};
  tensor.bytes.resize(sizeof(count));
  std::memcpy(tensor.bytes.data(), &count, sizeof(count));
  return tensor;
}

Result<std::int64_t> from_file_count(const graph::TensorFile& file, const std::string& name) {
  const graph::Tensor* tensor = file.find(name);
  std::int64_t count = 0;
  if (tensor == nullptr || tensor->type != graph::DType::kInt64 ||
      tensor->bytes.size() != sizeof(count)) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("there is no count \"{}\"", name));
  }
  std::memcpy(&count, tensor->bytes.data(), sizeof(count));
  if (count < 1) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is {}, expected at least 1", name, count));
  }
  return count;
}

// Fills `state` from the file and adds the number of its entries to `used`.
template <typename State>
Result<void> read_state(State& state, const NamedParameter& parameter,
                        const graph::TensorFile& file, std::size_t& used) {
  Result<void> result;
  visit(
      state,
      [&](const char* slot, torch::Tensor& tensor) {
        ++used;
        auto value = from_file_tensor(file, parameter.name + "." + slot, parameter.value.sizes());
        if (value) {
          tensor = std::move(*value);
        } else if (result) {
          result = tl::unexpected(std::move(value).error());
        }
      },
      [&](const char* slot, std::int64_t& count) {
        ++used;
        auto value = from_file_count(file, parameter.name + "." + slot);
        if (value) {
          count = *value;
        } else if (result) {
          result = tl::unexpected(std::move(value).error());
        }
      });
  return result;
}

}  // namespace

Adadelta::Adadelta(std::vector<torch::Tensor> parameters, double learning_rate)
    : Optimizer(std::move(parameters), std::make_unique<AdadeltaOptions>()),
      learning_rate_(learning_rate) {}

torch::Tensor Adadelta::step(LossClosure closure) {
  SYM_CHECK(closure == nullptr);
  torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : param_groups_.front().params()) {
    const torch::Tensor& gradient = parameter.grad();
    if (!gradient.defined()) {
      continue;
    }
    auto& slot = state_[key_of(parameter)];
    if (!slot) {
      auto fresh = std::make_unique<AdadeltaParamState>();
      fresh->square_avg = torch::zeros_like(parameter);
      fresh->acc_delta = torch::zeros_like(parameter);
      slot = std::move(fresh);
    }
    auto& state = static_cast<AdadeltaParamState&>(*slot);
    state.square_avg.mul_(kAdadeltaRho).addcmul_(gradient, gradient, 1 - kAdadeltaRho);
    const torch::Tensor deviation = state.square_avg.add(kAdadeltaEpsilon).sqrt_();
    const torch::Tensor delta =
        state.acc_delta.add(kAdadeltaEpsilon).sqrt_().div_(deviation).mul_(gradient);
    state.acc_delta.mul_(kAdadeltaRho).addcmul_(delta, delta, 1 - kAdadeltaRho);
    parameter.sub_(delta, learning_rate_);
  }
  return {};
}

std::unique_ptr<optim::Optimizer> make_optimizer(OptimizerKind kind,
                                                 const std::vector<NamedParameter>& parameters,
                                                 double learning_rate) {
  std::vector<torch::Tensor> values;
  for (const NamedParameter& parameter : parameters) {
    values.push_back(parameter.value);
  }
  switch (kind) {
    case OptimizerKind::kSgd:
      return std::make_unique<optim::SGD>(values,
                                          optim::SGDOptions(learning_rate).momentum(kMomentum));
    case OptimizerKind::kSgdPlain:
      return std::make_unique<optim::SGD>(values, optim::SGDOptions(learning_rate));
    case OptimizerKind::kAdam:
      return std::make_unique<optim::Adam>(values, optim::AdamOptions(learning_rate));
    case OptimizerKind::kAdamW:
      return std::make_unique<optim::AdamW>(values,
                                            optim::AdamWOptions(learning_rate).weight_decay(0.01));
    case OptimizerKind::kAdadelta:
      break;
  }
  return std::make_unique<Adadelta>(values, learning_rate);
}

int state_per_parameter(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::kSgdPlain:
      return 0;
    case OptimizerKind::kSgd:
      return 1;
    case OptimizerKind::kAdam:
    case OptimizerKind::kAdamW:
    case OptimizerKind::kAdadelta:
      break;
  }
  return 2;
}

graph::TensorFile optimizer_state(OptimizerKind kind, const optim::Optimizer& optimizer,
                                  const std::vector<NamedParameter>& parameters) {
  graph::TensorFile file;
  with_state_type(kind, [&](auto type) {
    for (const NamedParameter& parameter : parameters) {
      const auto found = optimizer.state().find(key_of(parameter.value));
      if (found == optimizer.state().end()) {
        continue;
      }
      visit(
          static_cast<decltype(type)&>(*found->second),
          [&](const char* slot, const torch::Tensor& tensor) {
            file.tensors.push_back(to_file_tensor(parameter.name + "." + slot, tensor));
          },
          [&](const char* slot, std::int64_t count) {
            file.tensors.push_back(to_file_count(parameter.name + "." + slot, count));
          });
    }
  });
  return file;
}

Result<void> restore_optimizer_state(OptimizerKind kind, optim::Optimizer& optimizer,
                                     const std::vector<NamedParameter>& parameters,
                                     const graph::TensorFile& file) {
  if (file.tensors.empty()) {
    return {};
  }
  Result<void> result;
  std::size_t used = 0;
  with_state_type(kind, [&](auto type) {
    for (const NamedParameter& parameter : parameters) {
      auto state = std::make_unique<decltype(type)>();
      result = read_state(*state, parameter, file, used);
      if (!result) {
        return;
      }
      optimizer.state()[key_of(parameter.value)] = std::move(state);
    }
  });
  if (result && used != file.tensors.size()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} tensors, expected {}", file.tensors.size(), used));
  }
  return result;
}

}  // namespace symbiont::trainer
