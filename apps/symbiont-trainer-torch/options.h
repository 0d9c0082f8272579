#pragma once
/// The trainer's command line.

#include <string>

#include "symbiont/data/dataset.h"

namespace symbiont::trainer {

enum class ModelKind { kMlp, kCnnSmall };
enum class OptimizerKind { kSgd, kSgdPlain, kAdam, kAdamW, kAdadelta };

struct Options {
  ModelKind model = ModelKind::kMlp;
  data::DataOptions data;
  OptimizerKind optimizer = OptimizerKind::kAdam;
  int threads = 1;
};

/// The words of the command line and of checkpoints: "mlp", "cnn-small"; "sgd", "sgd-plain",
/// "adam", "adamw", "adadelta".
std::string to_string(ModelKind model);
std::string to_string(OptimizerKind optimizer);

/// What the command line asks for.
struct Invocation {
  bool only_text = false;  ///< --help or --version: print `text` and end
  std::string text;
  Options options;
};

/// kInvalidArgument, naming the option, what was found and what was expected.
Result<Invocation> parse_command_line(int argc, const char* const* argv);

}  // namespace symbiont::trainer
