"""From a checkpoint's densities to integer frequency tables. For making a model folder, never for reading a file."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import fit_frequencies

__all__ = ["FILTERS", "factorized_tables", "gaussian_table"]

Floats = NDArray[np.float64]

#: Widths between the layers of the factorized density.
FILTERS = (1, 3, 3, 3, 3, 1)

#: Rows of a table end where less than this mass is left.
_TAIL = 2.0**-20

#: Largest |symbol| with a row of its own under a factorized density, and how many deviations wide a Gaussian's are.
_REACH = 1023
_DEVIATIONS = 6

#: Share of the mass that is spread evenly: data are never quite as a model says, and a symbol that it thinks impossible
#: should not cost 24 bits.
_EVEN = 2.0**-13

#: Masses are rounded to multiples of this, so that the last digit of a library's functions does not reach the tables, nor
#: the digest of the model.
_GRAIN = 2.0**-22


def gaussian_table(scale: float) -> NDArray[np.uint32]:
    """Frequencies of 0, 1, -1, ... and of all beyond for rounded Gaussians of mean 0 and this deviation."""
    reach = math.ceil(_DEVIATIONS * scale)
    above = [math.erfc((k - 0.5) / scale / math.sqrt(2)) / 2 for k in range(reach + 2)]
    mass = -np.diff(above)
    mass[0] = 1 - 2 * above[1]
    return _frequencies(np.concatenate([mass[:1], np.repeat(mass[1:], 2), [2 * above[-1]]]))


def factorized_tables(
    tensors: Mapping[str, Floats], medians: Floats, step: float
) -> list[NDArray[np.uint32]]:
    """Frequencies of 0, 1, -1, ... and of all beyond for each channel, values rounded to medians plus multiples of `step`.

    The density of Balle et al. 2018, appendix 6.1; `tensors` are the entropy bottleneck's: matrices.K, biases.K, factors.K.
    """
    edges = np.arange(-_REACH, _REACH + 2) - 0.5
    logits = _logits(tensors, medians[:, None] + step * edges)
    low, high = logits[:, :-1], logits[:, 1:]
    # Differences of the smaller tails keep their digits.
    flip = np.where(low + high > 0, -1.0, 1.0)
    mass = np.abs(_sigmoid(flip * high) - _sigmoid(flip * low))
    tables = []
    for row, logit in zip(mass, logits, strict=True):
        beyond = _sigmoid(logit[: _REACH + 1])[::-1] + _sigmoid(-logit[_REACH + 1 :])
        reach = int(np.argmax(np.append(beyond[:-1] <= _TAIL, True)))
        up, down = (
            row[_REACH : _REACH + reach + 1],
            row[_REACH - reach : _REACH + 1][::-1],
        )
        pairs = np.stack([up[1:], down[1:]], 1).ravel()
        tables.append(_frequencies(np.concatenate([up[:1], pairs, beyond[reach : reach + 1]])))
    return tables


def _logits(tensors: Mapping[str, Floats], x: Floats) -> Floats:
    """Logits of the cumulative of each channel at x [C, K]: h_K o ... o h_1 of Balle et al. 2018, eq. 19 to 23."""
    logits = x[:, None]
    for layer in range(len(FILTERS) - 1):
        matrix = np.logaddexp(0, tensors[f"matrices.{layer}"])  # softplus
        logits = matrix @ logits + tensors[f"biases.{layer}"]
        if layer < len(FILTERS) - 2:
            logits += np.tanh(tensors[f"factors.{layer}"]) * np.tanh(logits)
    return logits[:, 0]


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -x)), np.float64)


def _frequencies(masses: Floats) -> NDArray[np.uint32]:
    mixed = (1 - _EVEN) * masses / masses.sum() + _EVEN / len(masses)
    return fit_frequencies(np.rint(mixed / _GRAIN))
