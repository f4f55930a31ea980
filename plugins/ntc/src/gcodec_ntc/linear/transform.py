"""The lapped transform of `gcodec_ntc.transform` in NumPy, all of its coefficients, and its inverse.

Coefficients are float32 [3, 16, 16, h * w]: colour, vertical and horizontal frequency, position row by row. They are
weighted by the norms of the functions that they stand for, so that one step for all is the right one. Bands of rows bound
memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gcodec.errors import InvalidArgument
from gcodec_ntc.bands import bands
from gcodec_ntc.payload import BLOCK, FloatArray
from gcodec_ntc.samples import Samples, piece_of

__all__ = ["Lapped", "across", "adjoint"]

Floats = TypeVar("Floats", NDArray[np.float32], NDArray[np.float64])

_BAND = 32  # rows of blocks transformed at a time
_HALF = BLOCK // 2


class Lapped:
    """tensors  linear.pre, linear.post, linear.dct float32 [16, 16], linear.norm [16], linear.colour [3, 3].

    Raises KeyError and InvalidArgument for others.
    """

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        square = (BLOCK, BLOCK)
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("pre", "post", "dct"), square)
        shapes |= {"norm": (BLOCK,), "colour": (3, 3)}
        found = {name: tensors[f"linear.{name}"] for name in shapes}
        if any(found[n].shape != s or found[n].dtype != np.float32 for n, s in shapes.items()):
            raise InvalidArgument(f"the matrices of the linear mode are float32 {shapes}")
        self.pre, self.post, self.dct, norm, self.colour = (found[name] for name in shapes)
        if not all(np.isfinite(matrix).all() for matrix in found.values()) or (norm <= 0).any():
            raise InvalidArgument(
                "the linear mode's matrices are not finite, or a norm is not above 0"
            )
        self.norm = np.outer(norm, norm).astype(np.float32)

    def coefficients(self, samples: FloatArray | Samples) -> FloatArray:
        """Of float32 [3, H, W] in [0, 1], continued to multiples of 16 by its last row and column."""
        h, w = (-(-side // BLOCK) for side in samples.shape[1:])
        found = np.empty((3, BLOCK, BLOCK, h * w), np.float32)
        for some, made in _transformed(samples, self.colour, self.pre, self.dct, 127.5, "edge"):
            np.multiply(made, self.norm[:, :, None], out=found[..., some])
        return found

    def slope(self, error: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
        """Of half the squared error, samples in 0..255, by coefficients, if `error` is that of samples in [0, 1].

        Yields positions, and the coefficients [3, 16, 16, positions].
        """
        for some, made in adjoint(error, self.colour, self.post, self.dct):
            made /= self.norm[:, :, None]
            yield some, made

    def samples(self, values: NDArray[Any], step: float, height: int, width: int) -> FloatArray:
        """Float32 [3, height, width] in [0, 1] of coefficients in steps of `step`, of any type."""
        h, w = -(-height // BLOCK), -(-width // BLOCK)
        grid = values.reshape(3, BLOCK, BLOCK, h, w)
        scale = np.float32(step) / self.norm
        made = np.empty((3, height, width), np.float32)
        for band in bands(h, 1, _BAND, 1):
            x = grid[:, :, :, band.top : band.bottom].transpose(0, 3, 1, 4, 2) * scale[:, None]
            x = (x @ self.dct).reshape(3, -1, BLOCK, w * BLOCK)
            x = _columns(x, lambda y: across(y, self.post, False, False))
            x = (self.dct.T @ x).reshape(3, -1, w * BLOCK)
            x = across(x, self.post, False, False)
            rows = made[:, band.rows(BLOCK)]
            x = x[:, band.inner(BLOCK)][:, : rows.shape[1], :width]
            x = np.tensordot(self.colour.T, x, 1)
            rows[:] = np.clip((x + np.float32(127.5)) / np.float32(255), 0, 1)
        return made


def adjoint(
    error: FloatArray, colour: FloatArray, post: FloatArray, dct: FloatArray
) -> Iterator[tuple[slice, FloatArray]]:
    """Of the inverse that these matrices make, for 255 times an error [3, H, W]: positions, and [3, 16, 16, positions].

    What is beyond the picture's edge nobody sees. The adjoint of filtering with a matrix is filtering with its transpose.
    """
    return _transformed(error, colour, np.ascontiguousarray(post.T), dct, 0, "constant")


def _transformed(
    samples: FloatArray | Samples,
    colour: FloatArray,
    pre: FloatArray,
    dct: FloatArray,
    offset: float,
    beyond: Literal["edge", "constant"],
) -> Iterator[tuple[slice, FloatArray]]:
    """Of 255 times the samples [3, H, W] less `offset`: some positions, and their coefficients [3, 16, 16, positions].

    colour, pre, dct  matrices: of colours, across borders of blocks, within blocks.
    beyond            what follows the last row and column: these once more, or 0.
    """
    h, w = (-(-side // BLOCK) for side in samples.shape[1:])
    for first, last, _, _ in bands(h, 1, _BAND, 0):
        rows = slice(max(BLOCK * first - _HALF, 0), min(BLOCK * last + _HALF, BLOCK * h))
        some = piece_of(samples, rows, slice(0, BLOCK * w), beyond)
        x = np.tensordot(colour, some * np.float32(255) - np.float32(offset), 1)
        x = across(x, pre, rows.start % BLOCK != 0, rows.stop < BLOCK * h)
        top = BLOCK * first - rows.start
        x = x[:, top : top + BLOCK * (last - first)]
        x = dct @ x.reshape(3, last - first, BLOCK, -1)
        x = _columns(x, lambda y: across(y, pre, False, False))
        x = x.reshape(3, last - first, BLOCK, w, BLOCK) @ dct.T
        x = np.ascontiguousarray(x.transpose(0, 2, 4, 1, 3)).reshape(3, BLOCK, BLOCK, -1)
        yield slice(first * w, last * w), x


def across(x: Floats, matrix: Floats, above: bool, below: bool) -> Floats:
    """[3, rows, n] with `matrix` across every border between blocks.

    above, below  whether the first and last rows are those of a border; else of the picture's edge, or not asked for.
    """
    start, stop = 0 if above else _HALF, x.shape[1] - (0 if below else _HALF)
    inner = x[:, start:stop]
    mixed = matrix @ inner.reshape(3, -1, BLOCK, x.shape[2])
    return np.concatenate([x[:, :start], mixed.reshape(inner.shape), x[:, stop:]], 1)


def _columns(x: FloatArray, change: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """`change` of [3, columns, rows] for an array [3, blocks, 16, columns]."""
    turned = x.reshape(3, -1, x.shape[3]).transpose(0, 2, 1)
    return np.ascontiguousarray(change(turned).transpose(0, 2, 1)).reshape(x.shape)
