"""Generators of random numbers that belong to whoever calls."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

__all__ = ["left_alone"]


@contextmanager
def left_alone() -> Iterator[None]:
    """Assert that nobody inside draws from the generator of the whole process, be it Python's, NumPy's or torch's."""
    before = _states()
    yield
    after = _states()
    drawn = [name for name in before if after[name] != before[name]]
    assert not drawn, (
        f"draws from {' and '.join(drawn)}'s generator of the whole process, which the caller may have seeded; draw from one"
        " of your own, and build networks in __init__ or under gcodec.models.building.unseen"
    )


def _states() -> dict[str, object]:
    legacy: Any = np.random.get_state()
    states: dict[str, object] = {
        "Python": random.getstate(),
        "NumPy": (legacy[1].tobytes(), legacy[2]),
    }
    if "torch" not in sys.modules:
        return states
    return states | {"torch": sys.modules["torch"].random.get_rng_state().numpy().tobytes()}
