"""What a piece of work used."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Sequence

from . import _core

_monitors: dict[tuple[int, tuple[str, ...], int], _core.Monitor] = {}


def _monitor(meters: str | Sequence[str], threads: int) -> _core.Monitor:
    words = (meters,) if isinstance(meters, str) else tuple(meters)
    key = (os.getpid(), words, threads)  # the estimator counts one process tree
    if key not in _monitors:
        _monitors[key] = _core.Monitor(list(words), threads)
    return _monitors[key]


class Window:
    """Energy and time from ``with`` to its end; inside, up to now. Windows may nest and overlap.

    Made by :func:`window`. One window belongs to one thread; several threads may have their own.
    """

    def __init__(self, monitor: _core.Monitor) -> None:
        self._monitor = monitor
        self._window: _core.Window | None = None
        self._usage: tuple[float, float, float, str, str] | None = None

    def __enter__(self) -> Window:
        self._usage = None
        self._window = self._monitor.open_window()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._usage = self._read()
        self._window = None

    def _read(self) -> tuple[float, float, float, str, str]:
        if self._usage is not None:
            return self._usage
        if self._window is None:
            raise RuntimeError("the window was never opened: with symbiont.window() as used")
        return self._window.usage()

    @property
    def joules(self) -> float:
        """Energy used."""
        return self._read()[0]

    @property
    def uncertainty_joules(self) -> float:
        """Half the width of the interval around :attr:`joules`; 0 for a meter that has none."""
        return self._read()[1]

    @property
    def seconds(self) -> float:
        """Time that passed."""
        return self._read()[2]

    @property
    def provenance(self) -> str:
        """How the energy was obtained: "measured", "modelled", "replayed", "simulated", "mixed"."""
        return self._read()[3]

    @property
    def scope(self) -> str:
        """What it covers: "machine", or "process" for this process and its children."""
        return self._read()[4]

    @property
    def meters(self) -> str:
        """What it is measured with, for people: "modelled ±40 %, this process"."""
        return self._monitor.describe()

    def __str__(self) -> str:
        joules, _, seconds, _, _ = self._read()
        return f"{joules:.3g} J in {seconds:.3g} s, {self.meters}"


def window(meters: str | Sequence[str] = "auto", *, threads: int = 1) -> Window:
    """A window to open with ``with``.

    ``meters``: words of a job file's ``[energy] meters``: "auto" (measured if anything can be, else
    estimated), "rapl", "estimator". ``threads``: processors the work occupies, for the estimator.
    """
    return Window(_monitor(meters, threads))
