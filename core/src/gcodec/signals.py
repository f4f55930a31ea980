"""Signals: the vocabulary in which stage 1 speaks to stage 2.

Each is a frozen value of NumPy arrays, so that no codec needs torch only to hand a picture on. `type_of` gives the name
under which adapters and reconstructors ask for one: the kind alone ("preview"), or kind and space ("latent/base-f8")
where an array means nothing without its space. What each field may hold is said in `KINDS`; plugins bring kinds of their
own, "vendor/kind", described in the same way (`gcodec.plugin.SignalSpec`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias

from gcodec.errors import InvalidArgument
from gcodec.plugin import Field, SignalSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray: TypeAlias = NDArray[np.float32]
    IntArray: TypeAlias = NDArray[np.int32]

__all__ = [
    "KINDS",
    "Latent",
    "Noisy",
    "Preview",
    "Signal",
    "Sketch",
    "Text",
    "Tokens",
    "by_type",
    "kind_and_space",
    "pack_mse",
    "type_of",
    "unpack_mse",
]


class Signal(Protocol):
    """Any signal: a frozen dataclass that names its kind."""

    kind: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Text:
    """A caption; empty where the sender gave none."""

    kind: ClassVar[str] = "text"
    value: str


@dataclass(frozen=True, eq=False)
class Preview:
    """The MMSE reconstruction X* = E[X | Y] (review, section III-B).

    pixels  float32 [3, H, W] in [0, 1], sRGB.
    mse     squared error per sample on that scale, expected or as the sender measured it; 0 means lossless.
    """

    kind: ClassVar[str] = "preview"
    pixels: FloatArray
    mse: float


@dataclass(frozen=True, eq=False)
class Sketch:
    """An edge map, float32 [1, H, W] in [0, 1]; 1 is an edge."""

    kind: ClassVar[str] = "sketch"
    edges: FloatArray


@dataclass(frozen=True, eq=False)
class Latent:
    """A quantized autoencoder latent.

    values  float32 [C, h, w], dequantized, in the scaled units of `space`.
    space   name of the autoencoder's latent space.
    step    quantization bin width in the same units; of a latent that was never quantized, a preview's say, the width whose
            noise would be as strong as its error; 0 for an exact one.
    rounded  whether values are the latent's rounded to bins: a channel that varies less than a bin then errs by what it was.
            Otherwise, after dither or where nothing was quantized, the error is as strong as noise one bin wide.
    """

    kind: ClassVar[str] = "latent"
    values: FloatArray
    space: str
    step: float
    rounded: bool = True


@dataclass(frozen=True, eq=False)
class Tokens:
    """A vector-quantized latent: int32 [h, w], indices into the codebook named `space`."""

    kind: ClassVar[str] = "tokens"
    indices: IntArray
    space: str


@dataclass(frozen=True, eq=False)
class Noisy:
    """A state of the forward process, x_t = alpha_t x_0 + sigma_t epsilon, float32 [C, h, w] in the named space."""

    kind: ClassVar[str] = "noisy"
    x_t: FloatArray
    space: str
    alpha_t: float
    sigma_t: float


_SPACE = Field("space", "str")

#: The core's kinds, by name.
KINDS: Mapping[str, SignalSpec] = {
    cls.kind: SignalSpec(cls.kind, summary, f"{__name__}:{cls.__name__}", fields)
    for cls, summary, fields in (
        (Text, "a caption", (Field("value", "str"),)),
        (
            Preview,
            "the MMSE reconstruction, and its squared error",
            (
                Field("pixels", "float32", (3, "H", "W"), 0, 1),
                Field("mse", "float", low=0),
            ),
        ),
        (Sketch, "an edge map", (Field("edges", "float32", (1, "H", "W"), 0, 1),)),
        (
            Latent,
            "a quantized latent of an autoencoder",
            (
                Field("values", "float32", ("C", "h", "w")),
                _SPACE,
                Field("step", "float", low=0),
                Field("rounded", "bool"),
            ),
        ),
        (
            Tokens,
            "indices into a codebook",
            (Field("indices", "int32", ("h", "w"), low=0), _SPACE),
        ),
        (
            Noisy,
            "a state of the forward process",
            (
                Field("x_t", "float32", ("C", "h", "w")),
                _SPACE,
                Field("alpha_t", "float", low=0),
                Field("sigma_t", "float", low=0),
            ),
        ),
    )
}


def type_of(signal: Signal) -> str:
    """Return the name that specs use: the kind, followed by "/space" for kinds that live in one."""
    space = getattr(signal, "space", None)
    return signal.kind if space is None else f"{signal.kind}/{space}"


def kind_and_space(name: str) -> tuple[str, str | None]:
    """Take a type apart: "preview" -> ("preview", None), "latent/base" -> ("latent", "base"), "acme/depth/far" ->
    ("acme/depth", "far"). The first word is a kind of the core, or with the second one of a vendor's.
    """
    first, _, rest = name.partition("/")
    if first in KINDS:
        return first, rest or None
    second, _, space = rest.partition("/")
    return (f"{first}/{second}" if second else first), space or None


def by_type(signals: Iterable[Signal]) -> dict[str, Signal]:
    """Index signals by `type_of`; of two with one type the later, more refined one counts.

    An empty caption says nothing and replaces none.
    """
    found: dict[str, Signal] = {}
    for signal in signals:
        says_nothing = isinstance(signal, Text) and not signal.value
        name = type_of(signal)
        if name not in found or not says_nothing:
            found[name] = signal
    return found


#: The squared error travels as one byte: PSNR in quarters of a decibel, 0 to 63.5 dB; 255 means lossless.
_PSNR_STEP = 0.25
_LOSSLESS = 255


def pack_mse(mse: float) -> int:
    """Code a squared error (signal range [0, 1]) in one byte: PSNR rounded to 0.25 dB in 0..254, or 255 for exactly 0.

    Raises InvalidArgument for a negative or non-finite error.
    """
    if not (math.isfinite(mse) and mse >= 0):
        raise InvalidArgument(f"a squared error is a finite number >= 0, not {mse}")
    if mse == 0:
        return _LOSSLESS
    return min(max(round(-10 * math.log10(mse) / _PSNR_STEP), 0), _LOSSLESS - 1)


def unpack_mse(code: int) -> float:
    """Return the squared error that `pack_mse` coded, to within 0.125 dB; 0.0 for 255."""
    if not 0 <= code <= 255:
        raise InvalidArgument(f"the code of a squared error is a byte, not {code}")
    return 0.0 if code == _LOSSLESS else float(10 ** (-code * _PSNR_STEP / 10))
