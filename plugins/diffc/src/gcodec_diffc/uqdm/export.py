"""From a trained network to a model folder.

The folder gets `config.json` and `diffusion_pytorch_model.safetensors`: the integer prior (`prior.*`, see
`gcodec_diffc.uqdm.integer`) and the restorer in half precision (`restorer.*`).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from gcodec_diffc.uqdm.integer import GAIN_BITS, UNIT_BITS
from gcodec_diffc.uqdm.model import Modulated, Uqdm

__all__ = ["export", "integer_tensors"]

WEIGHTS = "diffusion_pytorch_model.safetensors"
#: Weights keep 13 bits and a sign: their rounding is far below what training leaves undecided.
_LARGEST = (1 << 13) - 1


def integer_tensors(layer: Modulated) -> dict[str, NDArray[Any]]:
    """Weight [taps * inputs, outputs], gain and bias [rows, outputs], shift: see `gcodec_diffc.uqdm.integer.Layer`."""
    weight = layer.conv.weight.detach().double().permute(2, 3, 1, 0).flatten(0, 2)
    shift = math.floor(math.log2(_LARGEST / max(float(weight.abs().max()), 1e-6)))
    bias = layer.bias.detach().double() * float(1 << (UNIT_BITS + GAIN_BITS + shift))
    return {
        "weight": (weight * (1 << shift)).round().numpy().astype(np.int16),
        "gain": (layer.gain.detach().double() * (1 << GAIN_BITS)).round().numpy().astype(np.int32),
        "bias": bias.round().numpy().astype(np.int64),
        "shift": np.array([shift], np.int32),
    }


def export(network: Uqdm, folder: Path) -> None:
    """Write the model folder."""
    tensors = {
        f"prior.{name}.{part}": np.ascontiguousarray(value)
        for name, layer in network.prior.named_modules()
        if isinstance(layer, Modulated)
        for part, value in integer_tensors(layer).items()
    }
    for name, value in network.restorer.state_dict().items():
        tensors[f"restorer.{name}"] = value.half().numpy()
    save_file(tensors, folder / WEIGHTS)
    config = {"_class_name": "Uqdm", "network": asdict(network.config)}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
