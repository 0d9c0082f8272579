#include "jobs/attempt_recorder.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "symbiont/base/clock.h"
#include "symbiont/base/file.h"
#include "symbiont/carbon/emissions.h"

namespace symbiont::jobs {
namespace {

constexpr std::chrono::seconds kLeaseRenewal{10};

}  // namespace

void remove_checkpoint(const Session& session, ledger::Id attempt,
                       const std::filesystem::path& path) {
  // What cannot be removed takes space and does no harm.
  std::error_code ignored;
  const auto folder = std::filesystem::weakly_canonical(session.attempt_folder(attempt), ignored);
  const auto checkpoint = std::filesystem::weakly_canonical(session.state_folder() / path, ignored);
  if (is_inside(checkpoint, folder) && checkpoint != folder) {
    std::filesystem::remove_all(checkpoint, ignored);
  }
}

AttemptRecorder::AttemptRecorder(Session& session, const RunOptions& options, RunListener& listener,
                                 const ledger::AttemptRecord& record,
                                 ledger::Incarnation incarnation,
                                 std::optional<Joules> known_epoch_cost)
    : session_(session),
      options_(options),
      listener_(listener),
      attempt_(record.attempt),
      incarnation_(std::move(incarnation)),
      epochs_(record.epochs),
      known_epoch_cost_(known_epoch_cost),
      checkpoint_path_(record.checkpoint ? record.checkpoint->path : ""),
      lease_renewed_(system_clock().now()) {
  if (record.checkpoint && record.checkpoint->carried_emitted) {
    carried_ = {record.checkpoint->carried, *record.checkpoint->carried_emitted};
  }
}

Result<void> AttemptRecorder::on_started(const train::Hello& hello, const Usage& startup) {
  if (hello.resumed_position == 0) {
    // The worker does not go on inside the epoch that its checkpoint was made in.
    SYM_RETURN_IF_ERROR(session_.ledger.lose_carried(attempt_.id));
    carried_ = {};
  }
  startup_ = startup;
  SYM_RETURN_IF_ERROR(session_.ledger.record_startup(incarnation_.id, startup));
  listener_.on_ready(hello, startup);
  return {};
}

Result<void> AttemptRecorder::on_closed(const Usage& closing) {
  SYM_RETURN_IF_ERROR(session_.ledger.record_startup(incarnation_.id, startup_ + closing));
  if (closing.time.count() > 0) {
    listener_.on_closed(closing);
  }
  return {};
}

Result<void> AttemptRecorder::on_progress(const train::Progress& progress) {
  listener_.on_progress(progress);
  SYM_RETURN_IF_ERROR(renew_lease());
  return session_.ledger.record_pending(incarnation_.id, progress.pending);
}

Result<train::Verdict> AttemptRecorder::on_epoch(const train::EpochResult& result) {
  ledger::Epoch epoch;
  epoch.index = result.index;
  epoch.metric = result.metric;
  epoch.train_seconds = result.train_seconds;
  epoch.evaluation_seconds = result.evaluation_seconds;
  epoch.usage = result.usage;
  epoch.begin = result.begin;
  epoch.end = result.end;
  SYM_ASSIGN_OR_RETURN(const bool fresh, record(epoch));
  if (!fresh && epoch.index < static_cast<std::int64_t>(epochs_.size())) {
    return train::Verdict::kContinue;
  }
  const auto ending = judge(session_.spec, session_.job, attempt_, epochs_, known_epoch_cost_);
  return ending ? train::Verdict::kStop : train::Verdict::kContinue;
}

Result<void> AttemptRecorder::on_checkpoint(const train::Saved& saved, const Usage& carried) {
  ledger::CheckpointRecord checkpoint;
  checkpoint.path =
      std::filesystem::path(saved.path).lexically_relative(session_.state_folder()).string();
  checkpoint.epoch = saved.epoch;
  checkpoint.position = saved.position;
  checkpoint.carried = carried;
  checkpoint.carried_emitted = emitted_by(carried, begin_of_latest(carried));
  SYM_RETURN_IF_ERROR(session_.ledger.record_checkpoint(attempt_.id, incarnation_.id, checkpoint));
  listener_.on_checkpoint(checkpoint);
  const auto superseded = std::exchange(checkpoint_path_, checkpoint.path);
  if (!is_inside(checkpoint_path_, superseded)) {
    remove_checkpoint(session_, attempt_.id, superseded);
  }
  return {};
}

bool AttemptRecorder::interrupted() {
  return options_.interrupted();
}

bool AttemptRecorder::has_diverged() const {
  return !epochs_.empty() && !std::isfinite(epochs_.back().metric);
}

Result<void> AttemptRecorder::record_diverged_epoch(const Usage& unfinished) {
  ledger::Epoch epoch;
  epoch.index = static_cast<std::int64_t>(epochs_.size()) + 1;
  epoch.metric = std::numeric_limits<double>::quiet_NaN();
  epoch.train_seconds = unfinished.seconds().value();
  epoch.usage = unfinished;
  epoch.begin = begin_of_latest(unfinished);
  epoch.end = session_.monitor.clock().wall_now();
  SYM_RETURN_IF_ERROR(record(epoch));
  return {};
}

Result<bool> AttemptRecorder::record(const ledger::Epoch& epoch) {
  ledger::Epoch with_grams = epoch;
  with_grams.emitted = emitted_by(epoch.usage, epoch.begin);
  carried_ = {};
  SYM_ASSIGN_OR_RETURN(const bool fresh,
                       session_.ledger.record_epoch(attempt_.id, incarnation_.id, with_grams));
  if (fresh) {
    epochs_.push_back(with_grams);
    listener_.on_epoch(with_grams);
  }
  return fresh;
}

WallTime AttemptRecorder::begin_of_latest(const Usage& usage) const {
  return session_.monitor.clock().wall_now() - (usage.time - carried_.usage.time);
}

GramsCo2 AttemptRecorder::emitted_by(const Usage& usage, WallTime begin) const {
  // The civil clock may be set while an epoch runs; its length may not.
  const WallTime end = begin + (usage.time - carried_.usage.time);
  const std::array latest = {
      carbon::EnergyInterval{begin, end, usage.energy() - carried_.usage.energy()}};
  return carried_.emitted +
         carbon::emitted(latest, session_.intensity, session_.spec.carbon.pue).grams;
}

Result<void> AttemptRecorder::renew_lease() {
  const auto now = system_clock().now();
  if (now - lease_renewed_ < kLeaseRenewal) {
    return {};
  }
  lease_renewed_ = now;
  return session_.ledger.renew_lease(lease_name(session_.job.name), session_.holder,
                                     system_clock().wall_now());
}

}  // namespace symbiont::jobs
