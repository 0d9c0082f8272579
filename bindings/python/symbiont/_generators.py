"""The random generators that a script uses: seeded, and kept in checkpoints.

Those of ``random``, and of NumPy and PyTorch where the script has imported them.
"""

from __future__ import annotations

import random
import sys
from typing import Any


def seed_all(seed: int) -> None:
    """Seeds every generator."""
    random.seed(seed)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(seed % 2**32)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)  # those of accelerators too


def get_states() -> dict[str, Any]:
    """The states of all generators: a value that can be pickled."""
    states: dict[str, Any] = {"random": random.getstate()}
    if numpy := sys.modules.get("numpy"):
        states["numpy"] = numpy.random.get_state()
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            states["torch.cuda"] = torch.cuda.get_rng_state_all()
    return states


def set_states(states: dict[str, Any]) -> None:
    """Restores what :func:`get_states` gave, of the generators that are there."""
    random.setstate(states["random"])
    if (numpy := sys.modules.get("numpy")) and "numpy" in states:
        numpy.random.set_state(states["numpy"])
    if (torch := sys.modules.get("torch")) and "torch" in states:
        torch.set_rng_state(states["torch"])
        if "torch.cuda" in states:
            torch.cuda.set_rng_state_all(states["torch.cuda"])
