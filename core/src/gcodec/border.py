"""The border between gcodec and its plugins: what escapes one is named, what one returns is held against its promise.

    with of_plugin(spec):
        layers = check_layers(embedding.encode(analysis, quality))

Whatever goes wrong in there ends in one `PluginError` with the names of spec and distribution. Errors that are raised on
purpose pass as they are. Nothing is checked twice: signals where an embedding or an adapter returns them, pictures where a
reconstructor does.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from gcodec._claims import kind_of
from gcodec._discovery import aside, needed, one_line
from gcodec.errors import GcodecError, InvalidArgument, PluginError, UnusablePlugin
from gcodec.plugin import Field
from gcodec.registry import load_object, registry
from gcodec.signals import KINDS, type_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gcodec.interfaces import Size
    from gcodec.plugin import Spec
    from gcodec.signals import Signal

__all__ = [
    "Unfit",
    "check_about",
    "check_exact",
    "check_layers",
    "check_number",
    "check_picture",
    "check_signal",
    "check_signals",
    "check_sizes",
    "check_symbols",
    "needed",
    "of_plugin",
]

#: Raised on purpose, or by nobody in particular.
_PASSING = (GcodecError, MemoryError, BrokenPipeError)

#: dtype of a single value -> what Python may hold it in.
_SINGLE: dict[str, Any] = {
    "str": str,
    "bool": bool,
    "int": numbers.Integral,
    "float": numbers.Real,
}

_EXACT = Field("exact", "uint8", (3, "H", "W"))
_PICTURE = Field("picture", "float32", (3, "H", "W"), 0, 1)


class Unfit(InvalidArgument):
    """A value that is not what its place is for; the text says what it is, and what it should be."""


@contextmanager
def of_plugin(spec: Spec, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Run what belongs to the plugin that offers `spec`; other exceptions than those on purpose become PluginError.

    So does InvalidArgument: it was the plugin that called with such a value. A package that its distribution asks for and
    that is not installed, or torch, is UnusablePlugin.

    passing  exceptions that are let through besides.
    """
    kind = kind_of(spec)
    own = kind in ("command", "trainer")  # what these print, and how they end, is what they are for
    try:
        with nullcontext() if own else aside():
            yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if isinstance(error, (*_PASSING, *passing)) and not isinstance(error, InvalidArgument):
            raise
        if own and not isinstance(error, Exception):
            raise
        owner = registry().distribution_of(spec) or "an unknown distribution"
        if lacking := needed(error, owner):
            raise UnusablePlugin(spec.name, lacking) from error
        what = str(error) if isinstance(error, Unfit) else one_line(error)
        raise PluginError(kind, spec.name, owner, what) from error


def check_layers(layers: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Return what an embedding's `encode` returned. Raises Unfit unless it is a tuple of one layer or more."""
    if not isinstance(layers, tuple) or not all(isinstance(layer, bytes) for layer in layers):
        raise Unfit(f"encode returned {_short(layers)} where a tuple of bytes is due")
    if not layers:
        raise Unfit("encode returned no layer")
    return layers


def check_sizes(sizes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """Return what an embedding's `sizes` returned. Raises Unfit unless it is None or whole numbers in a tuple."""
    if sizes is None:
        return None
    if not isinstance(sizes, tuple) or not all(_is(size, "int") and size >= 0 for size in sizes):
        raise Unfit(f"sizes returned {_short(sizes)} where a tuple of whole numbers is due")
    return tuple(map(int, sizes))


def check_about(size: float | None) -> float | None:
    """Return what an embedding's `about` returned. Raises Unfit unless it is None or a finite number from 0 on."""
    if size is None:
        return None
    if not _is(size, "float") or not 0 <= size < math.inf:
        raise Unfit(f"about returned {_short(size)} where a number of bytes is due")
    return float(size)


def check_symbols(symbols: bytes) -> bytes:
    """Return what an embedding's `symbols` returned. Raises Unfit unless it is bytes."""
    if not isinstance(symbols, bytes):
        raise Unfit(f"symbols returned {_short(symbols)} where bytes are due")
    return symbols


def check_exact(picture: NDArray[np.uint8] | None, size: Size) -> NDArray[np.uint8] | None:
    """Return what an embedding's `exact` returned. Raises Unfit unless that is None, or uint8 [3, H, W]."""
    if picture is not None:
        _check_array(picture, _EXACT, "exact", {"H": size.height, "W": size.width})
    return picture


def check_signals(
    signals: tuple[Signal, ...], size: Size, contents: Iterable[Iterable[str]]
) -> tuple[Signal, ...]:
    """Return what an embedding's `decode` returned. Raises Unfit unless these are sound signals (`check_signal`).

    contents: sets of types; the signals are one of them.
    """
    if not isinstance(signals, tuple):
        raise Unfit(f"signals come as a tuple, not {type(signals).__name__}")
    for signal in signals:
        check_signal(signal, size)
    found, due = sorted(map(type_of, signals)), [sorted(types) for types in contents]
    if found not in due:
        raise Unfit(f"decode returned {found}, the spec says {' or '.join(map(str, due))}")
    return signals


def check_signal(signal: Signal, size: Size, due: str | None = None) -> Signal:
    """Return a signal of a picture of `size`. Raises Unfit unless it is of a kind that is declared, and as it is declared.

    due: the type that it must have.
    """
    kind = getattr(signal, "kind", None)
    spec = (KINDS.get(kind) or registry().signals.get(kind)) if isinstance(kind, str) else None
    if spec is None:
        raise Unfit(f"{_short(signal)} is no signal: no plugin declares the kind {kind!r}")
    known = isinstance(signal, load_object(spec.name, spec.implementation))
    if not known:
        raise Unfit(f"a {type(signal).__name__} is called '{kind}', which is {spec.implementation}")
    lengths = {"H": size.height, "W": size.width}
    for field in spec.fields:
        what, value = f"{kind}.{field.name}", getattr(signal, field.name)
        if field.shape:
            _check_array(value, field, what, lengths)
        else:
            _check_single(value, field, what)
    if due is not None and type_of(signal) != due:
        raise Unfit(f"{type_of(signal)} was returned where {due} is due")
    return signal


def check_number(value: Any) -> float:
    """Return what a metric returned. Raises Unfit unless it is a number; infinity is one, of equal pictures say."""
    if not _is(value, "float") or math.isnan(value):
        raise Unfit(f"the metric returned {_short(value)} where a number is due")
    return float(value)


def check_picture(pixels: Any, size: Size) -> None:
    """Raise Unfit unless what a reconstructor returned is float32 [3, H, W] in [0, 1]."""
    _check_array(pixels, _PICTURE, "the picture", {"H": size.height, "W": size.width})


def _check_single(value: Any, field: Field, what: str) -> None:
    if not _is(value, field.dtype):
        raise Unfit(f"{what} is {type(value).__name__}, not {field.dtype}")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Unfit(f"{what} is no text: {error}") from error
    elif field.finite and not math.isfinite(value):
        raise Unfit(f"{what} is {value}")
    else:
        _check_bounds(value, value, field, what)


def _check_array(values: Any, field: Field, what: str, lengths: dict[str, int]) -> None:
    import numpy as np

    if not isinstance(values, np.ndarray):
        raise Unfit(f"{what} is {type(values).__name__}, not a NumPy array")
    if values.dtype != np.dtype(field.dtype):
        raise Unfit(f"{what} is {values.dtype}, not {field.dtype}")
    for letter, length in zip(field.shape, values.shape, strict=False):
        if isinstance(letter, str) and length:
            lengths.setdefault(letter, length)
    due = tuple(lengths.get(n, n) if isinstance(n, str) else n for n in field.shape)
    if values.shape != due:
        shown = str(due).replace("'", "")
        raise Unfit(f"{what} has shape {values.shape}, not {shown}")
    _check_values(values, field, what)


def _check_values(values: Any, field: Field, what: str) -> None:
    """Hold the values of an array that is not empty against the bounds of a field."""
    import numpy as np

    if (
        values.dtype == np.float32
        and (field.low, field.high, field.finite) == (0, 1, True)
        and values.view(np.uint32).max() <= np.float32(1).view(np.uint32)
    ):
        # One pass in the place of two: as whole numbers, floats from 0 on lie in their own order, and below infinity, NaN
        # and all that have a sign. Only -0.0 is turned away in vain.
        return
    if not field.finite:
        values = values[np.isfinite(values)]
        if not values.size:
            return
    # NaN is the minimum of whatever it is among.
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise Unfit(
            f"{what} holds values that are not finite; damaged weights make such, or float16"
        )
    _check_bounds(low, high, field, what)


def _check_bounds(low: Any, high: Any, field: Field, what: str) -> None:
    least = -math.inf if field.low is None else field.low
    most = math.inf if field.high is None else field.high
    if low < least or high > most:
        span = f"is {low:g}" if low == high else f"runs from {low:g} to {high:g}"
        raise Unfit(f"{what} {span}, beyond [{least:g}, {most:g}]")


def _is(value: Any, dtype: str) -> bool:
    # A bool is an int in Python.
    return isinstance(value, _SINGLE[dtype]) and (dtype == "bool") is isinstance(value, bool)


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bytes)) or value is None else ""
    return text if 0 < len(text) <= 40 else f"a {type(value).__name__}"
