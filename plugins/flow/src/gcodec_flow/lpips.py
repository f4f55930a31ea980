"""LPIPS v0.1 with AlexNet (Zhang et al. 2018), for training and evaluation only.

The weights are not part of this project: a .safetensors file with torchvision's convolutions
(`features.N.weight`, `.bias`) and the five linear heads (`linK.weight`) is named on the command
line.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

#: (index in torchvision's `features`, stride, padding, max-pool before it)
_LAYERS = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))


class Lpips(nn.Module):
    """LPIPS of image pairs [B, 3, H, W] in [0, 1], H and W at least 32; lower is closer."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        for name, value in load_file(weights).items():
            self.register_buffer(name.replace(".", "_"), value)

    def features(self, image: Tensor) -> list[Tensor]:
        """The five activations of `image`, each of unit length over channels."""
        mean = image.new_tensor([-0.030, -0.088, -0.188])[:, None, None]
        deviation = image.new_tensor([0.458, 0.448, 0.450])[:, None, None]
        h = (2 * image - 1 - mean) / deviation
        result = []
        for index, stride, padding, pool in _LAYERS:
            if pool:
                h = F.max_pool2d(h, 3, 2)
            weight = getattr(self, f"features_{index}_weight")
            bias = getattr(self, f"features_{index}_bias")
            h = F.relu(F.conv2d(h, weight, bias, stride=stride, padding=padding))
            result.append(h / (h.square().sum(dim=1, keepdim=True) + 1e-10).sqrt())
        return result

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The distance of each pair, [B]."""
        distance = torch.zeros(x.shape[0], device=x.device)
        for k, (a, b) in enumerate(zip(self.features(x), self.features(y), strict=True)):
            head = getattr(self, f"lin{k}_weight")
            distance = distance + F.conv2d((a - b).square(), head).mean(dim=(1, 2, 3))
        return distance
