"""A training script as a worker of ``symbiont run``."""

from __future__ import annotations

import os
import platform
import sys
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Iterable, Iterator, Mapping, TypeVar

from . import _core, _generators
from ._checkpoint import Contents
from ._errors import Error, RunnerGone, Stopped
from ._weights import save_weights

Batch = TypeVar("Batch")
_Kind = _core.TaskKind

_OUT_OF_MEMORY_TYPES = {"OutOfMemoryError", "ResourceExhaustedError"}
_OUT_OF_MEMORY_WORDS = ("out of memory", "can't allocate memory", "resource_exhausted")


def _is_out_of_memory(error: BaseException) -> bool:
    # The libraries have types and words of their own for it, and need not be installed.
    if isinstance(error, MemoryError):
        return True
    if any(kind.__name__ in _OUT_OF_MEMORY_TYPES for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error).lower() for words in _OUT_OF_MEMORY_WORDS)


def _framework() -> str:
    for name in ("torch", "tensorflow", "jax"):
        if module := sys.modules.get(name):
            return f"{name} {getattr(module, '__version__', '')}".strip()
    return f"python {platform.python_version()}"


class Worker:
    """One training: under the leases of ``symbiont run``, or alone when started by hand.

    Use it with ``with``: its end tells the runner that training is done, or why it failed (memory
    that did not suffice is told apart, so that the batch size is not tried again). The arguments
    are what to train with when nobody says otherwise; the attributes are what to train with.

    Random generators (``random``, NumPy, PyTorch) are seeded from ``seed`` when the worker is made
    and at the start of each epoch, and are part of every checkpoint, so that a training that was
    stopped and resumed ends in the same weights. ``seed_generators=False`` leaves them alone; the
    order of samples must then follow from ``seed`` and the epoch by other means.

    Belongs to the thread that made it. In a forked child (a data loader's) it must not be used.
    """

    def __init__(
        self,
        *,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        max_epochs: int = 10,
        seed: int = 1,
        output: str | os.PathLike[str] = ".",
        seed_generators: bool = True,
    ) -> None:
        self._session = _core.Session(batch_size, learning_rate, max_epochs, seed,
                                      os.fspath(output))
        self._seeds_generators = seed_generators
        self._steps_per_epoch = 0
        self._contents = Contents((), None, None)
        self._to_skip = 0  # batches of the resumed epoch that were trained before
        self._generator_states: dict[str, Any] | None = None  # to restore after them
        self._loss_sum: Any = 0.0
        self._weights = ""
        self._process = os.getpid()
        self._entered = False
        self._finished = False
        _sessions.add(self._session)
        if seed_generators:
            _generators.seed_all(self.seed)

    @property
    def standalone(self) -> bool:
        """Whether there is no runner."""
        return self._session.standalone

    @property
    def batch_size(self) -> int:
        """Samples per step."""
        return self._session.batch_size

    @property
    def learning_rate(self) -> float:
        """Already fitted to the batch size."""
        return self._session.learning_rate

    @property
    def max_epochs(self) -> int:
        """How many epochs there may be, for schedules; :meth:`epochs` ends by then."""
        return self._session.max_epochs

    @property
    def seed(self) -> int:
        """The start of every random generator."""
        return self._session.seed

    @property
    def output(self) -> Path:
        """The directory that all the script writes goes below."""
        return self._session.output.absolute()

    @property
    def initial_weights(self) -> Path | None:
        """A safetensors file to start from, if there is one: see :func:`load_weights`."""
        path = self._session.initial_weights
        return path if path.name else None

    def __enter__(self) -> Worker:
        self._entered = True
        return self

    def epochs(
        self,
        steps_per_epoch: int,
        *,
        state: Iterable[Any] = (),
        save: Callable[[Path], object] | None = None,
        load: Callable[[Path], object] | None = None,
        parameters: int | None = None,
        memory: tuple[int, int] | None = None,
        device: str = "cpu",
    ) -> Iterator[int]:
        """The epochs to train, counted from 1; after a resume, from where training was.

        What a checkpoint holds: ``state``, objects with ``state_dict()`` and ``load_state_dict()``
        such as a model, its optimizer and its schedule; and what ``save(folder)`` writes into an
        empty directory for ``load(folder)`` to read. Both are called between steps. Without either
        the training starts over when it is resumed.

        For those who plan with it: ``parameters``, trainable numbers of the model; ``memory`` in
        bytes, for weights, optimizer and data, and for what one step adds.
        """
        if not self._entered:
            raise RuntimeError("a worker is used as: with symbiont.Worker() as job")
        self._steps_per_epoch = steps_per_epoch
        self._contents = Contents(state, save, load)
        self._resume()
        self._call(self._session.start, steps_per_epoch, parameters, memory, _framework(), device)
        while self._next_lease(between_epochs=True):
            epoch = self._session.epoch + 1
            if self._seeds_generators:
                _generators.seed_all(_core.derive_seed(self.seed, "epoch", epoch))
            yield epoch
            self._check_reported(epoch)

    def steps(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches of this epoch, each a step. Waits for leases and saves checkpoints between
        them. When an epoch is resumed, passes over those that were trained before.

        Several calls may share an epoch. A batch beyond its steps is a ValueError: nothing is left
        out in silence. Of what has no end, give ``itertools.islice(batches, steps)``."""
        iterator = iter(batches)
        self._skip(iterator)
        granted = left = self._next_lease()
        for batch in iterator:
            if left == 0:
                raise self._surplus_batch()
            yield batch
            left -= 1
            if left == 0:
                self._end_lease(granted)
                granted = left = self._next_lease()
        if left < granted:  # more may come from another iterable
            self._end_lease(granted - left)

    def add_loss(self, loss: Any) -> None:
        """The loss of a step, a number or a tensor of one; once a step. One that is not finite ends
        the training as diverged. A tensor is read at the end of a lease, not before."""
        self._loss_sum = self._loss_sum + (loss.detach() if hasattr(loss, "detach") else loss)

    def report(self, metric: float) -> None:
        """The metric of this epoch, once after its steps. NaN ends the training as diverged."""
        if not self._asked(_Kind.EVALUATE):
            raise Error("FAILED_PRECONDITION",
                        f"report(metric) comes after the steps of an epoch; of epoch "
                        f"{self._session.epoch + 1} {self._session.position} of "
                        f"{self._steps_per_epoch} steps are done")
        self._call(self._session.evaluated, float(metric))

    def save_weights(self, tensors: Mapping[str, Any]) -> Path:
        """Writes the final weights, such as a ``state_dict()``, and returns where they are."""
        path = self.output / "weights.safetensors"
        save_weights(path, tensors)
        self._weights = str(path)
        return path

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if os.getpid() != self._process:
            return
        if error is None:
            self._say_done()
        elif isinstance(error, Stopped):
            self._call(self._session.finished, "")
        elif not isinstance(error, RunnerGone) and not self._finished and not self.standalone:
            self._say_failed(error)

    # --- Inside ----------------------------------------------------------------------------------

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Error as error:
            if error.code == "CANCELLED":
                raise RunnerGone from None
            raise

    def _asked(self, kind: _core.TaskKind) -> bool:
        return bool(self._call(self._session.next).kind == kind)

    def _resume(self) -> None:
        folder = self._session.resume
        if not folder.name:
            return
        if self._contents.empty:
            self._session.start_over()
        else:
            self._generator_states = self._contents.load(folder)
            self._to_skip = self._session.position

    def _skip(self, iterator: Iterator[Any]) -> None:
        nothing = object()
        while self._to_skip > 0 and next(iterator, nothing) is not nothing:
            self._to_skip -= 1
        if self._to_skip == 0 and self._generator_states is not None:
            if self._seeds_generators:
                _generators.set_states(self._generator_states)
            self._generator_states = None

    def _next_lease(self, *, between_epochs: bool = False) -> int:
        """How many steps may run now; 0 when the epoch's are done, or between epochs the last."""
        while True:
            task = self._call(self._session.next)
            if task.kind == _Kind.TRAIN:
                return int(task.steps)
            if task.kind == _Kind.EVALUATE:
                return 0
            if task.kind == _Kind.SAVE:
                self._contents.save(task.folder)
                self._call(self._session.saved)
            elif between_epochs and self._session.position == 0:
                self._finished = True
                return 0
            else:
                raise Stopped(task.reason)

    def _end_lease(self, steps: int) -> None:
        loss_sum, self._loss_sum = float(self._loss_sum), 0.0
        self._call(self._session.trained, steps, steps * self.batch_size, loss_sum)

    def _surplus_batch(self) -> ValueError:
        steps = self._steps_per_epoch
        return ValueError(f"epoch {self._session.epoch + 1}: job.steps() was given at least "
                          f"{steps + 1} batches, but job.epochs({steps}) said that an epoch has "
                          f"{steps} steps")

    def _check_reported(self, epoch: int) -> None:
        if self._session.epoch == epoch:
            return
        done = self._session.position
        what = (f"{done} of its {self._steps_per_epoch} steps are done"
                if done < self._steps_per_epoch else "report(metric) was not called")
        raise Error("FAILED_PRECONDITION", f"epoch {epoch} ended too early: {what}")

    def _say_done(self) -> None:
        if self._finished:
            self._call(self._session.finished, self._weights)
        elif not self.standalone:
            self._session.failed("ended_early", "the script ended before the runner stopped it")

    def _say_failed(self, error: BaseException) -> None:
        # Before the runner hears of it, for then it ends this process.
        if not isinstance(error, (SystemExit, KeyboardInterrupt)):
            sys.excepthook(type(error), error, error.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
        code = "out_of_memory" if _is_out_of_memory(error) else "exception"
        self._call(self._session.failed, code, f"{type(error).__name__}: {error}")
        raise SystemExit(1) from None


def _leave_to_parent() -> None:
    for session in _sessions:
        session.leave_to_parent()


_sessions: weakref.WeakSet[_core.Session] = weakref.WeakSet()
os.register_at_fork(after_in_child=_leave_to_parent)
