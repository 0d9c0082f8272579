#!/bin/sh
# Wraps any command: runs it as it is, and says after each epoch what it had to say.
#
#   train.sh BATCH_SIZE EPOCHS SEED
#
# What it runs is a perceptron in awk that tells ripe points from raw ones; yours is whatever has no options of its own.
# Symbiont reads the lines "epoch N error X" (see job.toml) and ends this script when the error is small enough.
set -eu
batch_size=$1 epochs=$2 seed=$3

exec awk -v batch_size="$batch_size" -v epochs="$epochs" -v seed="$seed" '
  # Points in the unit square; those above a line are ripe. A tenth is kept for the test.
  function point(row) { x[row] = rand(); y[row] = rand(); ripe[row] = (2 * x[row] + y[row] > 1.4) }
  function score(row) { return 1 / (1 + exp(-(a * x[row] + b * y[row] + c))) }
  BEGIN {
    srand(1); rows = 20000; rate = 1
    for (row = 0; row < rows; row++) point(row)
    srand(seed)
    for (epoch = 1; epoch <= epochs; epoch++) {
      start = int(rand() * rows)
      for (at = 0; at < rows * 0.9; at += batch_size) {
        da = db = dc = 0
        for (i = at; i < at + batch_size; i++) {
          row = (start + i * 7919) % int(rows * 0.9)
          slope = score(row) - ripe[row]
          da += slope * x[row]; db += slope * y[row]; dc += slope
        }
        a -= rate * da / batch_size; b -= rate * db / batch_size; c -= rate * dc / batch_size
      }
      wrong = 0
      for (row = int(rows * 0.9); row < rows; row++) wrong += (score(row) > 0.5) != ripe[row]
      printf "epoch %d error %.4f\n", epoch, wrong / (rows * 0.1)
      fflush()
    }
  }'
