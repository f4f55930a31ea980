"""The prior of tokens as trained: the floating-point twin of `gcodec_ldm.perco.prior`."""

from __future__ import annotations

from collections.abc import Sequence
from math import log, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.entropy.mean_scale import SLOPE, layer_tensors
from gcodec_ldm.perco.prior import NEIGHBOURS, digits_of

__all__ = ["PriorNetwork"]


class PriorNetwork(nn.Module):
    """Tokens and their neighbours to bits.

    levels  of the digits, the least significant first.
    width   of u; inside: of the layer behind it.
    """

    one_hot: Tensor

    def __init__(self, levels: Sequence[int], width: int, inside: int) -> None:
        super().__init__()
        self.levels = tuple(levels)
        digits = digits_of(np.arange(prod(levels)), levels)
        rows = [np.eye(level)[digits[:, i]] for i, level in enumerate(levels)]
        # The last row is what a neighbour outside of the picture has.
        table = np.concatenate([np.concatenate(rows, 1), np.zeros((1, sum(levels)))])
        self.register_buffer("one_hot", torch.from_numpy(table).float(), persistent=False)
        self.register_buffer("digits", torch.from_numpy(digits), persistent=False)
        self.first = nn.Linear(len(NEIGHBOURS) * sum(levels), width)
        self.second = nn.Linear(width, width)
        before = [sum(levels[:i]) for i in range(len(levels))]
        self.hidden = nn.ModuleList(nn.Linear(width + known, inside) for known in before)
        self.out = nn.ModuleList(nn.Linear(inside, level) for level in levels)

    digits: Tensor

    def forward(self, neighbours: Tensor, tokens: Tensor) -> Tensor:
        """Bits [N] of int64 tokens [N], given their neighbours [N, len(NEIGHBOURS)], -1 where there is none."""
        context = self.one_hot[neighbours.flatten()].view(len(tokens), -1)
        u = F.leaky_relu(self.second(F.leaky_relu(self.first(context), SLOPE)), SLOPE)
        own, digits = self.one_hot[tokens], self.digits[tokens]
        nats, known = torch.zeros(len(tokens), device=u.device), 0
        for i, (hidden, out) in enumerate(zip(self.hidden, self.out, strict=True)):
            v = F.leaky_relu(hidden(torch.cat([u, own[:, :known]], 1)), SLOPE)
            # The integer network's logits are powers of two.
            nats = nats + F.cross_entropy(out(v).float() * log(2), digits[:, i], reduction="none")
            known += self.levels[i]
        return nats / log(2)

    def tensors(self, name: str) -> dict[str, NDArray[Any]]:
        """The integer tensors that `gcodec_ldm.perco.prior.Prior` wants."""
        made: dict[str, NDArray[Any]] = {}
        for part, layer in self.named_modules():
            if isinstance(layer, nn.Linear):
                weight, bias = (p.detach().cpu() for p in (layer.weight, layer.bias))
                made |= layer_tensors(f"{name}.{part}", weight.T, bias[None])
        return made
