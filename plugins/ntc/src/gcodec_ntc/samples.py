"""The samples of a large picture while it is encoded, in as few bits as hold them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec_ntc.bands import BLOCK, PIECE, STRIP_PIXELS, bands

__all__ = ["FloatArray", "Samples", "error_of", "kept", "piece_of"]

FloatArray = NDArray[np.float32]
_Make: TypeAlias = Callable[[NDArray[Any]], FloatArray]


class Samples:
    """Float32 [3, H, W], of which parts can be had: `made` of whole numbers `held`."""

    def __init__(self, held: NDArray[Any], made: _Make) -> None:
        self._held, self._made, self.shape = held, made, held.shape

    def __getitem__(self, where: tuple[slice, ...]) -> FloatArray:
        return self._made(self._held[where])


def kept(samples: FloatArray | Samples) -> FloatArray | Samples:
    """The same, to the bit; those of a large picture of 8 or 16 bits a sample in no more than these."""
    if isinstance(samples, Samples) or samples[0].size <= PIECE * BLOCK**2:
        return samples
    for kind, most in ((np.uint8, 255), (np.uint16, 65535)):
        for made in (_multiplied(most), _divided(most)):
            if (held := _held(samples, kind, most, made)) is not None:
                return Samples(held, made)
    return samples


def piece_of(
    samples: FloatArray | Samples,
    rows: slice,
    columns: slice,
    beyond: Literal["edge", "constant"] = "edge",
) -> FloatArray:
    """Some samples; beyond the picture its last row and column are continued, or there is 0."""
    _, height, width = samples.shape
    found = samples[:, rows, columns]
    bottom, right = max(rows.stop - height, 0), max(columns.stop - width, 0)
    return np.pad(found, ((0, 0), (0, bottom), (0, right)), beyond) if bottom or right else found


def error_of(preview: FloatArray, samples: FloatArray | Samples) -> FloatArray:
    """What is too much in a preview, in its place."""
    for band in bands(preview.shape[1], preview.shape[2], STRIP_PIXELS, 0):
        preview[:, band.rows()] -= samples[:, band.rows()]
    return preview


def _multiplied(most: int) -> _Make:
    share = np.float32(1 / most)
    return lambda held: np.multiply(held, share, dtype=np.float32)


def _divided(most: int) -> _Make:
    return lambda held: np.divide(held, np.float32(most), dtype=np.float32)


def _held(samples: FloatArray, kind: Any, most: int, made: _Make) -> NDArray[Any] | None:
    """The whole numbers that `made` makes these samples of; None: there are none."""
    held = np.empty(samples.shape, kind)
    for band in bands(samples.shape[1], samples.shape[2], STRIP_PIXELS, 0):
        some = samples[:, band.rows()]
        held[:, band.rows()] = np.rint(some * np.float32(most))
        if not np.array_equal(made(held[:, band.rows()]), some):
            return None
    return held
