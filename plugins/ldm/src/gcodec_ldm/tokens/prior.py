"""The prior of one level of tokens in exact integer arithmetic: what is sent is priced by it, what is not is drawn from it.

spec/embeddings/tokens.md, sections 3 and 4, is normative. The network is that of `gcodec_ldm.digits`. Its context are, as
one-hots of digits, the tokens of its own grid that lie `step` apart and came in earlier passes, the 3x3 tokens of the
coarser level around, where in the coarser token it lies, and the step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy.integers import UNIT_BITS, Carried, Ints
from gcodec_ldm.digits import Chain, Visitor, one_hots
from gcodec_ldm.tokens.order import AROUND, SCALES, Pass, passes, seen

__all__ = ["NONE", "PARENTS", "Prior", "inputs", "neighbours"]

#: Stands for a token that is not there, or not known.
NONE = -1
#: Rows and columns from a coarser token to those that are looked at.
PARENTS = tuple((dy, dx) for dy in range(-1, 2) for dx in range(-1, 2))


def inputs(levels: Sequence[int], above: Sequence[int], ratio: int) -> int:
    """Length of a context: `above` are the levels of the coarser tokens, of which one has `ratio` to a side."""
    parents = len(PARENTS) * sum(above) + ratio * ratio if above else 0
    return len(AROUND) * sum(levels) + parents + SCALES


class Prior(Chain):
    """The network of one level.

    levels   of the digits of its tokens.
    above    those of the coarser level; () where there is none.
    ratio    tokens to a side of a coarser one.
    tensors, name   see `Chain`.
    """

    def __init__(
        self,
        levels: Sequence[int],
        above: Sequence[int],
        ratio: int,
        tensors: Mapping[str, NDArray[Any]],
        name: str,
    ) -> None:
        super().__init__(levels, tensors, name, inputs(levels, above, ratio))
        self._ratio = ratio
        self._own, self._above = one_hots(levels), one_hots(above) if above else None

    def code(self, h: int, w: int, coarser: Ints | None, count: int, visit: Visitor) -> Ints:
        """Visit the digits of the first `count` tokens in coding order, given the `coarser` tokens if there are any.

        Encoder and decoder differ in `visit` alone. Returns tokens [h, w], `NONE` behind the first `count`.
        """
        tokens = np.full((h, w), NONE, np.int32)
        for part in passes(h, w):
            if not count:
                break
            some = part.positions[:count]
            context = self._context(Pass(some, part.step, part.kind), tokens, coarser)
            tokens.flat[some] = self.tokens(self.features(context), some, visit)
            count -= len(some)
        return tokens

    def _context(self, part: Pass, tokens: Ints, coarser: Ints | None) -> Carried:
        around = neighbours(tokens, part, AROUND)
        around[:, ~seen(part.kind)] = NONE
        n = len(around)
        pieces = [self._own[around].reshape(n, -1)]
        if self._above is not None and coarser is not None:
            w, (y, x) = coarser.shape[1], np.divmod(part.positions, tokens.shape[1])
            r = self._ratio
            above = Pass(y // r * w + x // r, 1, 0)
            pieces.append(self._above[neighbours(coarser, above, PARENTS)].reshape(n, -1))
            pieces.append(np.eye(r * r)[y % r * r + x % r])
        scale = min(part.step.bit_length(), SCALES) - 1
        pieces.append(np.broadcast_to(np.eye(SCALES)[scale], (n, SCALES)))
        return np.concatenate(pieces, 1) * (1 << UNIT_BITS)


def neighbours(tokens: Ints, part: Pass, offsets: Sequence[tuple[int, int]]) -> Ints:
    """Tokens [n, len(offsets)] around those of a pass, offsets in its steps; `NONE` outside of the grid."""
    h, w = tokens.shape
    y, x = np.divmod(part.positions, w)
    dy, dx = part.step * np.array(offsets).T
    rows, columns = y[:, None] + dy, x[:, None] + dx
    inside = (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)
    found = tokens[np.where(inside, rows, 0), np.where(inside, columns, 0)]
    return np.where(inside, found, NONE)
