#!/usr/bin/python3
"""What the Python package adds to a script: microseconds, median of repetitions (smallest-largest).

    python_benchmark        after building with SYMBIONT_BENCH; other arguments are ignored
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import symbiont  # noqa: E402  (beside this program in a build folder)

REPETITIONS = 9


def report(what, run, count):
    """Prints how long each of `count` takes, where run() does all of them."""
    times = []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        run()
        times.append((time.perf_counter() - begin) / count * 1e6)
    print(f"{what:<46} {statistics.median(times):9.3f} us  "
          f"({min(times):.3f}-{max(times):.3f})", flush=True)


def windows(meters, count=2000):
    for _ in range(count):
        with symbiont.window(meters) as used:
            pass
    return used.joules


def plain_loop(count):
    for _ in range(count):
        pass


def steps(count, loss=None):
    with symbiont.Worker(max_epochs=1) as job:
        for _ in job.epochs(count):
            for _ in job.steps(range(count)):
                if loss is not None:
                    job.add_loss(loss)
            job.report(1.0)


def main():
    report("open and close a window, estimator", lambda: windows("estimator"), 2000)
    report("open and close a window, auto", lambda: windows("auto"), 2000)
    count = 200_000
    report("a step of an empty loop", lambda: plain_loop(count), count)
    report("a step of job.steps() within a lease", lambda: steps(count), count)
    report("the same with job.add_loss(number)", lambda: steps(count, 0.5), count)


if __name__ == "__main__":
    main()
