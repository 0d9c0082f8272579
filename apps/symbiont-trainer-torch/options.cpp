#include "options.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "symbiont/base/version.h"

namespace symbiont::trainer {
namespace {

/// A word of the command line and what --help says of it.
template <typename Kind>
struct Word {
  std::string word;
  Kind kind;
  std::string meaning;
};
template <typename Kind>
using Words = std::vector<Word<Kind>>;

const Words<ModelKind> kModels = {
    {"mlp", ModelKind::kMlp, "inputs - 128 - classes, ReLU"},
    {"cnn-small", ModelKind::kCnnSmall,
     "3x3 conv of 8 channels, pool, 3x3 conv of 16 channels, pool, linear"},
};

const Words<OptimizerKind> kOptimizers = {
    {"sgd", OptimizerKind::kSgd, "stochastic gradient descent with momentum 0.9"},
    {"sgd-plain", OptimizerKind::kSgdPlain, "the same without momentum"},
    {"adam", OptimizerKind::kAdam, "beta 0.9 and 0.999, epsilon 1e-8"},
    {"adamw", OptimizerKind::kAdamW, "adam with decoupled weight decay 0.01"},
    {"adadelta", OptimizerKind::kAdadelta, "rho 0.9, epsilon 1e-6; the usual learning rate is 1"},
};

constexpr const char* kDescription =
    "Trains a network under leases of steps granted by a runner "
    "(docs/reference/worker-protocol.md).\n"
    "Started by `symbiont run`, which passes SYMBIONT_CHANNEL, SYMBIONT_BATCH_SIZE,\n"
    "SYMBIONT_LEARNING_RATE and the rest in the environment.";

template <typename Kind>
std::vector<std::string> words_of(const Words<Kind>& table) {
  std::vector<std::string> words;
  for (const Word<Kind>& row : table) {
    words.push_back(row.word);
  }
  return words;
}

template <typename Kind>
Kind kind_of(const Words<Kind>& table, const std::string& word) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const Word<Kind>& candidate) {
    return candidate.word == word;
  });
  SYM_CHECK(row != table.end());
  return row->kind;
}

template <typename Kind>
std::string word_of(const Words<Kind>& table, Kind kind) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const Word<Kind>& candidate) {
    return candidate.kind == kind;
  });
  SYM_CHECK(row != table.end());
  return row->word;
}

template <typename Kind>
std::string help_on(const Words<Kind>& table) {
  std::string lines;
  for (const Word<Kind>& row : table) {
    lines += fmt::format("  {:<11} {}\n", row.word, row.meaning);
  }
  return lines;
}

std::string footer() {
  return "Models\n" + help_on(kModels) + "Optimizers\n" + help_on(kOptimizers) +
         "Example\n"
         "  symbiont-trainer-torch --model mlp --data fashion-mnist --limit 2000 --optimizer adam";
}

}  // namespace

std::string to_string(ModelKind model) {
  return word_of(kModels, model);
}

std::string to_string(OptimizerKind optimizer) {
  return word_of(kOptimizers, optimizer);
}

Result<Invocation> parse_command_line(int argc, const char* const* argv) {
  CLI::App app(kDescription, "symbiont-trainer-torch");
  app.footer(footer());
  app.set_version_flag("--version", "symbiont-trainer-torch " + std::string(version()));
  std::string model;
  std::string optimizer;
  std::string metric = "accuracy";
  std::int64_t limit = 0;
  Invocation invocation;
  Options& options = invocation.options;
  app.add_option("--model", model, "The network to train")
      ->required()
      ->check(CLI::IsMember(words_of(kModels)));
  app.add_option("--data", options.data.set, "fashion-mnist, digits, idx:DIR or csv:FILE")
      ->required();
  CLI::Option* limit_option =
      app.add_option("--limit", limit, "Train on the first N rows only")
          ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40).description("at least 1"));
  app.add_option("--optimizer", optimizer, "How weights follow gradients")
      ->required()
      ->check(CLI::IsMember(words_of(kOptimizers)));
  app.add_option("--threads", options.threads, "Cores to train on (default 1)")
      ->check(CLI::Range(1, 1024).description("1 to 1024"));
  app.add_option("--metric", metric, "What is reported after an epoch (default accuracy)")
      ->check(CLI::IsMember({"accuracy"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Invocation{true, app.help(), {}};
  } catch (const CLI::CallForVersion&) {
    return Invocation{true, app.version() + "\n", {}};
  } catch (const CLI::ParseError& error) {
    return fail(ErrorCode::kInvalidArgument, error.what());
  }
  options.model = kind_of(kModels, model);
  options.optimizer = kind_of(kOptimizers, optimizer);
  if (*limit_option) {
    options.data.limit = limit;
  }
  return invocation;
}

}  // namespace symbiont::trainer
