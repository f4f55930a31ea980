"""From a trained network to a model folder.

The folder gets `config.json` and `diffusion_pytorch_model.safetensors`: the integer prior (`prior.*`, see
`gcodec_diffc.uqdm.integer`) and the restorer in half precision (`restorer.*`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gcodec_diffc.uqdm.integer import GAIN_BITS, UNIT_BITS
from gcodec_diffc.uqdm.model import Modulated, Uqdm, network_config
from gcodec_train import write_model

__all__ = ["export", "integer_tensors", "rebuilt"]

#: Weights keep 13 bits and a sign: their rounding is far below what training leaves undecided.
_LARGEST = (1 << 13) - 1
#: Layers of 3x3 taps; the others have one.
_SPATIAL = frozenset({"first", "second", "third", "known"})


def integer_tensors(layer: Modulated) -> dict[str, NDArray[Any]]:
    """Weight [taps * inputs, outputs], gain and bias [rows, outputs], shift: see `gcodec_diffc.uqdm.integer.Layer`.

    Raises ValueError for numbers that do not fit.
    """
    weight = layer.conv.weight.detach().double().permute(2, 3, 1, 0).flatten(0, 2)
    shift = min(24, math.floor(math.log2(_LARGEST / max(float(weight.abs().max()), 1e-6))))
    gain = layer.gain.detach().double() * (1 << GAIN_BITS)
    bias = layer.bias.detach().double() * (1 << (UNIT_BITS + GAIN_BITS))
    if gain.abs().max() >= 1 << 15 or bias.abs().max() >= 1 << 31:
        raise ValueError("a gain beyond 8 or a bias beyond 512 cannot be stored")
    return {
        "weight": (weight * (1 << shift)).round().numpy().astype(np.int16),
        "gain": gain.round().numpy().astype(np.int16),
        "bias": bias.round().numpy().astype(np.int32),
        "shift": np.array([shift], np.int32),
    }


def rebuilt(config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Uqdm:
    """The floating-point network of a model folder, to measure with. Raises KeyError, TypeError, RuntimeError."""
    network = Uqdm(network_config(config))
    state = {}
    for name, value in tensors.items():
        part = name.rpartition(".")[2]
        if name.startswith("restorer."):
            state[name] = torch.from_numpy(value.astype(np.float32))
        elif part != "shift":
            shift = int(tensors[name.removesuffix(part) + "shift"][0])
            state |= _float_tensor(name, part, value, shift)
    network.load_state_dict(state)
    return network.eval()


def _float_tensor(name: str, part: str, value: NDArray[Any], shift: int) -> dict[str, torch.Tensor]:
    wide = torch.from_numpy(value.astype(np.float64))
    if part == "gain":
        return {name: (wide / (1 << GAIN_BITS)).float()}
    if part == "bias":
        return {name: (wide / (1 << (UNIT_BITS + GAIN_BITS))).float()}
    kernel = 3 if name.split(".")[1] in _SPATIAL else 1
    shape = (kernel, kernel, -1, wide.shape[1])
    weight = (wide / (1 << shift)).float().view(shape).permute(3, 2, 0, 1)
    return {name.removesuffix("weight") + "conv.weight": weight}


def export(network: Uqdm, folder: Path) -> None:
    """Write the model folder."""
    tensors = {
        f"prior.{name}.{part}": value
        for name, layer in network.prior.named_modules()
        if isinstance(layer, Modulated)
        for part, value in integer_tensors(layer).items()
    }
    for name, value in network.restorer.state_dict().items():
        tensors[f"restorer.{name}"] = value.half().numpy()
    write_model(folder, {"_class_name": "Uqdm", "network": asdict(network.config)}, tensors)
