#include "schema.h"

namespace symbiont::ledger {
namespace {

// Types and constraints are those that SQLite and PostgreSQL share; STRICT makes SQLite keep them.
// Times are nanoseconds since 1970 UTC; seeds are 64 unsigned bits and therefore decimal text.
constexpr std::string_view kInitial = R"sql(
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  created_ns INTEGER NOT NULL,
  meters TEXT NOT NULL,
  provenance TEXT NOT NULL
    CHECK (provenance IN ('measured', 'modelled', 'replayed', 'simulated', 'mixed')),
  scope TEXT NOT NULL CHECK (scope IN ('machine', 'process')),
  max_power_w REAL NOT NULL CHECK (max_power_w >= 0),
  seed TEXT NOT NULL
) STRICT;

CREATE TABLE histories (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (id),
  number INTEGER NOT NULL CHECK (number >= 1),
  identity TEXT NOT NULL,
  policy TEXT NOT NULL,
  draws TEXT NOT NULL,
  UNIQUE (job, number)
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (id),
  history INTEGER NOT NULL REFERENCES histories (id),
  recurrences INTEGER NOT NULL CHECK (recurrences >= 0),
  baseline_runs INTEGER NOT NULL CHECK (baseline_runs >= 0),
  started_ns INTEGER NOT NULL,
  finished_ns INTEGER,
  status TEXT NOT NULL CHECK (status IN ('unfinished', 'finished', 'unreached', 'failed')),
  CHECK ((status = 'unfinished') = (finished_ns IS NULL))
) STRICT;
CREATE INDEX runs_of_job ON runs (job);

CREATE TABLE recurrences (
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL REFERENCES jobs (id),
  run INTEGER NOT NULL REFERENCES runs (id),
  kind TEXT NOT NULL CHECK (kind IN ('tuned', 'baseline')),
  number INTEGER NOT NULL CHECK (number >= 1),
  finished INTEGER NOT NULL DEFAULT 0 CHECK (finished IN (0, 1)),
  reached INTEGER NOT NULL DEFAULT 0 CHECK (reached IN (0, 1)),
  UNIQUE (job, kind, number)
) STRICT;
CREATE INDEX recurrences_of_run ON recurrences (run);

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY,
  recurrence INTEGER NOT NULL REFERENCES recurrences (id),
  try_index INTEGER NOT NULL CHECK (try_index >= 1),
  batch_size INTEGER NOT NULL CHECK (batch_size >= 1),
  learning_rate REAL NOT NULL CHECK (learning_rate >= 0),
  max_epochs INTEGER NOT NULL CHECK (max_epochs >= 0),
  seed TEXT NOT NULL,
  cost_bound_j REAL CHECK (cost_bound_j >= 0),
  stopped TEXT CHECK (stopped IN ('reached', 'bound', 'max_epochs', 'diverged', 'infeasible',
                                  'failed', 'interrupted')),
  reason TEXT NOT NULL DEFAULT '',
  cost_j REAL CHECK (cost_j >= 0),
  epochs INTEGER CHECK (epochs >= 0),
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
  weights TEXT NOT NULL DEFAULT '',
  UNIQUE (recurrence, try_index),
  CHECK ((stopped IS NULL) = (cost_j IS NULL)),
  CHECK ((stopped IS NULL) = (epochs IS NULL))
) STRICT;

CREATE TABLE decisions (
  attempt INTEGER PRIMARY KEY REFERENCES attempts (id),
  history INTEGER NOT NULL REFERENCES histories (id),
  why TEXT NOT NULL
) STRICT;
CREATE INDEX decisions_of_history ON decisions (history);

CREATE TABLE incarnations (
  id INTEGER PRIMARY KEY,
  attempt INTEGER NOT NULL REFERENCES attempts (id),
  number INTEGER NOT NULL CHECK (number >= 1),
  started_ns INTEGER NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)),
  how TEXT NOT NULL DEFAULT '',
  startup_energy_uj INTEGER NOT NULL DEFAULT 0 CHECK (startup_energy_uj >= 0),
  startup_uncertainty_uj INTEGER NOT NULL DEFAULT 0 CHECK (startup_uncertainty_uj >= 0),
  startup_time_ns INTEGER NOT NULL DEFAULT 0 CHECK (startup_time_ns >= 0),
  startup_provenance TEXT NOT NULL DEFAULT 'measured'
    CHECK (startup_provenance IN ('measured', 'modelled', 'replayed', 'simulated', 'mixed')),
  startup_scope TEXT NOT NULL DEFAULT 'machine' CHECK (startup_scope IN ('machine', 'process')),
  pending_energy_uj INTEGER NOT NULL DEFAULT 0 CHECK (pending_energy_uj >= 0),
  pending_uncertainty_uj INTEGER NOT NULL DEFAULT 0 CHECK (pending_uncertainty_uj >= 0),
  pending_time_ns INTEGER NOT NULL DEFAULT 0 CHECK (pending_time_ns >= 0),
  pending_provenance TEXT NOT NULL DEFAULT 'measured'
    CHECK (pending_provenance IN ('measured', 'modelled', 'replayed', 'simulated', 'mixed')),
  pending_scope TEXT NOT NULL DEFAULT 'machine' CHECK (pending_scope IN ('machine', 'process')),
  lost_energy_uj INTEGER NOT NULL DEFAULT 0 CHECK (lost_energy_uj >= 0),
  lost_uncertainty_uj INTEGER NOT NULL DEFAULT 0 CHECK (lost_uncertainty_uj >= 0),
  lost_time_ns INTEGER NOT NULL DEFAULT 0 CHECK (lost_time_ns >= 0),
  lost_provenance TEXT NOT NULL DEFAULT 'measured'
    CHECK (lost_provenance IN ('measured', 'modelled', 'replayed', 'simulated', 'mixed')),
  lost_scope TEXT NOT NULL DEFAULT 'machine' CHECK (lost_scope IN ('machine', 'process')),
  UNIQUE (attempt, number)
) STRICT;

CREATE TABLE epochs (
  attempt INTEGER NOT NULL REFERENCES attempts (id),
  epoch INTEGER NOT NULL CHECK (epoch >= 1),
  incarnation INTEGER NOT NULL REFERENCES incarnations (id),
  metric REAL,
  train_time_s REAL NOT NULL CHECK (train_time_s >= 0),
  evaluation_time_s REAL NOT NULL CHECK (evaluation_time_s >= 0),
  energy_uj INTEGER NOT NULL CHECK (energy_uj >= 0),
  uncertainty_uj INTEGER NOT NULL CHECK (uncertainty_uj >= 0),
  time_ns INTEGER NOT NULL CHECK (time_ns >= 0),
  provenance TEXT NOT NULL
    CHECK (provenance IN ('measured', 'modelled', 'replayed', 'simulated', 'mixed')),
  scope TEXT NOT NULL CHECK (scope IN ('machine', 'process')),
  begin_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  emitted_g REAL CHECK (emitted_g >= 0),
  PRIMARY KEY (attempt, epoch)
) STRICT;

CREATE TABLE checkpoints (
  attempt INTEGER PRIMARY KEY REFERENCES attempts (id),
  incarnation INTEGER NOT NULL REFERENCES incarnations (id),
  path TEXT NOT NULL,
  epoch INTEGER NOT NULL CHECK (epoch >= 0),
  position INTEGER NOT NULL CHECK (position >= 0),
  carried_energy_uj INTEGER NOT NULL CHECK (carried_energy_uj >= 0),
  carried_uncertainty_uj INTEGER NOT NULL CHECK (carried_uncertainty_uj >= 0),
  carried_time_ns INTEGER NOT NULL CHECK (carried_time_ns >= 0),
  carried_provenance TEXT NOT NULL
    CHECK (carried_provenance IN ('measured', 'modelled', 'replayed', 'simulated', 'mixed')),
  carried_scope TEXT NOT NULL CHECK (carried_scope IN ('machine', 'process'))
) STRICT;

CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  pid INTEGER NOT NULL,
  start_ticks INTEGER NOT NULL,
  host TEXT NOT NULL,
  boot_id TEXT NOT NULL,
  heartbeat_ns INTEGER NOT NULL
) STRICT;
)sql";

// Until here the workers of every history were seeded from the job.
constexpr std::string_view kSeedOfHistory = R"sql(
ALTER TABLE histories ADD COLUMN seed TEXT NOT NULL DEFAULT '0';
UPDATE histories SET seed = (SELECT seed FROM jobs WHERE jobs.id = histories.job);
)sql";

// NULL for what was carried before: nobody knows when it was used.
constexpr std::string_view kEmissionsOfCheckpoint = R"sql(
ALTER TABLE checkpoints ADD COLUMN carried_emitted_g REAL CHECK (carried_emitted_g >= 0);
)sql";

constexpr store::Migration kMigrations[] = {
    {1, kInitial}, {2, kSeedOfHistory}, {3, kEmissionsOfCheckpoint}};

}  // namespace

std::span<const store::Migration> migrations() {
  return kMigrations;
}

}  // namespace symbiont::ledger
