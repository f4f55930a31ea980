"""Begin a training where another ended: rebuild the network of an exported model, grow it to a recipe's sizes.

Growth keeps the function, as Net2Net's does (Chen, Goodfellow and Shlens, ICLR 2016): a new channel takes random
weights inward and zero weights outward, a new residual layer is zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec.entropy import integers
from gcodec.entropy.mean_scale import Head
from gcodec.entropy.model import PRIOR_SPEED, EntropyConfig, EntropyModel
from gcodec_ntc.model import Model, Sizes
from gcodec_ntc.transform import Blocks, TransformConfig
from gcodec_train import WEIGHTS


def rebuilt(folder: Path) -> Model:
    """The network that `gcodec_ntc.export` wrote to `folder`, up to the rounding of its weights.

    Raises KeyError, TypeError or RuntimeError if the folder holds another architecture.
    """
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / WEIGHTS)
    entropy: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in config["entropy"].items()
    }
    model = Model(Sizes(TransformConfig(**config["transform"]), EntropyConfig(**entropy)))
    state = {
        name.replace("encoder.", "entropy."): torch.from_numpy(value.copy())
        for name, value in tensors.items()
        if not name.startswith(("integer.", "tables."))
    }
    model.load_state_dict(state | _entropy_state(model.entropy, tensors))
    return model


def _entropy_state(entropy: EntropyModel, tensors: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """What `integer_tensors` made integers of, as floats."""
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
        state[f"entropy.{module}.weight"] = kernel(rows, conv)
        if by_quality is not None:
            # The table by quality has taken up the convolution's own bias.
            state[f"entropy.{by_quality}"] = bias
            bias = torch.zeros(1, conv.out_channels)
        if conv.bias is not None:
            state[f"entropy.{module}.bias"] = bias[0]

    put("decode1", "decode1", entropy.decode1, "decode_q")
    put("decode2", "decode2", entropy.decode2)
    put("reduce1", "reduce1", entropy.reduce1)
    put("reduce2", "reduce2", entropy.reduce2)
    for i, head in enumerate(entropy.heads):
        assert isinstance(head, Head)
        module = f"heads.{i}"
        rows, state[f"entropy.{module}.bias_q"] = layer(f"head{i}.first")
        for name, conv in head.inputs.items():
            assert isinstance(conv, nn.Conv2d)
            count = conv.in_channels * conv.kernel_size[0] ** 2
            state[f"entropy.{module}.inputs.{name}.weight"] = kernel(rows[:count], conv)
            rows = rows[count:]
        put(f"head{i}.hidden", f"{module}.hidden", head.hidden)
        put(f"head{i}.out", f"{module}.out", head.out, f"{module}.out_q")
    mean, index = np.split(tensors["integer.prior"], 2, 1)
    log_scale = index / integers.PER_OCTAVE + integers.LOWEST
    prior = np.concatenate([mean / (1 << integers.MEAN_BITS), log_scale], 1)
    state["entropy.prior_q"] = torch.from_numpy(prior / PRIOR_SPEED).float()
    return state


@torch.no_grad()
def grow(small: Model, model: Model) -> None:
    """Give `model`, freshly made, the weights of `small`, whose function it then has.

    Raises ValueError if a tensor would have to shrink.
    """
    for blocks in model.modules():
        if isinstance(blocks, Blocks):
            for parameter in blocks.parameters():
                parameter.zero_()
    given = small.state_dict()
    for name, value in model.state_dict().items():
        old = given.get(name)
        if old is None:
            continue  # of a new residual layer
        if any(now < then for now, then in zip(value.shape, old.shape, strict=True)):
            raise ValueError(f"{name}: {tuple(old.shape)} does not fit in {tuple(value.shape)}")
        if value.ndim == 4:
            value[: old.shape[0], old.shape[1] :] = 0  # from new inputs to old outputs
        elif value.shape != old.shape:
            value.zero_()  # biases of new outputs
        value[tuple(slice(size) for size in old.shape)] = old
