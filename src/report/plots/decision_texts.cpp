#include <algorithm>

#include <fmt/format.h>

#include "report/plots/attempts.h"
#include "report/plots/why.h"
#include "symbiont/report/plots.h"
#include "symbiont/report/quantity_text.h"

namespace symbiont::report {
namespace {

constexpr std::size_t kMostSingly = 100;

/// A decision before it is put into words.
struct Decision {
  std::int64_t recurrence = 0;
  const ledger::Attempt* attempt = nullptr;
  Why why;

  bool reached() const { return attempt->stopped == ledger::Stopped::kReached; }
};

std::string with_capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

/// The cheapest of the other draws; null when there was none.
const WhyArm* runner_up(const Decision& decision) {
  const WhyArm* second = nullptr;
  for (const WhyArm& arm : decision.why.arms) {
    if (arm.sampled_j && arm.batch_size != decision.attempt->batch_size &&
        (second == nullptr || *arm.sampled_j < *second->sampled_j)) {
      second = &arm;
    }
  }
  return second;
}

std::string reason_of(const Decision& decision) {
  std::string text = decision.why.reason.empty() ? "no reason was recorded" : decision.why.reason;
  if (const WhyArm* arm = find_arm(decision.why, decision.attempt->batch_size);
      arm != nullptr && arm->sampled_j) {
    text += fmt::format(": {} drawn", with_prefix(*arm->sampled_j, "J"));
    if (const WhyArm* second = runner_up(decision); second != nullptr) {
      text += fmt::format(", next {} with {}", second->batch_size,
                          with_prefix(*second->sampled_j, "J"));
    }
  }
  if (decision.attempt->cost_bound) {
    text += fmt::format("; to be stopped at {}",
                        with_prefix(decision.attempt->cost_bound->value(), "J"));
  }
  return with_capital(text) + ".";
}

std::string outcome_of(const ledger::Attempt& attempt) {
  if (!attempt.stopped) {
    return "unfinished";
  }
  return fmt::format("{}: {}{}", ledger::to_string(*attempt.stopped), attempt.reason,
                     attempt.cost ? "; cost " + with_prefix(attempt.cost->value(), "J") : "");
}

DecisionText text_of(const Decision& decision) {
  DecisionText text;
  text.first = decision.recurrence;
  text.last = decision.recurrence;
  text.try_index = decision.attempt->try_index;
  text.batch_size = decision.attempt->batch_size;
  text.reason = reason_of(decision);
  text.outcome = outcome_of(*decision.attempt);
  return text;
}

bool alike(const Decision& a, const Decision& b) {
  return a.reached() && b.reached() && a.attempt->try_index == 1 && b.attempt->try_index == 1 &&
         a.attempt->batch_size == b.attempt->batch_size && a.why.stage == b.why.stage &&
         a.why.reason == b.why.reason;
}

DecisionText text_of(std::span<const Decision> group) {
  DecisionText text = text_of(group.front());
  if (group.size() == 1) {
    return text;
  }
  text.last = group.back().recurrence;
  text.reason = with_capital(group.front().why.reason) + ".";
  const auto [least, most] = std::minmax_element(
      group.begin(), group.end(),
      [](const Decision& a, const Decision& b) { return *a.attempt->cost < *b.attempt->cost; });
  text.outcome = fmt::format("reached each time; cost {} to {}",
                             with_prefix(least->attempt->cost->value(), "J"),
                             with_prefix(most->attempt->cost->value(), "J"));
  return text;
}

std::vector<Decision> decisions_of(const RunRecords& records) {
  std::vector<Decision> decisions;
  for_each_attempt(
      records, [&](const ledger::RecurrenceRecord& record, const ledger::AttemptRecord& attempt) {
        if (is_tuned(record)) {
          decisions.push_back(
              {record.recurrence.index, &attempt.attempt, parse_why(attempt.attempt.why)});
        }
      });
  return decisions;
}

}  // namespace

std::vector<DecisionText> decision_texts(const RunRecords& records) {
  const std::vector<Decision> decisions = decisions_of(records);
  const std::span<const Decision> all(decisions);
  std::vector<DecisionText> texts;
  for (std::size_t at = 0; at < all.size();) {
    std::size_t end = at + 1;
    while (all.size() > kMostSingly && end < all.size() && alike(all[at], all[end])) {
      ++end;
    }
    texts.push_back(text_of(all.subspan(at, end - at)));
    at = end;
  }
  return texts;
}

}  // namespace symbiont::report
