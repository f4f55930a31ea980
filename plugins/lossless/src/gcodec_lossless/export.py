"""From a trained network to a model folder: `config.json` and `diffusion_pytorch_model.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gcodec.entropy.integers import UNIT_BITS
from gcodec.errors import InvalidArgument
from gcodec_lossless.law import tables
from gcodec_lossless.model import Law
from gcodec_lossless.network import CLASS
from gcodec_train import write_model

__all__ = ["begin", "export", "integer_tensors"]

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


def begin(network: Law, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Take over weights of a model of the same widths; inputs that it has not, the last ones, get none.

    Raises InvalidArgument for other widths.
    """
    for name, layer in network.layers().items():
        unit = 2.0 ** -float(tensors[f"{name}.shift"][0])
        weight = torch.from_numpy(tensors[f"{name}.weight"].T * unit)
        outputs, inputs = layer.weight.shape
        if weight.shape[0] != outputs or weight.shape[1] > inputs:
            what = f"{name} of the model to begin with is {tuple(weight.shape)}"
            raise InvalidArgument(f"{what}, which {(outputs, inputs)} cannot begin with")
        layer.weight.data.zero_()
        layer.weight.data[:, : weight.shape[1]] = weight
        layer.bias.data[:] = torch.from_numpy(tensors[f"{name}.bias"][0] * unit / (1 << UNIT_BITS))


def export(network: Law, folder: Path) -> None:
    """Write the model folder."""
    config = {"_class_name": CLASS, "network": asdict(network.config)}
    write_model(folder, config, integer_tensors(network))
