#pragma once
/// Torch's tensors from and to files. Includes torch: only for learner.cpp and optimizers.cpp.

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <torch/types.h>

#include "symbiont/graph/safetensors.h"

namespace symbiont::trainer {

/// A parameter under the name it has in files.
struct NamedParameter {
  std::string name;
  torch::Tensor value;
};

/// A copy of a contiguous float32 tensor.
inline graph::Tensor to_file_tensor(std::string name, const torch::Tensor& value) {
  SYM_CHECK(value.scalar_type() == torch::kFloat32 && value.is_contiguous());
  const std::span<const float> numbers(value.data_ptr<float>(),
                                       static_cast<std::size_t>(value.numel()));
  return graph::make_tensor(std::move(name), value.sizes().vec(), numbers);
}

/// The tensor of that name and shape. kInvalidArgument naming it, what was found and expected.
inline Result<torch::Tensor> from_file_tensor(const graph::TensorFile& file,
                                              const std::string& name, torch::IntArrayRef shape) {
  const graph::Tensor* tensor = file.find(name);
  if (tensor == nullptr) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("there is no tensor \"{}\"", name));
  }
  if (tensor->shape != shape.vec()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("tensor \"{}\" has shape [{}], expected [{}]", name,
                            fmt::join(tensor->shape, ", "), fmt::join(shape.vec(), ", ")));
  }
  SYM_ASSIGN_OR_RETURN(const std::vector<float> numbers, graph::float_values(*tensor));
  torch::Tensor value = torch::empty(shape, torch::kFloat32);
  if (!numbers.empty()) {
    std::memcpy(value.data_ptr<float>(), numbers.data(), numbers.size() * sizeof(float));
  }
  return value;
}

}  // namespace symbiont::trainer
