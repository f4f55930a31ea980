"""Installed models for tests: found and opened once a process."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import numpy as np

from gcodec.models import Model
from gcodec.run import Run

__all__ = ["check_array", "check_name", "found", "opened"]

Network = TypeVar("Network")

_OPENED: dict[tuple[str, str], Any] = {}


@cache
def found(model: str) -> tuple[Model, Run]:
    """Return an installed model, and a run to open it in."""
    run = Run()
    return run.models.find(model), run


def opened(opener: Callable[[Model, Run], Network], model: str) -> Network:
    """Return the network of an installed model, e.g. by `gcodec.models.networks.open_space`."""
    key = opener.__name__, model
    if key not in _OPENED:
        _OPENED[key] = opener(*found(model))
    network: Network = _OPENED[key]
    return network


def check_name(name: object) -> None:
    """Assert that this may stand behind the slash of a signal's type."""
    assert isinstance(name, str) and re.fullmatch(r"[a-z0-9._-]+(/[a-z0-9._-]+)?", name), (
        f"{name!r} cannot be the name of a space: it must be of a-z 0-9 . _ -"
    )


def check_array(values: Any, shape: tuple[int, ...], what: str) -> None:
    """Assert a float32 array of `shape` whose values are finite."""
    assert isinstance(values, np.ndarray), f"{what} is {type(values).__name__}, not a NumPy array"
    assert values.dtype == np.float32 and values.shape == shape, (
        f"{what} is {values.dtype} {values.shape}, not float32 {shape}"
    )
    assert np.isfinite(values).all(), f"{what} holds values that are not finite"
