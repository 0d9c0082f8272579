-- A ledger of schema version 1, as the program that knew no other left it: a job created with seed 5
-- that ran once, restarted its learning with seed 11 and was interrupted inside its second epoch.
-- Never edited: every later program must open it.
PRAGMA application_id = 1398361410;
PRAGMA user_version = 1;
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
CREATE INDEX runs_of_job ON runs (job);
CREATE INDEX recurrences_of_run ON recurrences (run);
CREATE INDEX decisions_of_history ON decisions (history);
INSERT INTO "jobs" VALUES(1,'digits',1795369217239790370,'replayed','replayed','process',8.0,'5');
INSERT INTO "histories" VALUES(1,1,1,'{"data":"csv:rows.csv","model":"mlp","target":"accuracy >= 0.9","optimizer":"adam","learning_rate":0.1,"batch_size":32,"batch_sizes":[16,32,64],"eta":0.5,"beta":2.0}','{"infeasible":[],"last_reached":true,"learnt":{"arms":[],"blocked":"","first_run":false,"history":{"batch_sizes":[32],"costs_j":[18.0]},"walk":{"asked":16,"converged":[{"batch_size":32,"cost_j":18.0}],"larger":false,"round":1,"sizes":[16,32,64],"start":32}},"min_cost_j":18.0,"open":false,"policy":"faithful","recurrence":1,"spent_j":18.0,"trial":null,"tries":1,"version":1}','7b97defc1f1fed0d6819afafe4a22ab4af56d0b1cfd9030b5a555fcb6c4fd99f');
INSERT INTO "histories" VALUES(2,1,2,'{"data":"csv:rows.csv","model":"mlp","target":"accuracy >= 0.9","optimizer":"adam","learning_rate":0.1,"batch_size":32,"batch_sizes":[16,32,64],"eta":0.5,"beta":2.0}','{"infeasible":[],"last_reached":false,"learnt":{"arms":[],"blocked":"","first_run":true,"history":{"batch_sizes":[],"costs_j":[]},"walk":{"asked":32,"converged":[],"larger":false,"round":1,"sizes":[16,32,64],"start":32}},"min_cost_j":null,"open":true,"policy":"faithful","recurrence":1,"spent_j":0.0,"trial":{"batch_size":32,"bound_j":null,"stage":"pruning","why":"{\"policy\":\"faithful\",\"stage\":\"pruning\",\"round\":1,\"direction\":\"smaller\",\"arms\":[{\"batch_size\":16,\"n\":0,\"mean_j\":null,\"sd_j\":null,\"sampled_j\":null},{\"batch_size\":32,\"n\":0,\"mean_j\":null,\"sd_j\":null,\"sampled_j\":null},{\"batch_size\":64,\"n\":0,\"mean_j\":null,\"sd_j\":null,\"sampled_j\":null}],\"infeasible\":[],\"bound_j\":null,\"min_cost_j\":null,\"chosen\":32,\"reason\":\"round 1 of 2 starts at the default batch size\"}"},"tries":1,"version":1}','dca8ea3f6be112eaa2d586f2abcc18a27e1e32a7a5a9fd8352b391fc96705118');
INSERT INTO "runs" VALUES(1,1,1,1,0,1795369217243781886,1795369217339499478,'finished');
INSERT INTO "runs" VALUES(2,1,2,1,0,1795369217399081744,NULL,'unfinished');
INSERT INTO "recurrences" VALUES(1,1,1,'tuned',1,1,1);
INSERT INTO "recurrences" VALUES(2,1,2,'tuned',2,0,0);
INSERT INTO "attempts" VALUES(1,1,1,32,0.1,6,'6065414304438799064',NULL,'reached','accuracy 0.9 after 3 epochs',18.0,3,0,'jobs/digits/attempt-1/weights.safetensors');
INSERT INTO "attempts" VALUES(2,2,1,32,0.1,6,'14979851562909396689',NULL,NULL,'',NULL,NULL,0,'');
INSERT INTO "decisions" VALUES(1,1,'{"policy":"faithful","stage":"pruning","round":1,"direction":"smaller","arms":[{"batch_size":16,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null},{"batch_size":32,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null},{"batch_size":64,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null}],"infeasible":[],"bound_j":null,"min_cost_j":null,"chosen":32,"reason":"round 1 of 2 starts at the default batch size"}');
INSERT INTO "decisions" VALUES(2,2,'{"policy":"faithful","stage":"pruning","round":1,"direction":"smaller","arms":[{"batch_size":16,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null},{"batch_size":32,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null},{"batch_size":64,"n":0,"mean_j":null,"sd_j":null,"sampled_j":null}],"infeasible":[],"bound_j":null,"min_cost_j":null,"chosen":32,"reason":"round 1 of 2 starts at the default batch size"}');
INSERT INTO "incarnations" VALUES(1,1,1,1795369217251622975,1,'stopped after epoch 3',0,0,0,'replayed','process',0,0,0,'measured','machine',0,0,0,'measured','machine');
INSERT INTO "incarnations" VALUES(2,2,1,1795369217401316324,1,'interrupted',0,0,0,'replayed','process',0,0,0,'measured','machine',0,0,0,'measured','machine');
INSERT INTO "epochs" VALUES(1,1,1,0.3,1.429e-06,3.4863e-05,4000000,0,1000000000,'replayed','process',1795369217206346033,1795369218206346033,1.11111111111111116435e-04);
INSERT INTO "epochs" VALUES(1,2,1,0.6,1.2689999999999998357e-06,1.427e-05,4000000,0,1000000000,'replayed','process',1795369218206346033,1795369219206346033,1.11111111111111116435e-04);
INSERT INTO "epochs" VALUES(1,3,1,0.9,1.172e-06,1.3695e-05,4000000,0,1000000000,'replayed','process',1795369219206346033,1795369220206346033,1.11111111111111116435e-04);
INSERT INTO "epochs" VALUES(2,1,2,0.3,1.200602667,7.8123e-05,4000000,0,1000000000,'replayed','process',1795369217378777492,1795369218378777492,1.11111111111111116435e-04);
INSERT INTO "checkpoints" VALUES(1,1,'jobs/digits/attempt-1/checkpoint',2,0,0,0,0,'measured','machine');
INSERT INTO "checkpoints" VALUES(2,2,'jobs/digits/attempt-2/checkpoint',1,1,1000000,0,250000000,'replayed','process');
