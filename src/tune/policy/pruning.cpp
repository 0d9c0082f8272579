#include "symbiont/tune/pruning.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace symbiont::tune {
namespace {

using State = PruningWalk::State;

bool contains(const std::vector<std::int64_t>& sizes, std::int64_t size) {
  return std::binary_search(sizes.begin(), sizes.end(), size);
}

bool ascending_and_positive(const std::vector<std::int64_t>& sizes) {
  return !sizes.empty() && sizes.front() > 0 &&
         std::is_sorted(sizes.begin(), sizes.end(), std::less_equal<>());
}

/// The next size in a direction, or 0.
std::int64_t neighbour(const std::vector<std::int64_t>& sizes, std::int64_t of, Direction towards) {
  const auto at = std::lower_bound(sizes.begin(), sizes.end(), of);
  if (towards == Direction::kSmaller) {
    return at == sizes.begin() ? 0 : *std::prev(at);
  }
  return std::next(at) == sizes.end() ? 0 : *std::next(at);
}

bool asked_is_possible(const State& state) {
  return contains(state.sizes, state.asked) &&
         (state.direction == Direction::kSmaller ? state.asked <= state.start
                                                 : state.asked > state.start);
}

bool converged_is_possible(const State& state) {
  std::vector<std::int64_t> sizes;
  for (const PruningWalk::Converged& entry : state.converged) {
    if (!contains(state.sizes, entry.batch_size) || entry.batch_size == state.asked) {
      return false;
    }
    sizes.push_back(entry.batch_size);
  }
  std::sort(sizes.begin(), sizes.end());
  return std::adjacent_find(sizes.begin(), sizes.end()) == sizes.end();
}

bool is_possible(const State& state) {
  if (!ascending_and_positive(state.sizes) || state.rounds < 1 || state.round < 1 ||
      state.round > state.rounds + 1) {
    return false;
  }
  if (state.asked == 0) {  // the walk is over, or nothing converged
    return state.converged.empty();
  }
  return state.round <= state.rounds && contains(state.sizes, state.start) &&
         asked_is_possible(state) && converged_is_possible(state);
}

}  // namespace

PruningWalk::PruningWalk(std::vector<std::int64_t> sizes, std::int64_t start, int rounds) {
  state_.sizes = std::move(sizes);
  state_.start = start;
  state_.rounds = rounds;
  state_.asked = start;
  SYM_CHECK(is_possible(state_));
}

Result<PruningWalk> PruningWalk::resume(State state) {
  if (!is_possible(state)) {
    return fail(ErrorCode::kDataLoss, "a pruning walk cannot be in this state");
  }
  return PruningWalk(std::move(state));
}

std::optional<std::int64_t> PruningWalk::asked() const {
  return state_.asked == 0 ? std::nullopt : std::optional(state_.asked);
}

Result<void> PruningWalk::report(std::int64_t batch_size, Verdict verdict, Joules cost) {
  if (state_.asked == 0 || batch_size != state_.asked) {
    return fail(ErrorCode::kFailedPrecondition,
                fmt::format("batch size {} reported, pruning waits for {}", batch_size,
                            state_.asked == 0 ? "nothing" : std::to_string(state_.asked)));
  }
  if (verdict == Verdict::kConverged) {
    state_.converged.push_back({batch_size, cost});
  }
  const bool goes_on = verdict == Verdict::kConverged ||
                       (verdict == Verdict::kInfeasible && state_.direction == Direction::kSmaller);
  state_.asked = goes_on ? neighbour(state_.sizes, batch_size, state_.direction) : 0;
  if (state_.asked == 0 && state_.direction == Direction::kSmaller) {
    turn_around();
  }
  if (state_.asked == 0) {
    finish_round();
  }
  return {};
}

void PruningWalk::turn_around() {
  state_.direction = Direction::kLarger;
  state_.asked = neighbour(state_.sizes, state_.start, Direction::kLarger);
}

void PruningWalk::finish_round() {
  if (state_.converged.empty()) {
    return;
  }
  state_.start = cheapest();
  state_.sizes.clear();
  for (const Converged& entry : state_.converged) {
    state_.sizes.push_back(entry.batch_size);
  }
  std::sort(state_.sizes.begin(), state_.sizes.end());
  state_.converged.clear();
  state_.direction = Direction::kSmaller;
  ++state_.round;
  state_.asked = over() ? 0 : state_.start;
}

const std::vector<std::int64_t>& PruningWalk::survivors() const {
  SYM_CHECK(over());
  return state_.sizes;
}

std::int64_t PruningWalk::cheapest() const {
  const auto best =
      std::min_element(state_.converged.begin(), state_.converged.end(),
                       [](const Converged& a, const Converged& b) { return a.cost < b.cost; });
  return best == state_.converged.end() ? state_.start : best->batch_size;
}

}  // namespace symbiont::tune
