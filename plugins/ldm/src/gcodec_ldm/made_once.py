"""Arrays that a training makes of its photographs once, and keeps in its cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.files import atomic_write

__all__ = ["made_once"]

Arrays = Mapping[str, NDArray[Any]]


def made_once(cache: Path, name: str, wanted: object, make: Callable[[], Arrays]) -> Arrays:
    """The arrays that `make` returns, or did when it was last called for this `name` and `wanted` (by its repr)."""
    digest = hashlib.sha256(repr(wanted).encode()).hexdigest()
    path = cache / f"{name}-{digest[:16]}.npz"
    if not path.exists():
        made = make()
        with atomic_write(path, force=True) as file:
            np.savez(file, **made)
    with np.load(path, allow_pickle=False) as kept:
        return {key: kept[key] for key in kept.files}
