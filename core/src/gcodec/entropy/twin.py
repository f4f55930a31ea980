"""The floating-point twin of an integer model, read from the same file.

A training begins from it, and an encoder searches with it: it agrees with the integers up to rounding, and so says about
what symbols will cost. What is written is coded under the integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec.entropy import integers
from gcodec.entropy.mean_scale import Head, checkerboard, logistic_bits
from gcodec.entropy.model import PRIOR_SPEED, EntropyConfig, EntropyModel

__all__ = ["entropy_config", "entropy_state", "owed", "put", "twin_of"]


def twin_of(config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> EntropyModel:
    """The entropy model of a model file, for use; `config` has the sizes. Raises KeyError, TypeError or RuntimeError."""
    model = EntropyModel(entropy_config(config))
    encoder = {
        name.removeprefix("encoder."): torch.from_numpy(value.astype(np.float32))
        for name, value in tensors.items()
        if name.startswith("encoder.")
    }
    model.load_state_dict(encoder | entropy_state(model, tensors))
    return model.eval().requires_grad_(False)


def owed(model: EntropyModel, q: Tensor, hyper: Tensor, y: Tensor) -> Tensor:
    """Gradient of the bits of all latents y [1, C, h, w] by what the others among them are; `hyper` are their features."""
    y = y.detach().requires_grad_(True)
    parts, fixed = (torch.split(x, [*model.config.groups], 1) for x in (y, y.detach()))
    even = checkerboard(*y.shape[2:]).float()
    decoded: list[Tensor] = []
    with torch.enable_grad():
        total = torch.zeros(())
        for group, parity, (mean, log_scale) in model.passes(q, hyper, decoded):
            bits = logistic_bits(fixed[group] - mean, log_scale)
            total = total + (bits * _mask(even, parity)).sum()
            put(decoded, group, parity, parts[group], even)
    return torch.autograd.grad(total, y)[0]


def put(
    decoded: list[Tensor], group: int, parity: bool | None, values: Tensor, even: Tensor
) -> None:
    """Let `EntropyModel.passes` know the values of the pass that it has told of; even: `checkerboard` of their places."""
    values = values * _mask(even, parity)
    if parity is False:
        decoded[group] = decoded[group] + values
    else:
        decoded.append(values)


def _mask(even: Tensor, parity: bool | None) -> Tensor:
    if parity is None:
        return torch.ones_like(even)
    return even if parity else 1 - even


def entropy_config(sizes: Mapping[str, Any]) -> EntropyConfig:
    """Sizes as config.json has them. Raises TypeError."""
    made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in sizes.items()}
    return EntropyConfig(**made)


def entropy_state(entropy: EntropyModel, tensors: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """What `gcodec.entropy.model.integer_tensors` made integers of, as the state of `entropy`; no hyper encoder."""
    state: dict[str, Tensor] = {}

    def layer(name: str) -> tuple[Tensor, Tensor]:
        shift = int(tensors[f"integer.{name}.shift"][0])
        weight = tensors[f"integer.{name}.weight"] / float(1 << shift)
        bias = tensors[f"integer.{name}.bias"] / float(1 << (integers.UNIT_BITS + shift))
        return torch.from_numpy(weight).float(), torch.from_numpy(bias).float()

    def kernel(rows: Tensor, conv: nn.Conv2d) -> Tensor:
        return rows.view(*conv.kernel_size, conv.in_channels, -1).permute(3, 2, 0, 1)

    def put(name: str, module: str, conv: nn.Conv2d, by_quality: str | None = None) -> None:
        rows, bias = layer(name)
        state[f"{module}.weight"] = kernel(rows, conv)
        if by_quality is not None:
            # The table by quality has taken up the convolution's own bias.
            state[f"{by_quality}"] = bias
            bias = torch.zeros(1, conv.out_channels)
        if conv.bias is not None:
            state[f"{module}.bias"] = bias[0]

    put("decode1", "decode1", entropy.decode1, "decode_q")
    put("decode2", "decode2", entropy.decode2)
    put("reduce1", "reduce1", entropy.reduce1)
    put("reduce2", "reduce2", entropy.reduce2)
    for i, head in enumerate(entropy.heads):
        assert isinstance(head, Head)
        module = f"heads.{i}"
        rows, state[f"{module}.bias_q"] = layer(f"head{i}.first")
        for name, conv in head.inputs.items():
            assert isinstance(conv, nn.Conv2d)
            count = conv.in_channels * conv.kernel_size[0] ** 2
            state[f"{module}.inputs.{name}.weight"] = kernel(rows[:count], conv)
            rows = rows[count:]
        put(f"head{i}.hidden", f"{module}.hidden", head.hidden)
        put(f"head{i}.out", f"{module}.out", head.out, f"{module}.out_q")
    mean, index = np.split(tensors["integer.prior"], 2, 1)
    log_scale = index / integers.PER_OCTAVE + integers.LOWEST
    prior = np.concatenate([mean / (1 << integers.MEAN_BITS), log_scale], 1)
    state["prior_q"] = torch.from_numpy(prior / PRIOR_SPEED).float()
    return state
