"""The prior of tokens as trained: the floating-point twin of `gcodec_ldm.perco.prior`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from gcodec_ldm.network import ChainNetwork
from gcodec_ldm.perco.prior import NEIGHBOURS

__all__ = ["PriorNetwork"]


class PriorNetwork(ChainNetwork):
    """Tokens and their neighbours to bits; see `ChainNetwork`."""

    def __init__(self, levels: Sequence[int], width: int, inside: int) -> None:
        super().__init__(levels, len(NEIGHBOURS) * sum(levels), width, inside)

    def forward(self, neighbours: Tensor, tokens: Tensor) -> Tensor:
        """Bits [N] of int64 tokens [N], given their neighbours [N, len(NEIGHBOURS)], -1 where there is none."""
        return self.bits(self.one_hot[neighbours.flatten()].view(len(tokens), -1), tokens)
