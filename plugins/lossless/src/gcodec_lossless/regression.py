"""Least squares over what lies near, in integers. spec/embeddings/lossless.md, section 4.

Each pixel has a vector: its neighbours, then its own channels. Products of all pairs are summed with weights that fade with
distance, and Gauss's elimination of the neighbours predicts the first channel, then, given that one, the second, and so on:
one matrix serves all. Everything is a whole number of 64 bits; section 11 of the text proves that none leaves them.
"""

from __future__ import annotations

import numpy as np

from gcodec_lossless.waves import Ints, Wave

__all__ = ["FINE", "Elimination", "Moments", "limited"]

#: Numbers after the binary point of a factor of the elimination.
_FACTOR = 28
#: A vector's numbers are in 1/64; innovations and predictions in 1/4096.
FINE = 12
_VECTOR = 6
#: Of products: 2**6 more than 1/4096.
_SPREAD = 6
#: The sum along a row loses a 16th with each pixel, the sum over rows an eighth with each row.
_ALONG, _DOWN = 4, 3
#: What stands on the diagonal where nothing is known: a quarter of a unit squared.
_RIDGE = 1 << 16
_LARGEST = 1 << 24
#: Rows of a matrix that are changed at a time, of waves of so many pixels or more; for speed alone.
_STRIP, _NARROW = 6, 24


class Moments:
    """Sums of products of the vectors of `size` numbers near each row's next pixel.

    Matrices are symmetric: rows are kept from the diagonal on, one after the other.
    """

    def __init__(self, height: int, size: int) -> None:
        self._one, self._other = np.triu_indices(size)
        pairs = len(self._one)
        self._along = np.zeros((pairs, height), np.int64)
        self._down = np.zeros((pairs, height + 1), np.int64)  # lane 0 is above the picture
        self._ridge = _RIDGE * (self._one == self._other)[:, None]
        self._above = np.zeros(0, np.int64)

    def matrix(self, wave: Wave) -> Ints:
        """The matrix for each pixel of a wave, [size, size, n], right from the diagonal on: its to change."""
        above = self._down[:, wave.first : wave.stop]
        self._above = above - (above >> _DOWN)
        made = self._along[:, wave.first : wave.stop] + self._above
        made += self._ridge
        size = self._one[-1] + 1
        square = np.empty((size, size, made.shape[1]), np.int64)
        square[self._one, self._other] = made
        return square

    def add(self, wave: Wave, vectors: Ints) -> None:
        """Take in the vectors [size, n] of the wave that `matrix` was asked for last."""
        along = self._along[:, wave.first : wave.stop]
        along -= along >> _ALONG
        product = vectors[self._one]
        product *= (vectors << _SPREAD)[self._other]
        along += product
        np.add(along, self._above, out=self._down[:, wave.first + 1 : wave.stop + 1])


class Elimination:
    """Predictions of the channels of a wave's pixels, one after the other.

    matrix      as of `Moments.matrix`; neighbours come first.
    neighbours  [size - channels, n], in 1/64.
    """

    def __init__(self, matrix: Ints, neighbours: Ints) -> None:
        known = len(neighbours)
        rest = np.zeros(matrix.shape[1:], np.int64)
        rest[:known] = neighbours << (FINE - _VECTOR)
        self._matrix, self._rest, self._next = matrix, rest, known
        self._strip = len(matrix) if rest.shape[1] < _NARROW else _STRIP
        self._room = np.empty((self._strip * len(matrix), rest.shape[1]), np.int64)
        for index in range(known):
            self._eliminate(index)

    def _eliminate(self, index: int) -> None:
        below, rest = self._matrix[index + 1 :, index + 1 :], self._rest[index + 1 :]
        row = self._matrix[index, index + 1 :]
        factors = (row << _FACTOR) // self._matrix[index, index]
        size = len(row)
        strip = self._strip
        for start in range(0, size, strip):  # what lies left of the diagonal is mostly left out
            some = factors[start : start + strip, None]
            step = self._room[: len(some) * (size - start)].reshape(len(some), size - start, -1)
            np.multiply(some, row[start:], out=step)
            step >>= _FACTOR
            below[start : start + strip, start:] -= step
        factors *= limited(self._rest[index], _LARGEST)
        factors >>= _FACTOR
        rest -= factors

    def predict(self) -> Ints:
        """The next channel's prediction, [n], in 1/4096."""
        return -self._rest[self._next]

    def found(self, values: Ints) -> None:
        """What that channel is, [n], in 1/64."""
        self._rest[self._next] += values << (FINE - _VECTOR)
        if self._next + 1 < len(self._rest):
            self._eliminate(self._next)
        self._next += 1


def limited(values: Ints, most: int) -> Ints:
    """Values brought to -most ... most. NumPy's clip takes three times as long for a hundred numbers."""
    found: Ints = np.minimum(values, most)
    return np.maximum(found, -most, out=found)
