"""The prior of tokens in exact integer arithmetic: what decides bits, the same on every machine.

spec/embeddings/perco.md, sections 3 and 4, is normative. The network is that of `gcodec_ldm.digits`; its context are the
digits of the neighbours that have been coded, one-hot.

Order: positions with the same x + 3 y are coded together, these diagonals in ascending order, rows ascending within; all
neighbours of `NEIGHBOURS` lie on earlier ones. A diagonal's digits 0 come first, then its digits 1, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import UNIT_BITS, Ints
from gcodec_ldm.digits import Chain, Visitor, one_hots

__all__ = ["NEIGHBOURS", "OUTSIDE", "Prior"]

#: Rows and columns from a position to those that its token is predicted from.
NEIGHBOURS = (
    *((0, -1), (0, -2)),
    *((-1, dx) for dx in range(-2, 3)),
    *((-2, dx) for dx in range(-2, 3)),
)
_REACH = 2  # of NEIGHBOURS, upwards and to either side
#: Stands for a neighbour that the picture does not have.
OUTSIDE = -1


class Prior(Chain):
    """The network of one codebook, as `gcodec_ldm.perco.export` writes it; see `Chain`."""

    def __init__(
        self, levels: Sequence[int], tensors: Mapping[str, NDArray[Any]], name: str
    ) -> None:
        super().__init__(levels, tensors, name, len(NEIGHBOURS) * sum(levels))
        # Row t holds what a neighbour with token t adds to the input.
        self._one_hot = one_hots(self.levels) * (1 << UNIT_BITS)

    def code(self, h: int, w: int, visit: Visitor) -> Ints:
        """Visit all digits in coding order; encoder and decoder differ in `visit` alone. Returns tokens [h, w]."""
        tokens = np.full((h + _REACH, w + 2 * _REACH), OUTSIDE, np.int32)
        flat = tokens.reshape(-1)
        offsets = np.array([dy * tokens.shape[1] + dx for dy, dx in NEIGHBOURS])
        for y, x in _diagonals(h, w):
            at = (y + _REACH) * tokens.shape[1] + x + _REACH
            context = self._one_hot[flat[at[:, None] + offsets]].reshape(len(at), -1)
            flat[at] = self.tokens(self.features(context), y * w + x, visit)
        return np.ascontiguousarray(tokens[_REACH:, _REACH:-_REACH])


def _diagonals(h: int, w: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows and columns of the positions that are coded together, in coding order."""
    slope = _REACH + 1
    for t in range(w + slope * (h - 1)):
        y = np.arange(max(0, -(-(t - w + 1) // slope)), min(h - 1, t // slope) + 1)
        if y.size:  # a narrow picture has empty ones
            yield y, t - slope * y
