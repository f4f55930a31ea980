"""How the signals of two decodes compare."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.signals import Signal, type_of

__all__ = ["Flat", "difference", "flatten"]

#: Signals as arrays with names, to be compared or sent from process to process.
Flat: TypeAlias = dict[str, NDArray[Any]]


def flatten(signals: Iterable[Signal]) -> Flat:
    """Return every field of every signal as an array, copied."""
    return {
        f"{type_of(signal)}.{field.name}": np.array(getattr(signal, field.name))
        for signal in signals
        for field in fields(signal)
    }


def difference(one: Flat, other: Flat) -> float:
    """Return the largest absolute difference of two lots of signals; infinity where they differ in more than values."""
    if one.keys() != other.keys():
        return math.inf
    return max((_difference(one[key], other[key]) for key in one), default=0.0)


def _difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    if a.dtype != b.dtype or a.shape != b.shape:
        return math.inf
    if np.issubdtype(a.dtype, np.number):
        return float(np.max(np.abs(a.astype(np.float64) - b), initial=0.0))
    return 0.0 if np.array_equal(a, b) else math.inf
