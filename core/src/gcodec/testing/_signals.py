"""What a signal must be, checked; and how two of them compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.interfaces import Size
from gcodec.signals import Latent, Noisy, Preview, Signal, Sketch, Text, Tokens, type_of

__all__ = ["Flat", "check_pixels", "check_signal", "check_signals", "difference", "flatten"]

#: Signals as arrays with names, to be compared or sent from process to process.
Flat: TypeAlias = dict[str, NDArray[Any]]


def check_signals(signals: Sequence[Signal], size: Size, contents: Iterable[Iterable[str]]) -> None:
    """Assert that these are one of the sets of a spec's `contents`, each signal as `gcodec.signals` documents it."""
    assert isinstance(signals, tuple), f"signals come as a tuple, not {type(signals).__name__}"
    found, due = sorted(map(type_of, signals)), [sorted(types) for types in contents]
    assert found in due, f"decode returned {found}, the spec says {' or '.join(map(str, due))}"
    for signal in signals:
        check_signal(signal, size)


def check_signal(signal: Signal, size: Size) -> None:
    """Assert dtype, shape and value ranges."""
    match signal:
        case Text(value):
            assert isinstance(value, str), f"text is a str, not {type(value).__name__}"
            value.encode()
        case Preview(pixels, mse):
            check_pixels(pixels, (3, *size), "preview")
            assert math.isfinite(mse) and mse >= 0, f"preview.mse is {mse}"
        case Sketch(edges):
            check_pixels(edges, (1, *size), "sketch")
        case Latent(values, _, step):
            _check_grid(values, "latent")
            assert math.isfinite(step) and step >= 0, f"latent.step is {step}"
        case Tokens(indices, _):
            assert indices.dtype == np.int32 and indices.ndim == 2, (
                f"tokens are int32 [h, w], not {indices.dtype} {indices.shape}"
            )
            assert indices.min(initial=0) >= 0, "tokens hold a negative index"
        case Noisy(x_t, _, alpha_t, sigma_t):
            _check_grid(x_t, "noisy")
            assert math.isfinite(alpha_t) and alpha_t >= 0, f"noisy.alpha_t is {alpha_t}"
            assert math.isfinite(sigma_t) and sigma_t >= 0, f"noisy.sigma_t is {sigma_t}"


def check_pixels(values: Any, shape: tuple[int, ...], what: str) -> None:
    """Assert a float32 array of `shape` with values in [0, 1]."""
    assert isinstance(values, np.ndarray), f"{what} is {type(values).__name__}, not a NumPy array"
    assert values.dtype == np.float32, f"{what} is {values.dtype}, not float32"
    assert values.shape == shape, f"{what} has shape {values.shape}, not {shape}"
    assert np.isfinite(values).all(), f"{what} holds values that are not finite"
    low, high = float(values.min()), float(values.max())
    assert low >= 0 and high <= 1, f"{what} runs from {low:g} to {high:g}, beyond [0, 1]"


def _check_grid(values: Any, what: str) -> None:
    assert isinstance(values, np.ndarray), f"{what} is {type(values).__name__}, not a NumPy array"
    assert values.dtype == np.float32 and values.ndim == 3, (
        f"{what} is float32 [C, h, w], not {values.dtype} {values.shape}"
    )
    assert np.isfinite(values).all(), f"{what} holds values that are not finite"


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
