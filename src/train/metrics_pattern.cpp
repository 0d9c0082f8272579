#include "metrics_pattern.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <re2/re2.h>

#include "base/in_quotes.h"

namespace symbiont::train {
namespace {

constexpr std::size_t kMaxPattern = 4096;
constexpr int kMaxGroups = 100;

RE2::Options quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

}  // namespace

struct MetricsPattern::State {
  explicit State(std::string_view pattern)
      : expression({pattern.data(), pattern.size()}, quiet()) {}

  RE2 expression;
  int epoch = 0;  // numbers of the groups
  int metric = 0;
};

MetricsPattern::MetricsPattern(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetricsPattern::MetricsPattern(MetricsPattern&&) noexcept = default;
MetricsPattern& MetricsPattern::operator=(MetricsPattern&&) noexcept = default;
MetricsPattern::~MetricsPattern() = default;

Result<MetricsPattern> MetricsPattern::compile(std::string_view pattern) {
  if (pattern.size() > kMaxPattern) {
    return fail(ErrorCode::kInvalidArgument, "expected a pattern of at most " +
                                                 std::to_string(kMaxPattern) + " bytes, found " +
                                                 std::to_string(pattern.size()));
  }
  auto state = std::make_unique<State>(pattern);
  if (!state->expression.ok()) {
    return fail(ErrorCode::kInvalidArgument, "expected a regular expression (RE2), found " +
                                                 in_quotes(pattern) + ": " +
                                                 state->expression.error());
  }
  const std::map<std::string, int>& groups = state->expression.NamedCapturingGroups();
  for (const auto& [name, number] :
       {std::pair("epoch", &state->epoch), std::pair("metric", &state->metric)}) {
    const auto group = groups.find(name);
    if (group == groups.end()) {
      return fail(ErrorCode::kInvalidArgument,
                  "expected the groups (?P<epoch>...) and (?P<metric>...), found none named \"" +
                      std::string(name) + "\"");
    }
    *number = group->second;
  }
  if (state->expression.NumberOfCapturingGroups() > kMaxGroups) {
    return fail(ErrorCode::kInvalidArgument,
                "expected at most " + std::to_string(kMaxGroups) + " groups");
  }
  return MetricsPattern(std::move(state));
}

std::optional<MetricsPattern::Match> MetricsPattern::find(std::string_view line) const {
  // Without groups first: that is much faster, and most lines are about something else.
  const re2::StringPiece text(line.data(), line.size());
  if (!state_->expression.Match(text, 0, line.size(), RE2::UNANCHORED, nullptr, 0)) {
    return std::nullopt;
  }
  const int count = 1 + state_->expression.NumberOfCapturingGroups();
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(count));
  if (!state_->expression.Match(text, 0, line.size(), RE2::UNANCHORED, groups.data(), count)) {
    return std::nullopt;
  }
  const auto view = [&](int group) {
    const re2::StringPiece& piece = groups[static_cast<std::size_t>(group)];
    return std::string_view(piece.data() == nullptr ? "" : piece.data(), piece.size());
  };
  return Match{view(state_->epoch), view(state_->metric)};
}

}  // namespace symbiont::train
