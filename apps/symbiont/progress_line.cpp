#include "progress_line.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "symbiont/report/terminal_text.h"

namespace symbiont::app {
namespace {

constexpr int kBarWidth = 24;
constexpr std::chrono::milliseconds kRedraw{50};

std::string bar(double fraction) {
  const int filled = static_cast<int>(std::lround(std::clamp(fraction, 0.0, 1.0) * kBarWidth));
  return std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(kBarWidth - filled), '.');
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::on_run(const ledger::Job& job, const ledger::Run& run, bool resumed) {
  recurrences_ = run.recurrences;
  baseline_runs_ = run.baseline_runs;
  if (terminal_ && resumed) {
    fmt::print(stderr, "{}: resuming run {}\n", job.name, run.id);
  }
}

void ProgressLine::on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                              std::int64_t position) {
  const bool tuned = recurrence.kind == ledger::RecurrenceKind::kTuned;
  label_ = fmt::format("{} {}/{}, batch size {}", tuned ? "recurrence" : "baseline", position,
                       tuned ? recurrences_ : baseline_runs_, attempt.batch_size);
  if (attempt.try_index > 1) {
    label_ += fmt::format(" (try {})", attempt.try_index);
  }
  epochs_ = 0;
  max_epochs_ = attempt.max_epochs;
  metric_.clear();
  draw(0.0);
}

void ProgressLine::on_progress(const train::Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < kRedraw) {
    return;
  }
  drawn_ = now;
  epochs_ = progress.epoch - 1;
  draw(progress.steps_per_epoch
           ? static_cast<double>(progress.steps) / static_cast<double>(*progress.steps_per_epoch)
           : 0.0);
}

void ProgressLine::on_epoch(const ledger::Epoch& epoch) {
  epochs_ = epoch.index;
  metric_ = fmt::format("{:.4f}", epoch.metric);
  draw(0.0);
}

void ProgressLine::on_attempt_finished(const ledger::AttemptResult& result) {
  if (!terminal_) {
    return;
  }
  clear();
  fmt::print(stderr, "{}: {}: {}\n", label_, ledger::to_string(result.stopped),
             report::terminal_text(result.reason));
}

void ProgressLine::on_retry(const std::string& reason) {
  clear();
  fmt::print(stderr, "symbiont: {}\n", report::terminal_text(reason));
}

void ProgressLine::draw(double fraction_of_epoch) {
  if (!terminal_) {
    return;
  }
  const double fraction = (static_cast<double>(epochs_) + fraction_of_epoch) /
                          static_cast<double>(std::max<std::int64_t>(max_epochs_, 1));
  fmt::print(stderr, "\r\x1b[K{} [{}] epoch {}/{}{}", label_, bar(fraction),
             std::min(epochs_ + 1, max_epochs_), max_epochs_,
             metric_.empty() ? "" : ", last " + metric_);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (terminal_) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
  }
}

}  // namespace symbiont::app
