"""Priors of tokens as trained: the floating-point twins of `gcodec_ldm.digits.Chain`."""

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
from gcodec_ldm.digits import digits_of, one_hots

__all__ = ["ChainNetwork"]


class ChainNetwork(nn.Module):
    """Contexts to bits of tokens.

    levels  of the digits, the least significant first.
    inputs  activations of a context.
    width   of u; inside: of the layer behind it.
    """

    one_hot: Tensor
    digits: Tensor

    def __init__(self, levels: Sequence[int], inputs: int, width: int, inside: int) -> None:
        super().__init__()
        self.levels = tuple(levels)
        digits = digits_of(np.arange(prod(levels)), levels)
        self.register_buffer(
            "one_hot", torch.from_numpy(one_hots(levels)).float(), persistent=False
        )
        self.register_buffer("digits", torch.from_numpy(digits), persistent=False)
        self.first = nn.Linear(inputs, width)
        self.second = nn.Linear(width, width)
        before = [sum(levels[:i]) for i in range(len(levels))]
        self.hidden = nn.ModuleList(nn.Linear(width + known, inside) for known in before)
        self.out = nn.ModuleList(nn.Linear(inside, level) for level in levels)

    def bits(self, context: Tensor, tokens: Tensor) -> Tensor:
        """Bits [N] of int64 tokens [N] in contexts [N, inputs]."""
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
        """The integer tensors that `gcodec_ldm.digits.Chain` wants."""
        made: dict[str, NDArray[Any]] = {}
        for part, layer in self.named_modules():
            if isinstance(layer, nn.Linear):
                weight, bias = (p.detach().cpu() for p in (layer.weight, layer.bias))
                made |= layer_tensors(f"{name}.{part}", weight.T, bias[None])
        return made
