"""Tables that the recipes of this package share, and what they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gcodec.models import ModelStore
from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.folders import load_autoencoder
from gcodec_train import Inputs

__all__ = ["Data", "autoencoder", "channels_last", "tensor"]


@dataclass(frozen=True)
class Data:
    """The table [data]: crops in a batch and their side, photographs held out of training."""

    batch: int
    crop: int
    held_out: int = 16


def tensor(crops: np.ndarray[Any, np.dtype[np.uint8]]) -> Tensor:
    """uint8 [B, H, W, 3] -> float32 [B, 3, H, W] in [0, 1], channels last."""
    return torch.from_numpy(np.array(crops)).permute(0, 3, 1, 2).float() / 255


def autoencoder(inputs: Inputs, name: str) -> LappedAutoencoder:
    """The frozen autoencoder of a model's name or folder."""
    network, _ = load_autoencoder(ModelStore.installed().find(name))
    return network.to(inputs.device)


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its kernels in the order that convolutions are fastest in."""
    made: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made
