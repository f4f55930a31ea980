"""From a trained network to a model folder: `config.json` and `diffusion_pytorch_model.safetensors`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from gcodec.entropy.integers import UNIT_BITS
from gcodec_lossless.law import tables
from gcodec_lossless.model import Law
from gcodec_train import write_model

__all__ = ["export", "integer_tensors"]

#: As of spec/INTEGER.md, section 10.
_LARGEST_SHIFT = 15


def integer_tensors(network: Law) -> dict[str, NDArray[Any]]:
    """The tensors that `gcodec_lossless.network.Network` takes."""
    made: dict[str, NDArray[Any]] = dict(tables())
    for name, layer in network.layers().items():
        for part, value in _layer(layer).items():
            made[f"{name}.{part}"] = value
    return made


def _layer(layer: nn.Linear) -> dict[str, NDArray[Any]]:
    weight = layer.weight.detach().double().numpy().T
    bias = layer.bias.detach().double().numpy()
    shift = _LARGEST_SHIFT
    while (
        np.abs(np.rint(weight * 2.0**shift)).max() >= 1 << 15
        or np.abs(np.rint(bias * 2.0 ** (UNIT_BITS + shift))).max() >= 1 << 31
    ):
        shift -= 1
    return {
        "weight": np.rint(weight * 2.0**shift).astype(np.int16),
        "bias": np.rint(bias * 2.0 ** (UNIT_BITS + shift)).astype(np.int32)[None],
        "shift": np.array([shift], np.int32),
    }


def export(network: Law, folder: Path) -> None:
    """Write the model folder."""
    config = {"_class_name": "LosslessLaw", "network": asdict(network.config)}
    write_model(folder, config, integer_tensors(network))
