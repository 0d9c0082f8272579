#include "symbiont/jobs/run_metrics.h"

#include <algorithm>

namespace symbiont::jobs {

RunMetrics::RunMetrics(MetricRegistry& registry)
    : run_recurrences_(registry.add(MetricKind::kGauge, "symbiont_run_recurrences",
                                    "Recurrences that the run performs, baseline runs apart.")),
      recurrences_(registry.add(MetricKind::kCounter, "symbiont_recurrences_total",
                                "Recurrences finished, by kind and whether the target was "
                                "reached.")),
      attempts_(registry.add(MetricKind::kCounter, "symbiont_attempts_total",
                             "Attempts ended, by what ended them.")),
      workers_(registry.add(MetricKind::kCounter, "symbiont_workers_started_total",
                            "Worker processes started.")),
      retries_(registry.add(MetricKind::kCounter, "symbiont_worker_retries_total",
                            "Workers that failed and were started again.")),
      epochs_(registry.add(MetricKind::kCounter, "symbiont_epochs_total", "Epochs recorded.")),
      energy_(registry.add(MetricKind::kCounter, "symbiont_energy_joules_total",
                           "Energy, by use: epochs, startup, or lost with a process.")),
      time_(registry.add(MetricKind::kCounter, "symbiont_busy_seconds_total",
                         "Wall time of workers, by the same uses.")),
      emitted_(registry.add(MetricKind::kCounter, "symbiont_emitted_grams_total",
                            "Carbon dioxide equivalent of the recorded epochs.")),
      batch_size_(registry.add(MetricKind::kGauge, "symbiont_batch_size",
                               "Batch size of the attempt in progress.")),
      metric_(registry.add(MetricKind::kGauge, "symbiont_validation_metric",
                           "The target's metric after the last epoch.")),
      attempt_cost_(registry.add(MetricKind::kGauge, "symbiont_last_attempt_cost_joules",
                                 "Cost of the attempt that ended last.")) {}

void RunMetrics::on_run(const ledger::Job& job, const ledger::Run& run, bool /*resumed*/) {
  job_ = job.name;
  run_recurrences_.set({{"job", job_}}, static_cast<double>(run.recurrences));
}

void RunMetrics::on_attempt(const ledger::Recurrence& recurrence, const ledger::Attempt& attempt,
                            std::int64_t /*position*/) {
  kind_ = to_string(recurrence.kind);
  batch_size_.set({{"job", job_}}, static_cast<double>(attempt.batch_size));
}

void RunMetrics::on_worker(const ledger::Incarnation& /*worker*/) {
  workers_.add({{"job", job_}}, 1.0);
}

void RunMetrics::on_ready(const train::Hello& /*hello*/, const Usage& startup) {
  charge("startup", startup);
}

void RunMetrics::on_epoch(const ledger::Epoch& epoch) {
  epochs_.add({{"job", job_}}, 1.0);
  charge("epochs", epoch.usage);
  metric_.set({{"job", job_}}, epoch.metric);
  if (epoch.emitted) {
    emitted_.add({{"job", job_}}, std::max(0.0, epoch.emitted->value()));
  }
}

void RunMetrics::on_closed(const Usage& closing) {
  charge("startup", closing);
}

void RunMetrics::on_worker_ended(const std::string& /*how*/, const Usage& lost) {
  charge("lost", lost);
}

void RunMetrics::on_retry(const std::string& /*reason*/) {
  retries_.add({{"job", job_}}, 1.0);
}

void RunMetrics::on_attempt_finished(const ledger::AttemptResult& result) {
  attempts_.add({{"job", job_}, {"stopped", std::string(to_string(result.stopped))}}, 1.0);
  attempt_cost_.set({{"job", job_}}, result.cost.value());
  batch_size_.remove({{"job", job_}});
  if (result.recurrence_finished) {
    recurrences_.add(
        {{"job", job_}, {"kind", kind_}, {"reached", result.recurrence_reached ? "true" : "false"}},
        1.0);
  }
}

void RunMetrics::charge(const std::string& use, const Usage& usage) {
  energy_.add({{"job", job_},
               {"use", use},
               {"provenance", std::string(to_string(usage.provenance))},
               {"scope", std::string(to_string(usage.scope))}},
              usage.energy().value());
  time_.add({{"job", job_}, {"use", use}}, usage.seconds().value());
}

}  // namespace symbiont::jobs
