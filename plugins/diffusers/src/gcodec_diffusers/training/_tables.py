"""What the trainers of this package share."""

from __future__ import annotations

import torch
from torch import nn

from gcodec.models import ModelStore
from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.folders import load_autoencoder
from gcodec_train import Inputs

__all__ = ["autoencoder", "channels_last"]


def autoencoder(inputs: Inputs, name: str) -> LappedAutoencoder:
    """The frozen autoencoder of a model's name or folder."""
    network, _ = load_autoencoder(ModelStore.installed().find(name))
    return network.to(inputs.device)


def channels_last(network: nn.Module) -> nn.Module:
    """The network with its kernels in the order that convolutions are fastest in."""
    made: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made
