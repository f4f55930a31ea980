"""The prior of one level as trained: the floating-point twin of `gcodec_ldm.tokens.prior`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec_ldm.digits import one_hots
from gcodec_ldm.network import ChainNetwork
from gcodec_ldm.tokens.order import SCALES
from gcodec_ldm.tokens.prior import inputs

__all__ = ["LevelNetwork"]


class LevelNetwork(ChainNetwork):
    """Tokens and what is around them to bits.

    levels  of the digits; above: of those of the coarser tokens, () for the coarsest level.
    ratio   tokens to a side of a coarser one.
    width, inside   see `ChainNetwork`.
    """

    above: Tensor

    def __init__(
        self, levels: Sequence[int], above: Sequence[int], ratio: int, width: int, inside: int
    ) -> None:
        super().__init__(levels, inputs(levels, above, ratio), width, inside)
        self.ratio = ratio
        self.coarsest = not above
        rows = torch.from_numpy(one_hots(above)).float() if above else torch.zeros(1, 0)
        self.register_buffer("above", rows, persistent=False)

    def forward(
        self, around: Tensor, coarser: Tensor, phase: Tensor, scale: Tensor, tokens: Tensor
    ) -> Tensor:
        """Bits [N] of tokens [N], given tokens `around` [N, 24] and `coarser` ones [N, 9], -1 where there is none known,
        their place within the coarser token and their step's number, [N] each; all int64.
        """
        n = len(tokens)
        pieces = [self.one_hot[around.flatten()].view(n, -1)]
        if not self.coarsest:
            pieces.append(self.above[coarser.flatten()].view(n, -1))
            pieces.append(F.one_hot(phase, self.ratio**2).float())
        pieces.append(F.one_hot(scale, SCALES).float())
        return self.bits(torch.cat(pieces, 1), tokens)
