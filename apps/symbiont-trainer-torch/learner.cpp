#include "learner.h"

#include <cmath>
#include <exception>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <torch/torch.h>

#include "optimizers.h"
#include "symbiont/base/random.h"

namespace symbiont::trainer {
namespace {

constexpr std::int64_t kHidden = 128;
constexpr std::int64_t kFirstChannels = 8;
constexpr std::int64_t kSecondChannels = 16;
constexpr std::int64_t kKernel = 3;
constexpr std::int64_t kPooling = 2;  // each of two pools halves the image
constexpr std::int64_t kEvaluationBatch = 500;

// Runs `work`, turning torch's exceptions into errors.
template <typename Work>
auto guarded(Work work) -> decltype(work()) {
  constexpr std::string_view kAllocator = "can't allocate memory";
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kResourceExhausted, "out of memory");
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    const bool memory = what.find(kAllocator) != std::string::npos;
    return fail(memory ? ErrorCode::kResourceExhausted : ErrorCode::kUnknown, "torch: " + what);
  } catch (const std::exception& error) {
    return fail(ErrorCode::kUnknown, std::string("torch: ") + error.what());
  }
}

std::int64_t signed_size(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

// A network as its named parameters and a function of them.
class Network {
 public:
  virtual ~Network() = default;
  // `rows`: batch x features. Returns batch x classes.
  virtual torch::Tensor forward(const torch::Tensor& rows) const = 0;
  // Numbers kept for the backward pass, per row.
  virtual std::int64_t activations_per_row() const = 0;

  const std::vector<NamedParameter>& parameters() const { return parameters_; }

 protected:
  // Adds NAME.weight of that shape and NAME.bias; each output sums `fan_in` inputs.
  void add_layer(const std::string& name, std::vector<std::int64_t> shape, std::int64_t fan_in,
                 Random& random) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(fan_in));
    add(name + ".weight", shape, bound, random);
    add(name + ".bias", {shape.front()}, bound, random);
  }
  const torch::Tensor& at(std::size_t index) const { return parameters_[index].value; }

 private:
  void add(std::string name, const std::vector<std::int64_t>& shape, double bound, Random& random) {
    torch::Tensor value = torch::empty(shape, torch::kFloat32);
    float* numbers = value.data_ptr<float>();
    for (std::int64_t i = 0; i < value.numel(); ++i) {
      numbers[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
    }
    parameters_.push_back({std::move(name), value.requires_grad_()});
  }

  std::vector<NamedParameter> parameters_;
};

class Mlp final : public Network {
 public:
  Mlp(std::int64_t features, std::int64_t classes, Random random)
      : activations_(features + 2 * kHidden + 2 * classes) {
    add_layer("fc1", {kHidden, features}, features, random);
    add_layer("fc2", {classes, kHidden}, kHidden, random);
  }
  torch::Tensor forward(const torch::Tensor& rows) const override {
    const torch::Tensor hidden = torch::relu(torch::linear(rows, at(0), at(1)));
    return torch::linear(hidden, at(2), at(3));
  }
  std::int64_t activations_per_row() const override { return activations_; }

 private:
  std::int64_t activations_;
};

class SmallCnn final : public Network {
 public:
  SmallCnn(const data::Shape& shape, std::int64_t classes, Random random)
      : channels_(signed_size(shape.channels)),
        height_(signed_size(shape.height)),
        width_(signed_size(shape.width)) {
    const std::int64_t area = kKernel * kKernel;
    const std::int64_t pooled = (height_ / kPooling / kPooling) * (width_ / kPooling / kPooling);
    add_layer("conv1", {kFirstChannels, channels_, kKernel, kKernel}, channels_ * area, random);
    add_layer("conv2", {kSecondChannels, kFirstChannels, kKernel, kKernel}, kFirstChannels * area,
              random);
    add_layer("fc1", {classes, kSecondChannels * pooled}, kSecondChannels * pooled, random);
  }
  torch::Tensor forward(const torch::Tensor& rows) const override {
    const torch::Tensor image = rows.view({rows.size(0), channels_, height_, width_});
    const torch::Tensor first = layer(image, 0);
    const torch::Tensor second = layer(first, 2);
    return torch::linear(second.flatten(1), at(4), at(5));
  }
  std::int64_t activations_per_row() const override {
    // Input, and each convolution's output before and after ReLU, then pooled with its indices.
    const std::int64_t area = height_ * width_;
    return channels_ * area + 3 * kFirstChannels * area + 3 * kSecondChannels * area / 4;
  }

 private:
  torch::Tensor layer(const torch::Tensor& input, std::size_t index) const {
    const torch::Tensor output =
        torch::conv2d(input, at(index), at(index + 1), /*stride=*/1, /*padding=*/kKernel / 2);
    return torch::max_pool2d(torch::relu(output), kPooling);
  }

  std::int64_t channels_;
  std::int64_t height_;
  std::int64_t width_;
};

Result<std::unique_ptr<Network>> make_network(const LearnerOptions& options,
                                              const data::Dataset& dataset) {
  const Random random(derive_seed(options.seed, "init"));
  const std::int64_t classes = signed_size(dataset.classes);
  const data::Shape& shape = dataset.shape;
  if (options.model == ModelKind::kMlp) {
    return std::make_unique<Mlp>(signed_size(shape.size()), classes, random);
  }
  if (shape.height < kPooling * kPooling || shape.width < kPooling * kPooling) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("cnn-small needs images of at least 4x4, the data has {}x{}",
                            shape.height, shape.width));
  }
  return std::make_unique<SmallCnn>(shape, classes, random);
}

// Rows x features, as floats in [0, 1] for pixels.
torch::Tensor feature_tensor(data::Dataset& dataset) {
  const std::vector<std::int64_t> sizes = {signed_size(dataset.rows),
                                           signed_size(dataset.shape.size())};
  if (auto* pixels = std::get_if<data::Pixels>(&dataset.features)) {
    return torch::from_blob(pixels->values.data(), sizes, torch::kUInt8)
        .to(torch::kFloat32)
        .div_(pixels->full_scale);
  }
  auto& numbers = std::get<std::vector<float>>(dataset.features);
  return torch::from_blob(numbers.data(), sizes, torch::kFloat32).clone();
}

torch::Tensor index_tensor(std::vector<std::int64_t>& numbers) {
  return torch::from_blob(numbers.data(), {signed_size(numbers.size())}, torch::kInt64).clone();
}

struct Part {
  explicit Part(data::Dataset dataset)
      : features(feature_tensor(dataset)), labels(index_tensor(dataset.labels)) {}

  std::int64_t rows() const { return labels.size(0); }
  std::int64_t bytes() const {
    return static_cast<std::int64_t>(features.nbytes() + labels.nbytes());
  }

  torch::Tensor features;
  torch::Tensor labels;
};

// Torch refuses a second call of the one and, once it has worked, of the other.
void set_threads(int threads) {
  at::set_num_threads(threads);
  if (at::get_num_interop_threads() != 1) {
    at::set_num_interop_threads(1);
  }
}

}  // namespace

struct Learner::State {
  State(const LearnerOptions& from, std::unique_ptr<Network> with, data::Split split,
        std::int64_t steps_per_epoch)
      : options(from),
        network(std::move(with)),
        optimizer(make_optimizer(from.optimizer, network->parameters(), from.learning_rate)),
        train(std::move(split.train)),
        evaluation(std::move(split.evaluation)) {
    for (const NamedParameter& parameter : network->parameters()) {
      size.parameters += parameter.value.numel();
    }
    constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float));
    size.steps_per_epoch = steps_per_epoch;
    size.persistent_bytes = train.bytes() + evaluation.bytes() +
                            kFloat * size.parameters * (1 + state_per_parameter(from.optimizer));
    // Activations twice: their gradients live at the same time.
    size.ephemeral_bytes =
        kFloat * (size.parameters + 2 * from.batch_size * network->activations_per_row());
  }

  void prepare_order(std::int64_t epoch) {
    if (epoch == order_epoch) {
      return;
    }
    auto numbers = data::epoch_order(static_cast<std::size_t>(train.rows()), options.seed, epoch);
    order = index_tensor(numbers);
    order_epoch = epoch;
  }

  torch::Tensor step(const torch::Tensor& rows) {
    const torch::Tensor scores = network->forward(train.features.index_select(0, rows));
    const torch::Tensor loss =
        torch::cross_entropy_loss(scores, train.labels.index_select(0, rows));
    for (const NamedParameter& parameter : network->parameters()) {
      parameter.value.mutable_grad().reset();
    }
    loss.backward();
    optimizer->step();
    return loss.detach();
  }

  LearnerOptions options;
  LearnerSize size;
  std::unique_ptr<Network> network;
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  Part train;
  Part evaluation;
  torch::Tensor order;
  std::int64_t order_epoch = 0;
};

Learner::Learner(std::unique_ptr<State> state) : state_(std::move(state)) {}
Learner::Learner(Learner&&) noexcept = default;
Learner& Learner::operator=(Learner&&) noexcept = default;
Learner::~Learner() = default;

std::string Learner::framework() {
  return "torch " TORCH_VERSION;
}

Result<Learner> Learner::create(const LearnerOptions& options, data::Split split) {
  return guarded([&]() -> Result<Learner> {
    set_threads(options.threads);
    SYM_ASSIGN_OR_RETURN(const std::int64_t steps,
                         data::steps_per_epoch(split.train.rows, options.batch_size));
    SYM_ASSIGN_OR_RETURN(std::unique_ptr<Network> network, make_network(options, split.train));
    return Learner(std::make_unique<State>(options, std::move(network), std::move(split), steps));
  });
}

const LearnerSize& Learner::size() const {
  return state_->size;
}

Result<double> Learner::train(std::int64_t epoch, std::int64_t position, std::int64_t steps) {
  return guarded([&]() -> Result<double> {
    state_->prepare_order(epoch);
    const std::int64_t batch = state_->options.batch_size;
    // The sum stays a tensor, so that steps do not wait for their losses one by one.
    torch::Tensor sum = torch::zeros({}, torch::kFloat64);
    for (std::int64_t i = position; i < position + steps; ++i) {
      sum += state_->step(state_->order.narrow(0, i * batch, batch));
    }
    return sum.item<double>();
  });
}

Result<double> Learner::evaluate() {
  return guarded([&]() -> Result<double> {
    torch::NoGradGuard no_grad;
    const Part& part = state_->evaluation;
    std::int64_t right = 0;
    for (std::int64_t begin = 0; begin < part.rows(); begin += kEvaluationBatch) {
      const std::int64_t rows = std::min(kEvaluationBatch, part.rows() - begin);
      const torch::Tensor scores = state_->network->forward(part.features.narrow(0, begin, rows));
      right += scores.argmax(1).eq(part.labels.narrow(0, begin, rows)).sum().item<std::int64_t>();
    }
    return static_cast<double>(right) / static_cast<double>(part.rows());
  });
}

graph::TensorFile Learner::weights() const {
  graph::TensorFile file;
  for (const NamedParameter& parameter : state_->network->parameters()) {
    file.tensors.push_back(to_file_tensor(parameter.name, parameter.value));
  }
  file.metadata = {{"format", "pt"}, {"model", to_string(state_->options.model)}};
  return file;
}

Result<void> Learner::load_weights(const graph::TensorFile& file) {
  return guarded([&]() -> Result<void> {
    torch::NoGradGuard no_grad;
    const auto& parameters = state_->network->parameters();
    std::vector<torch::Tensor> values;
    for (const NamedParameter& parameter : parameters) {
      SYM_ASSIGN_OR_RETURN(torch::Tensor value,
                           from_file_tensor(file, parameter.name, parameter.value.sizes()));
      values.push_back(std::move(value));
    }
    for (const graph::Tensor& tensor : file.tensors) {
      const bool known = std::any_of(parameters.begin(), parameters.end(),
                                     [&](const auto& p) { return p.name == tensor.name; });
      if (!known) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("the model {} has no parameter \"{}\"",
                                to_string(state_->options.model), tensor.name));
      }
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      parameters[i].value.data().copy_(values[i]);
    }
    return {};
  });
}

graph::TensorFile Learner::optimizer_state() const {
  return trainer::optimizer_state(state_->options.optimizer, *state_->optimizer,
                                  state_->network->parameters());
}

Result<void> Learner::load_optimizer_state(const graph::TensorFile& file) {
  return guarded([&] {
    return restore_optimizer_state(state_->options.optimizer, *state_->optimizer,
                                   state_->network->parameters(), file);
  });
}

}  // namespace symbiont::trainer
