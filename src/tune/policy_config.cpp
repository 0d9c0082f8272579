#include "tune/policy_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include <fmt/format.h>

namespace symbiont::tune {
namespace {

constexpr std::size_t kMaxBatchSizes = 1000;
constexpr double kMaxBeta = 1e6;
constexpr int kMaxTries = 1000;

template <typename Enum>
using Name = std::pair<Enum, std::string_view>;

constexpr std::array kPolicies = {Name<PolicyKind>{PolicyKind::kFaithful, "faithful"},
                                  Name<PolicyKind>{PolicyKind::kFixed, "fixed"}};
constexpr std::array kScopes = {Name<WindowScope>{WindowScope::kPerArm, "per_arm"},
                                Name<WindowScope>{WindowScope::kGlobal, "global"}};
constexpr std::array kOutcomes = {Name<OutcomeKind>{OutcomeKind::kReached, "reached"},
                                  Name<OutcomeKind>{OutcomeKind::kBound, "bound"},
                                  Name<OutcomeKind>{OutcomeKind::kMaxEpochs, "max_epochs"},
                                  Name<OutcomeKind>{OutcomeKind::kDiverged, "diverged"},
                                  Name<OutcomeKind>{OutcomeKind::kInfeasible, "infeasible"},
                                  Name<OutcomeKind>{OutcomeKind::kNotStarted, "not_started"}};

template <typename Enum>
std::string_view name_of(std::span<const Name<Enum>> names, Enum value) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const Name<Enum>& name) { return name.first == value; });
  SYM_CHECK(found != names.end());
  return found->second;
}

template <typename Enum>
Result<Enum> parse_name(std::span<const Name<Enum>> names, std::string_view text,
                        std::string_view what) {
  std::string known;
  for (const auto& [value, name] : names) {
    if (name == text) {
      return value;
    }
    known += fmt::format("{}\"{}\"", known.empty() ? "" : ", ", name);
  }
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is no {}; there are {}", text, what, known));
}

tl::unexpected<Error> wrong(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<void> check_batch_sizes(const PolicyConfig& config) {
  const std::vector<std::int64_t>& sizes = config.batch_sizes;
  if (sizes.empty() || sizes.size() > kMaxBatchSizes) {
    return wrong(fmt::format("batch_sizes: from 1 to {} sizes expected, found {}", kMaxBatchSizes,
                             sizes.size()));
  }
  if (sizes.front() <= 0) {
    return wrong(fmt::format("batch_sizes: {} is not positive", sizes.front()));
  }
  const auto twice = std::adjacent_find(sizes.begin(), sizes.end());
  if (twice != sizes.end()) {
    return wrong(fmt::format("batch_sizes: {} is there twice", *twice));
  }
  if (!std::binary_search(sizes.begin(), sizes.end(), config.default_batch_size)) {
    return wrong(fmt::format("batch_size: the default {} is not one of batch_sizes ({})",
                             config.default_batch_size, fmt::join(sizes, ", ")));
  }
  return {};
}

}  // namespace

std::string_view to_string(PolicyKind kind) {
  return name_of<PolicyKind>(kPolicies, kind);
}
std::string_view to_string(WindowScope scope) {
  return name_of<WindowScope>(kScopes, scope);
}
std::string_view to_string(OutcomeKind kind) {
  return name_of<OutcomeKind>(kOutcomes, kind);
}

Result<PolicyKind> parse_policy_kind(std::string_view name) {
  return parse_name<PolicyKind>(kPolicies, name, "policy");
}

Result<WindowScope> parse_window_scope(std::string_view name) {
  return parse_name<WindowScope>(kScopes, name, "window scope");
}

Result<PolicyConfig> validated(PolicyConfig config) {
  std::sort(config.batch_sizes.begin(), config.batch_sizes.end());
  SYM_RETURN_IF_ERROR(check_batch_sizes(config));
  const bool bounded = config.beta > 0.0 && config.beta <= kMaxBeta;
  if (!bounded && !(std::isinf(config.beta) && config.beta > 0.0)) {
    return wrong(
        fmt::format("beta: above 0 and at most {} expected, or infinity for no bound; "
                    "found {}",
                    kMaxBeta, config.beta));
  }
  if (config.window < 0 || config.window == 1) {
    return wrong(fmt::format("window: 0 (remember everything) or at least 2 expected, found {}",
                             config.window));
  }
  if (config.max_tries < 1 || config.max_tries > kMaxTries) {
    return wrong(
        fmt::format("max_tries: from 1 to {} expected, found {}", kMaxTries, config.max_tries));
  }
  return config;
}

}  // namespace symbiont::tune
