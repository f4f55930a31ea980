"""Colours that were made of three others, of 8 bits: spec/embeddings/lossless.md, section 8.

A photograph out of a JPEG, a Photo CD or a lossy WebP was luma and two chromas, each a whole number, before it was red,
green and blue. Of 16.7 million colours it can have a fourth, a ninth, a sixth. Whoever codes red, green and blue pays for
the others too: 2 to 3.2 bits a pixel. So what is coded is the luma and the chromas of which the colours were made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec_lossless.waves import Ints

__all__ = ["KINDS", "Kind", "Origin", "origin"]


def _photo_cd(luma: Ints, first: Ints, second: Ints) -> tuple[Ints, Ints, Ints]:
    light, blue, red = 13584 * luma, 22179 * (first - 156), 18215 * (second - 137)
    green = light - 1940 * (blue // 10000) - 5090 * (red // 10000) - 1
    return (light + red) // 10000, green // 10000, (light + blue) // 10000


def _jpeg(luma: Ints, first: Ints, second: Ints) -> tuple[Ints, Ints, Ints]:
    blue, red = first - 128, second - 128
    half = 1 << 15
    green = luma + ((half - 22554 * blue - 46802 * red) >> 16)
    return luma + ((91881 * red + half) >> 16), green, luma + ((116130 * blue + half) >> 16)


def _webp(luma: Ints, first: Ints, second: Ints) -> tuple[Ints, Ints, Ints]:
    light = (19077 * luma) >> 8
    red = light + ((26149 * second) >> 8) - 14234
    green = light - ((6419 * first) >> 8) - ((13320 * second) >> 8) + 8708
    return red >> 6, green >> 6, (light + ((33050 * first) >> 8) - 17685) >> 6


@dataclass(frozen=True)
class Kind:
    """How red, green and blue are made of luma and two chromas, before they are cut to 0 ... 255.

    back  the other way: three rows, of factors for red, green and blue and a summand, in 1/65536.
    """

    number: int
    name: str
    made: Callable[[Ints, Ints, Ints], tuple[Ints, Ints, Ints]]
    back: tuple[tuple[int, int, int, int], ...]

    def colours(self, parts: Ints) -> Ints:
        """Of [3, ...] luma and chromas, the colours [3, ...]: red, green, blue."""
        return np.clip(np.stack(self.made(*parts)), 0, 255)

    def parts(self, colours: Ints) -> Ints:
        """About the parts that make the colours [3, ...], in 1/64, in integers alone."""
        factors = np.array(self.back).T
        sums = (factors[:3, :, None, None] * colours[:, None]).sum(0) + factors[3][:, None, None]
        found: Ints = (sums + (1 << 9)) >> 10
        return found

    def real(self, colours: NDArray[Any]) -> NDArray[np.float64]:
        """The parts [3, n], real numbers, that make the colours [3, n] but for rounding."""
        large = 1_000_000  # so that what is rounded down on the way matters little
        zero = np.zeros((3, 1), np.int64)
        start = np.stack(self.made(*zero))
        slopes = (np.stack(self.made(*np.eye(3, dtype=np.int64) * large)) - start) / large
        found: NDArray[np.float64] = np.linalg.solve(slopes, colours + 0.5 - start)
        return found


#: `Kind.back` of the three.
_BACK = (
    (
        (14420, 28329, 5496, 34721),
        (-8832, -17351, 26183, 10217349),
        (25226, -21127, -4099, 8986880),
    ),
    (
        (19595, 38469, 7471, 42949),
        (-11058, -21710, 32768, 8389654),
        (32768, -27439, -5329, 8360079),
    ),
    (
        (16829, 33038, 6417, 1065318),
        (-9714, -19070, 28785, 8400613),
        (28785, -24103, -4681, 8400255),
    ),
)

#: Number 0 is none: the samples themselves.
KINDS = {
    kind.number: kind
    for kind in (
        Kind(1, "Photo CD", _photo_cd, _BACK[0]),
        Kind(2, "JPEG", _jpeg, _BACK[1]),
        Kind(3, "WebP", _webp, _BACK[2]),
    )
}

#: A picture has an origin if so many of the colours of some of its pixels have it, and all but so many of all.
_SOME, _LEAST, _FEW = 4096, 0.9, 1 / 64
#: Where a colour was cut at an end it may have been so far beyond.
_BEYOND = 96
#: Channels that are taken to be beyond it: each alone, or all that are at an end.
_TOGETHER = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])[:, :, None]


@dataclass(frozen=True)
class Origin:
    """Of a picture: its kind, and luma and chromas [3, H, W], of which its colours are, or nearly."""

    kind: Kind
    parts: Ints


def origin(colours: Ints) -> Origin | None:
    """That of red, green, blue [3, H, W] of 8 bits; None if there is none of those in `KINDS`."""
    flat = colours.reshape(3, -1)
    codes = (flat[0] << 16) | (flat[1] << 8) | flat[2]
    some = _split(np.unique(codes[:: max(1, codes.size // _SOME)]))
    inside = some[:, ((some > 0) & (some < 255)).all(0)]  # at an end they may have been cut
    for kind in KINDS.values():
        known = _solved(kind, inside, inside)[1]
        if known.size < 16 or known.mean() < _LEAST:
            continue
        distinct, which = np.unique(codes, return_inverse=True)
        wanted = _split(distinct)
        parts, exact = _solved(kind, wanted, wanted)
        outward = (wanted == 255).astype(np.int64) - (wanted == 0)
        for beyond, some_of in product(range(1, _BEYOND), _TOGETHER):
            move = beyond * outward * some_of
            left = np.flatnonzero(~exact & move.any(0))
            if left.size:
                found, right = _solved(kind, wanted[:, left], (wanted + move)[:, left])
                parts[:, left[right]], exact[left[right]] = found[:, right], True
        if (~exact)[which].mean() <= _FEW:
            return Origin(kind, parts[:, which.ravel()].reshape(colours.shape))
    return None


def _split(codes: Ints) -> Ints:
    return np.stack([codes >> 16, (codes >> 8) & 255, codes & 255])


def _solved(kind: Kind, wanted: Ints, before: Ints) -> tuple[Ints, Ints]:
    """Parts [3, n] that make the colours [3, n], or come near to them, and whether they do, [n].

    before  what the colours were before they were cut, nearly.
    """
    near = np.rint(kind.real(before)).astype(np.int64)
    found, least = np.clip(near, 0, 255), np.full(wanted.shape[1], 1 << 10)
    left = np.arange(wanted.shape[1])
    for step in sorted(product((-1, 0, 1), repeat=3), key=lambda step: sum(map(abs, step))):
        parts = np.clip(near[:, left] + np.array(step)[:, None], 0, 255)
        wrong = np.abs(kind.colours(parts) - wanted[:, left]).sum(0)
        better = wrong < least[left]
        found[:, left[better]], least[left[better]] = parts[:, better], wrong[better]
        left = left[wrong > 0]
        if not left.size:
            break
    return found, least == 0
