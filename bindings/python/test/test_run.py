"""Python workers under `symbiont run`: real programs, real kills."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from pathlib import Path

PROGRAM = os.environ.get("SYMBIONT_PROGRAM", "")
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "python" / "train.py"

# After `epochs_needed` epochs (by batch size) it reaches its target; 0: never.
SCRIPT = """
import os, time
from array import array
import symbiont

def body(job, epoch, step):
    pass

{before}
EPOCHS_NEEDED = {epochs_needed}

class Weights:
    value = 0.0
    def state_dict(self): return {{"value": self.value}}
    def load_state_dict(self, state): self.value = state["value"]

with symbiont.Worker() as job:
    weights = Weights()
    for epoch in job.epochs(16, state=[weights]):
        for step in job.steps(range(16)):
            body(job, epoch, step)
            weights.value = weights.value * 1.0001 + job.seed % 1000 + step
        needed = EPOCHS_NEEDED.get(job.batch_size, 2)
        job.report(0.9 if 0 < needed <= epoch else 0.5)
    job.save_weights({{"value": array("d", [weights.value])}})
"""


@unittest.skipUnless(PROGRAM, "SYMBIONT_PROGRAM does not name the program symbiont")
class APythonWorker(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="symbiont-python-run-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write_job(self, *, before="", epochs_needed=None, batch_sizes=(16,), **job):
        """A job of a script that counts; `before` may define another body of a step."""
        script = SCRIPT.format(before=textwrap.dedent(before), epochs_needed=epochs_needed or {})
        (self.folder / "train.py").write_text(script, encoding="utf-8")
        keys = {"name": "job", "recurrences": 2, "max_epochs": 20, "seed": 1, **job}
        lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        self.job = self.folder / "job.toml"
        self.job.write_text("\n".join([
            "[job]", *lines, 'target = {metric = "score", value = 0.8, higher_is_better = true}',
            "[train]", 'worker = "command"',
            f"command = [{json.dumps(sys.executable)}, \"train.py\"]", 'optimizer = "adam"',
            "learning_rate = 0.01", f"batch_size = {batch_sizes[0]}",
            f"batch_sizes = {list(batch_sizes)}",
        ]), encoding="utf-8")

    def command(self, home):
        return [PROGRAM, "run", str(self.job), "--json", "--home", str(self.folder / home)]

    def run_job(self, home="home", **environment):
        done = subprocess.run(self.command(home), env={**os.environ, **environment}, text=True,
                              capture_output=True, timeout=120, check=False, cwd=self.folder)
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def weights(self, home, report):
        return [(self.folder / home / recurrence["weights"]).read_bytes()
                for recurrence in report["recurrences"]]

    def test_trains_the_example(self):
        self.write_job(recurrences=3)
        (self.folder / "train.py").write_bytes(EXAMPLE.read_bytes())
        code, report, error = self.run_job()
        self.assertEqual(code, 0, error)
        for recurrence in report["recurrences"]:
            self.assertTrue(recurrence["reached"])
            self.assertGreater(recurrence["energy_j"], 0)

    def test_resumes_after_its_runner_was_killed(self):
        self.write_job(recurrences=3, epochs_needed={16: 3})
        code, undisturbed, error = self.run_job("straight")
        self.assertEqual(code, 0, error)
        expected = self.weights("straight", undisturbed)
        for point in ("train.lease.granted:12", "train.epoch.received:2",
                      "train.checkpoint.saved:1", "train.stop.sent:1"):
            home = point.replace(":", "-")
            token = self.folder / "token"
            token.touch()
            code, _, _ = self.run_job(home, SYMBIONT_FAILPOINT=f"{point}:{token}")
            self.assertEqual(code, -signal.SIGKILL, point)
            code, report, error = self.run_job(home)
            self.assertEqual(code, 0, error)
            self.assertTrue(report["resumed"])
            self.assertEqual([r["epochs"] for r in report["recurrences"]], [3, 3, 3], point)
            self.assertEqual(self.weights(home, report), expected, point)

    def test_is_started_again_when_it_is_killed(self):
        self.write_job(epochs_needed={16: 3})
        code, undisturbed, error = self.run_job("straight")
        self.assertEqual(code, 0, error)
        expected = self.weights("straight", undisturbed)
        for point in ("worker.epoch.sent:2", "worker.save.begin:2", "worker.save.renamed:1",
                      "worker.stop.before_weights:1"):
            home = point.replace(":", "-")
            token = self.folder / "token"
            token.touch()
            code, report, error = self.run_job(home, SYMBIONT_FAILPOINT=f"{point}:{token}")
            self.assertEqual(code, 0, error)
            self.assertFalse(token.exists(), point)
            self.assertEqual(self.weights(home, report), expected, point)

    def test_checkpoints_and_resumes_when_it_is_interrupted(self):
        self.write_job(recurrences=1, epochs_needed={16: 15}, before="""
            def body(job, epoch, step):
                if epoch == 2 and step == 5 and os.path.exists("hold"):
                    open("held", "w").close()
                    while os.path.exists("hold"):
                        time.sleep(0.01)
        """)
        code, undisturbed, error = self.run_job("straight")
        self.assertEqual(code, 0, error)
        (self.folder / "hold").touch()
        with subprocess.Popen(self.command("home"), cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as runner:
            deadline = time.monotonic() + 60
            while not (self.folder / "held").exists():
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            runner.send_signal(signal.SIGINT)
            (self.folder / "hold").unlink()
            runner.communicate(timeout=60)
            self.assertEqual(runner.returncode, 5)
        code, report, error = self.run_job("home")
        self.assertEqual(code, 0, error)
        self.assertTrue(report["resumed"])
        self.assertEqual(self.weights("home", report), self.weights("straight", undisturbed))

    def test_is_stopped_when_it_costs_too_much(self):
        self.write_job(recurrences=4, batch_sizes=(16, 64), epochs_needed={16: 1, 64: 0},
                       max_epochs=1000, before="""
            def body(job, epoch, step):
                time.sleep(0.001)  # so that a recurrence costs something
        """)
        code, report, error = self.run_job()
        self.assertEqual(code, 0, error)
        stopped = [attempt["stopped"] for recurrence in report["recurrences"]
                   for attempt in recurrence["attempts"] if attempt["batch_size"] == 64]
        self.assertIn("bound", stopped)
        self.assertLessEqual(set(stopped), {"bound"})

    def test_is_not_tried_again_where_memory_does_not_suffice(self):
        self.write_job(recurrences=4, batch_sizes=(16, 64), before="""
            def body(job, epoch, step):
                if job.batch_size == 64:
                    raise MemoryError("8 GB")
        """)
        code, report, error = self.run_job()
        self.assertEqual(code, 0, error)
        attempts = [attempt for recurrence in report["recurrences"]
                    for attempt in recurrence["attempts"] if attempt["batch_size"] == 64]
        self.assertEqual([attempt["stopped"] for attempt in attempts], ["infeasible"])
        self.assertIn("MemoryError: 8 GB", attempts[0]["reason"])

    def test_is_tried_again_after_an_exception(self):
        self.write_job(epochs_needed={16: 3}, before="""
            def body(job, epoch, step):
                if epoch == 2 and step == 9:
                    try:
                        os.remove("token")
                    except FileNotFoundError:
                        return
                    raise ValueError("once")
        """)
        code, undisturbed, error = self.run_job("straight")
        self.assertEqual(code, 0, error)
        (self.folder / "token").touch()
        code, report, error = self.run_job("home")
        self.assertEqual(code, 0, error)
        self.assertEqual(self.weights("home", report), self.weights("straight", undisturbed))
        self.assertFalse((self.folder / "token").exists())

    def test_shows_its_traceback_when_it_fails_again_and_again(self):
        self.write_job(before="""
            def body(job, epoch, step):
                raise ValueError("always")
        """)
        code, _, error = self.run_job()
        self.assertEqual(code, 1)
        self.assertIn('raise ValueError("always")', error)


if __name__ == "__main__":
    unittest.main()
