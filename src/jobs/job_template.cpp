#include <fmt/format.h>

#include "symbiont/jobs/job_file.h"

namespace symbiont::jobs {

std::string job_file_template(std::string_view job_name) {
  return fmt::format(
      R"(# A training job that runs again and again. `symbiont run` learns over its recurrences which batch
# size reaches the target at the least cost, and shows what that saved against the default.

[job]
name = "{}"
recurrences = 24                # trainings per run
target = {{metric = "accuracy", value = 0.88, higher_is_better = true}}
max_epochs = 20                 # a training that has not reached the target by then has failed
seed = 1
baseline_runs = 3               # trainings at the default, measured for comparison

[data]
set = "fashion-mnist"           # or "digits", "idx:DIR", "csv:FILE"
# limit = 10000                 # the first so many training rows only

[train]
model = "mlp"                   # or "cnn-small"
optimizer = "adam"              # the learning rate follows the batch size by the optimizer's rule
learning_rate = 0.001           # at the default batch size
batch_size = 32                 # the default: what you would use without a tuner
batch_sizes = [8, 16, 32, 64, 128, 256, 512, 1024, 2048]
threads = 1
deadline_s = 300                # longest silence of a starting worker

[tune]
policy = "faithful"             # or "fixed": always the default
eta = 0.5                       # 1 minds energy alone, 0 time alone
beta = 2.0                      # an attempt is stopped at beta times the best cost so far
window = 0                      # learn from the last so many observations; 0: all
window_scope = "per_arm"        # or "global"

[energy]
meters = ["auto"]               # measured where the machine allows it, else modelled and labelled so

[carbon]
zone = "DE"                     # or intensity_g_per_kwh = 350, or intensity_csv = "series.csv"
pue = 1.0                       # power usage effectiveness of the building
)",
      job_name);
}

std::string plain_job_file_template(std::string_view job_name) {
  return fmt::format(
      R"(# A training command of yours that runs again and again. `symbiont run` learns over its recurrences
# which batch size reaches the target at the least cost, and shows what that saved against the default.

[job]
name = "{}"
recurrences = 24                # trainings per run
target = {{metric = "accuracy", value = 0.88, higher_is_better = true}}
max_epochs = 20                 # a training that has not reached the target by then has failed
seed = 1
baseline_runs = 3               # trainings at the default, measured for comparison

[train]
worker = "plain"                # the command is run as it is; no shell comes near it
# An array of words, or one string with quotes and backslashes. Run in the folder of this file. These are replaced in
# any word: {{batch_size}} {{learning_rate}} {{max_epochs}} {{seed}} {{output}} {{resume}}; the same values are in the
# environment as SYMBIONT_BATCH_SIZE and so on.
command = ["python3", "train.py", "--batch-size", "{{batch_size}}", "--lr", "{{learning_rate}}", "--epochs", "{{max_epochs}}"]
# Where the command says how good it is after each epoch: a regular expression for the lines that it prints; or
# "jsonl:-" for lines of JSON among them, with the keys "epoch" and the target's metric; or "jsonl:metrics.jsonl" for such
# lines in a file below SYMBIONT_OUTPUT.
metrics = 'regex:epoch (?P<epoch>\d+).*accuracy (?P<metric>\S+)'
# first_epoch = 0               # when the command counts its epochs from 0
# stop_grace_s = 10             # from SIGTERM, at the end of an epoch that is good enough, to SIGKILL
optimizer = "adam"              # the learning rate follows the batch size by the optimizer's rule
learning_rate = 0.001           # at the default batch size
batch_size = 32                 # the default: what you would use without a tuner
batch_sizes = [8, 16, 32, 64, 128, 256]
# threads = 1                   # the command's OMP_NUM_THREADS; without it, its own choice
deadline_s = 300                # longest time that the first epoch may take

[tune]
policy = "faithful"             # or "fixed": always the default
eta = 0.5                       # 1 minds energy alone, 0 time alone
beta = 2.0                      # an attempt is stopped at beta times the best cost so far

[energy]
meters = ["auto"]               # measured where the machine allows it, else modelled and labelled so

[carbon]
zone = "DE"                     # or intensity_g_per_kwh = 350, or intensity_csv = "series.csv"
)",
      job_name);
}

}  // namespace symbiont::jobs
