"""What a checkpoint of a script holds: its objects, its own files, the generators."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Callable, Iterable

from . import _generators

_STATE = "state.pickle"
_GENERATORS = "generators.pickle"


class Contents:
    """What is saved and loaded, in that order: objects with a ``state_dict()``, then callbacks."""

    def __init__(
        self,
        state: Iterable[Any],
        save: Callable[[Path], object] | None,
        load: Callable[[Path], object] | None,
    ) -> None:
        self._state = list(state)
        self._save = save
        self._load = load
        if (save is None) != (load is None):
            raise TypeError("save and load come together")

    @property
    def empty(self) -> bool:
        """Whether nothing could be loaded: training then starts over."""
        return not self._state and self._load is None

    def save(self, folder: Path) -> None:
        """Writes all of it into an empty directory."""
        with open(folder / _GENERATORS, "wb") as file:
            pickle.dump(_generators.get_states(), file)
        if self._state:
            with open(folder / _STATE, "wb") as file:
                pickle.dump([each.state_dict() for each in self._state], file)
        if self._save is not None:
            self._save(folder)

    def load(self, folder: Path) -> dict[str, Any]:
        """Takes over what :meth:`save` wrote; the generators' states are returned instead."""
        if self._state:
            with open(folder / _STATE, "rb") as file:
                states = pickle.load(file)
            if len(states) != len(self._state):
                raise ValueError(f"{folder / _STATE}: found the states of {len(states)} objects, "
                                 f"expected {len(self._state)}")
            for each, saved in zip(self._state, states):
                each.load_state_dict(saved)
        if self._load is not None:
            self._load(folder)
        with open(folder / _GENERATORS, "rb") as file:
            return pickle.load(file)
