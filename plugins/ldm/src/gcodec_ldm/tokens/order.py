"""The order of tokens, coarse to fine, so that any beginning of it covers the whole picture.

spec/embeddings/tokens.md, section 3, is normative. A grid is sent in passes: first the corner; then, for ever smaller steps
..., 4, 2, 1, the positions halfway between those that are known, in three passes: in the middle of four, then between
two of a row, then between two of a column. All neighbours of a pass lie s apart and in earlier passes. Within a pass,
positions are scattered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AROUND", "KINDS", "SCALES", "Pass", "layers", "passes", "seen"]

Positions = NDArray[np.int64]

#: Rows and columns, in steps, from a position to those that its token may be predicted from.
AROUND = tuple((dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if (dy, dx) != (0, 0))
#: Steps that are told apart: 1, 2, 4, ...; the last stands for all beyond.
SCALES = 6
#: Odd rows and odd columns, counted in steps, of the three passes of a step.
KINDS = ((1, 1), (0, 1), (1, 0))

#: Positions that are coded together at most.
_BATCH = 4096
_FIRST = 64  # tokens of layer 0; each layer reaches twice as far as the one before
_SCATTER = 2654435769  # 2**32 divided by the golden ratio


@dataclass(frozen=True)
class Pass:
    """Flat `positions` of a pass, or of a part of it, in the order of coding, `step` between neighbours, which of `KINDS`.

    The corner is of kind -1: nothing of its own grid is known.
    """

    positions: Positions
    step: int
    kind: int


def passes(h: int, w: int) -> Iterator[Pass]:
    """The passes of a grid of h x w tokens, large ones in parts; all together visit each position once."""
    yield Pass(np.zeros(1, np.int64), 1 << SCALES, -1)
    step = 1 << max(h - 1, w - 1).bit_length() >> 1
    while step:
        for kind, (row, column) in enumerate(KINDS):
            y = np.arange(row * step, h, 2 * step)
            x = np.arange(column * step, w, 2 * step)
            at = (y[:, None] * w + x).ravel()
            order = at[np.argsort(at * _SCATTER % (1 << 32))]
            for start in range(0, at.size, _BATCH):
                yield Pass(order[start : start + _BATCH], step, kind)
        step >>= 1


def seen(kind: int) -> NDArray[np.bool_]:
    """Which of `AROUND` a pass of that kind may look at: bool [24]."""
    if kind < 0:
        return np.zeros(len(AROUND), bool)
    row, column = KINDS[kind]
    known = ((0, 0), *KINDS[:kind])
    return np.array([((row + dy) % 2, (column + dx) % 2) in known for dy, dx in AROUND])


def layers(total: int) -> list[int]:
    """Where each layer of `total` tokens ends: 64, 128, 256, 512, ..., `total`."""
    ends, end = [], _FIRST
    while end < total:
        ends.append(end)
        end *= 2
    return [*ends, total]
