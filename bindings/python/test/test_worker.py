"""A script as a worker: what it says, and what it does, when a runner asks."""

import os
import signal
import subprocess
import sys
import tempfile
import unittest

from fake_runner import FakeRunner

# A walk that depends on every batch and every draw in its order: the smallest thing to train.
WALK = """
import os, random, sys
from array import array
import symbiont

class Walk:
    def __init__(self):
        self.x = random.random()
    def state_dict(self):
        return {"x": self.x}
    def load_state_dict(self, state):
        self.x = state["x"]

def batches():
    order = list(range(20))
    random.shuffle(order)
    for sample in order:
        yield sample + random.random()  # as augmentation does

with symbiont.Worker() as job:
    walk = Walk()
    for epoch in job.epochs(20, state=[walk], parameters=1):
        for batch in job.steps(batches()):
            walk.x = 0.9 * walk.x + batch * random.random()
            job.add_loss(walk.x)
        job.report(walk.x)
    job.save_weights({"x": array("d", [walk.x])})
"""


def weights_of(path):
    with open(path, "rb") as file:
        return file.read()


class AWorker(unittest.TestCase):
    def test_says_what_it_trains(self):
        with FakeRunner(WALK) as runner:
            hello = runner.start()
            self.assertEqual(hello["steps_per_epoch"], 20)
            self.assertEqual(hello["parameters"], 1)
            self.assertIn("python 3", hello["framework"])
            self.assertIsNone(hello["resumed_from"])

    def test_runs_exactly_the_steps_of_a_lease(self):
        with FakeRunner(WALK) as runner:
            runner.start()
            ran = runner.run(7)
            self.assertEqual((ran["steps"], ran["samples"], ran["epoch_end"]), (7, 28, False))
            self.assertGreater(ran["loss"], 0)
            self.assertTrue(runner.run()["epoch_end"])
            self.assertEqual(runner.hear("epoch")["index"], 1)

    def test_says_that_a_loss_or_metric_is_not_a_number(self):
        script = """
            import symbiont
            with symbiont.Worker() as job:
                for epoch in job.epochs(1):
                    for batch in job.steps([1]):
                        job.add_loss(float("nan"))
                    job.report(float("inf"))
        """
        with FakeRunner(script) as runner:
            runner.start()
            self.assertIsNone(runner.run()["loss"])
            self.assertIsNone(runner.hear("epoch")["metric"])

    def test_ends_with_its_weights(self):
        with FakeRunner(WALK) as runner:
            runner.start()
            runner.run_epoch()
            weights = runner.stop()
            self.assertEqual(runner.end()[0], 0)
            self.assertEqual(weights, str(runner.output / "weights.safetensors"))

    def test_resumes_inside_an_epoch_to_the_same_weights(self):
        with FakeRunner(WALK) as runner:
            runner.start()
            runner.run_epoch()
            runner.run_epoch()
            straight = weights_of(runner.stop())

            runner.start()
            runner.run_epoch()
            runner.run(7)
            path = runner.checkpoint()
            runner.run(3)  # lost
            hello = runner.start(SYMBIONT_RESUME=path)
            self.assertEqual(hello["resumed_from"], {"epoch": 1, "position": 7})
            self.assertEqual(runner.run()["steps"], 13)
            runner.hear("epoch")
            self.assertEqual(weights_of(runner.stop()), straight)

    def test_gives_the_same_for_the_same_seed_only(self):
        with FakeRunner(WALK) as runner:
            metrics = []
            for seed in (1, 2, 1):
                runner.start(SYMBIONT_SEED=seed)
                metrics.append(runner.run_epoch()["metric"])
            self.assertEqual(metrics[0], metrics[2])
            self.assertNotEqual(metrics[0], metrics[1])

    def test_saves_and_loads_by_callbacks(self):
        script = """
            import symbiont
            class Count:
                value = 0
            def save(folder): (folder / "count").write_text(str(Count.value))
            def load(folder): Count.value = int((folder / "count").read_text())
            with symbiont.Worker() as job:
                for epoch in job.epochs(10, save=save, load=load):
                    for batch in job.steps(range(10)):
                        assert batch == Count.value % 10
                        Count.value += 1
                    job.report(Count.value)
        """
        with FakeRunner(script) as runner:
            runner.start()
            runner.run(4)
            runner.start(SYMBIONT_RESUME=runner.checkpoint())
            self.assertEqual(runner.run_epoch()["metric"], 10)
            self.assertEqual(runner.stop(), "")

    def test_starts_over_when_nothing_is_saved(self):
        script = """
            import symbiont
            with symbiont.Worker() as job:
                for epoch in job.epochs(5):
                    for batch in job.steps(range(5)): pass
                    job.report(1)
        """
        with FakeRunner(script) as runner:
            runner.start()
            runner.run(2)
            hello = runner.start(SYMBIONT_RESUME=runner.checkpoint())
            self.assertIsNone(hello["resumed_from"])
            self.assertEqual(runner.run()["steps"], 5)

    def test_ends_in_the_middle_of_an_epoch_when_stopped(self):
        with FakeRunner(WALK) as runner:
            runner.start()
            runner.run(3)
            runner.checkpoint()
            self.assertEqual(runner.stop(), "")
            self.assertEqual(runner.end()[0], 0)

    def test_takes_its_settings_from_the_runner(self):
        script = """
            import symbiont
            with symbiont.Worker(batch_size=1, learning_rate=1, max_epochs=1, seed=1) as job:
                print(job.batch_size, job.learning_rate, job.max_epochs, job.seed, job.output,
                      job.initial_weights, job.standalone)
                for epoch in job.epochs(1): pass
        """
        with FakeRunner(script) as runner:
            runner.start(SYMBIONT_INITIAL_WEIGHTS="/a/b.safetensors", SYMBIONT_SEED=2**64 - 1)
            runner.stop()
            code, out, _ = runner.end()
            self.assertEqual(out.split(), ["4", "0.5", "10", str(2**64 - 1), str(runner.output),
                                           "/a/b.safetensors", "False"])

    def test_ends_with_its_runner_while_it_waits(self):
        with FakeRunner(WALK) as runner:
            runner.start()
            runner.hang_up()
            self.assertEqual(runner.end()[0], 5)

    def test_ends_with_its_runner_inside_a_step(self):
        script = """
            import time, symbiont
            with symbiont.Worker() as job:
                for epoch in job.epochs(1):
                    for batch in job.steps([1]):
                        while True: time.sleep(1)
        """
        with FakeRunner(script) as runner:
            runner.start()
            runner.say("run", steps=1)
            runner.hang_up()
            self.assertEqual(runner.end()[0], 5)

    def test_can_be_interrupted_while_it_waits(self):
        with FakeRunner(WALK) as runner:
            runner.start()
            runner.worker.send_signal(signal.SIGINT)
            failed = runner.hear("failed")
            self.assertIn("KeyboardInterrupt", failed["message"])

    def test_lets_other_threads_run_while_it_waits(self):
        script = """
            import threading, symbiont
            with symbiont.Worker() as job:
                threading.Timer(0.01, lambda: (job.output / "there").touch()).start()
                for epoch in job.epochs(1): pass
        """
        with FakeRunner(script) as runner:
            runner.start()
            while not (runner.output / "there").exists():
                self.assertIsNone(runner.worker.poll())
            runner.stop()

    def test_is_silent_in_forked_children(self):
        script = """
            import os, symbiont
            with symbiont.Worker() as job:
                for epoch in job.epochs(1):
                    for batch in job.steps([1]):
                        child = os.fork()
                        if child == 0:
                            raise SystemExit(0)
                        assert os.waitpid(child, 0)[1] == 0
                    job.report(1)
        """
        with FakeRunner(script) as runner:
            runner.start()
            runner.run_epoch()
            runner.stop()
            self.assertEqual(runner.end()[0], 0)


class AFailingWorker(unittest.TestCase):
    def failure(self, body, before=""):
        script = f"""
            import symbiont
            {before}
            with symbiont.Worker() as job:
                for epoch in job.epochs(2):
                    for batch in job.steps([1, 2]):
                        {body}
        """
        with FakeRunner(script) as runner:
            runner.start()
            runner.say("run", steps=1)
            failed = runner.hear("failed")
            code, _, error = runner.end()
            self.assertEqual(code, 1)
            return failed["code"], failed["message"], error

    def test_says_what_was_raised(self):
        code, message, error = self.failure("{}['weights']")
        self.assertEqual((code, message), ("exception", "KeyError: 'weights'"))
        self.assertIn("script.py", error)  # the traceback, before the runner ends the process
        self.assertEqual(error.count("Traceback"), 1)

    def test_tells_lack_of_memory_apart(self):
        for body in ("raise MemoryError('8 GB')",
                     "raise RuntimeError(\"DefaultCPUAllocator: can't allocate memory\")",
                     "raise RuntimeError('CUDA out of memory. Tried to allocate 20 MiB')"):
            self.assertEqual(self.failure(body)[0], "out_of_memory", body)
        own_type = "class OutOfMemoryError(Exception): pass"
        self.assertEqual(self.failure("raise OutOfMemoryError", own_type)[0], "out_of_memory")

    def test_says_that_the_script_left(self):
        self.assertEqual(self.failure("raise SystemExit(3)")[1], "SystemExit: 3")

    def fails_with(self, loop, words, hears_ran=False):
        script = f"""
            import symbiont
            with symbiont.Worker() as job:
                for epoch in job.epochs(3):
                    {loop}
        """
        with FakeRunner(script) as runner:
            runner.start()
            runner.say("run", steps=None)
            if hears_ran:
                runner.hear("ran")
            self.assertIn(words, runner.hear("failed")["message"])

    def test_says_that_an_epoch_had_too_few_batches(self):
        self.fails_with("for batch in job.steps([1, 2]): pass",
                        "epoch 1 ended too early: 2 of its 3 steps are done")

    def test_says_that_an_epoch_had_too_many_batches(self):
        words = ("ValueError: epoch 1: job.steps() was given at least 4 batches, but "
                 "job.epochs(3) said that an epoch has 3 steps")
        for loop in ("for batch in job.steps(range(5)): pass",
                     "for batch in job.steps(iter(int, 1)): pass",  # without end
                     "[batch for part in (range(2), range(1), range(1)) "
                     "for batch in job.steps(part)]"):
            self.fails_with(loop, words, hears_ran=True)

    def test_may_take_an_epoch_from_several_loaders(self):
        script = """
            import symbiont
            with symbiont.Worker() as job:
                for epoch in job.epochs(3):
                    seen = [batch for part in ([1, 2], [], [3], [])
                            for batch in job.steps(part)]
                    job.report(len(seen))
        """
        with FakeRunner(script) as runner:
            runner.start()
            self.assertEqual(runner.run(2)["epoch_end"], False)
            self.assertEqual(runner.run_epoch()["metric"], 3)

    def test_says_that_no_metric_was_reported(self):
        self.fails_with("for batch in job.steps([1, 2, 3]): pass",
                        "report(metric) was not called", hears_ran=True)

    def test_says_that_a_metric_was_reported_too_early(self):
        self.fails_with("job.report(1)", "of epoch 1 0 of 3 steps are done")

    def test_says_that_the_script_ended_by_itself(self):
        self.fails_with("break", "the script ended before the runner stopped it")

    def test_names_what_a_checkpoint_lacks(self):
        for name in ("progress.json", "state.pickle"):
            with FakeRunner(WALK) as runner:
                runner.start()
                path = runner.checkpoint()
                os.remove(f"{path}/{name}")
                with self.assertRaisesRegex(AssertionError, name):
                    runner.start(SYMBIONT_RESUME=path)


class AScriptByItself(unittest.TestCase):
    def run_script(self, script, **environment):
        with tempfile.TemporaryDirectory() as folder:
            clean = {key: value for key, value in os.environ.items()
                     if not key.startswith("SYMBIONT_")}
            done = subprocess.run([sys.executable, "-c", script], cwd=folder, check=False, text=True,
                                  env={**clean, **environment}, capture_output=True, timeout=60)
            return done.returncode, done.stdout, done.stderr

    def test_trains_all_epochs_with_its_own_settings(self):
        script = WALK.replace("symbiont.Worker()", "symbiont.Worker(max_epochs=3)") + (
            "\nprint(epoch, job.batch_size, os.listdir())")
        self.assertEqual(self.run_script(script), (0, "3 32 ['weights.safetensors']\n", ""))

    def test_takes_what_is_set_in_the_environment(self):
        self.assertEqual(self.run_script(
            "import symbiont; print(symbiont.Worker().batch_size)", SYMBIONT_BATCH_SIZE="128"),
            (0, "128\n", ""))

    def test_fails_as_any_script(self):
        code, _, error = self.run_script(WALK.replace("job.report(walk.x)", "raise KeyError(1)"))
        self.assertEqual(code, 1)
        self.assertEqual(error.count("Traceback"), 1)

    def test_names_what_is_wrong_in_the_environment(self):
        code, _, error = self.run_script("import symbiont; symbiont.Worker()",
                                         SYMBIONT_BATCH_SIZE="many")
        self.assertEqual(code, 1)
        self.assertIn('SYMBIONT_BATCH_SIZE: found "many", expected a whole number', error)

    def test_names_the_setting_that_makes_no_sense(self):
        code, _, error = self.run_script("import symbiont; symbiont.Worker(batch_size=0)")
        self.assertEqual(code, 1)
        self.assertIn("batch size: found 0, expected at least 1", error)

    def test_must_use_a_worker_with_with(self):
        code, _, error = self.run_script(
            "import symbiont; next(symbiont.Worker().epochs(1))")
        self.assertIn("with symbiont.Worker() as job", error)


if __name__ == "__main__":
    unittest.main()
