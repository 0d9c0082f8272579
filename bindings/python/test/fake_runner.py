"""The other end of the protocol, for tests: starts a script and speaks to it."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path


class FakeRunner:
    """A runner in the hand of a test. Use with ``with``."""

    def __init__(self, script, **environment):
        self._folder = tempfile.TemporaryDirectory(prefix="symbiont-python-test-")
        self.folder = Path(self._folder.name)
        self.output = self.folder / "out"
        self.output.mkdir()
        self._script = self.folder / "script.py"
        self._script.write_text(textwrap.dedent(script), encoding="utf-8")
        self._environment = environment
        self.worker = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self._folder.cleanup()

    def start(self, **environment):
        """Starts a process of the worker and takes its connection."""
        self.kill()
        path = self.folder / "channel"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(60)
            variables = {
                "SYMBIONT_CHANNEL": path, "SYMBIONT_OUTPUT": self.output,
                "SYMBIONT_BATCH_SIZE": 4, "SYMBIONT_LEARNING_RATE": 0.5,
                "SYMBIONT_MAX_EPOCHS": 10, "SYMBIONT_SEED": 7,
                **self._environment, **environment,
            }
            self.worker = subprocess.Popen(
                [sys.executable, self._script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, **{key: str(value) for key, value in variables.items()}})
            self._socket, _ = listener.accept()
        self._socket.settimeout(60)
        self._lines = self._socket.makefile("rb")
        return self.hear("hello")

    def say(self, kind, **fields):
        self._socket.sendall(json.dumps({"v": 1, "type": kind, **fields}).encode() + b"\n")

    def hear(self, kind):
        line = self._lines.readline()
        if not line:
            raise AssertionError(f"no {kind}: " + self.worker.stderr.read().decode())
        message = json.loads(line)
        if message["type"] != kind:
            raise AssertionError(f"expected {kind}, heard {message}")
        return message

    def run(self, steps=None):
        self.say("run", steps=steps)
        return self.hear("ran")

    def run_epoch(self):
        self.run()
        return self.hear("epoch")

    def checkpoint(self):
        self.say("checkpoint")
        return self.hear("saved")["path"]

    def stop(self):
        self.say("stop", reason="enough")
        return self.hear("done")["weights"]

    def hang_up(self):
        self._lines.close()
        self._socket.close()

    def end(self):
        """The exit code, standard output and standard error of the worker."""
        out, error = self.worker.communicate(timeout=60)
        return self.worker.returncode, out.decode(), error.decode()

    def kill(self):
        if self.worker is not None:
            self.hang_up()
            self.worker.kill()
            self.worker.communicate()
            self.worker = None
