"""Everything that is trained, as one network, and how its training starts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gcodec.entropy.mean_scale import Head, lerp
from gcodec.entropy.model import EntropyConfig
from gcodec_ntc.entropy_model import RatedModel
from gcodec_ntc.transform import Analysis, Synthesis, TransformConfig, initialise


@dataclass(frozen=True)
class Sizes:
    """Sizes of all networks; with `trade` what a model's config.json holds."""

    transform: TransformConfig = field(default_factory=TransformConfig)
    entropy: EntropyConfig = field(default_factory=EntropyConfig)


class Model(nn.Module):
    """Both transforms, the entropy model and the gain table that joins them."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.analysis = Analysis(sizes.transform)
        self.synthesis = Synthesis(sizes.transform)
        self.entropy = RatedModel(sizes.entropy)
        self.gain = nn.Parameter(torch.zeros(sizes.transform.knots, sizes.transform.channels))

    def scaled(self, y: Tensor, q: Tensor) -> Tensor:
        """Latents in quantization steps at quality q."""
        return y * torch.exp2(lerp(self.gain, q))[:, :, None, None]

    def log_step(self, q: Tensor) -> Tensor:
        """log2 of the quantization step at quality q, in 8-bit units, as the model starts with it."""
        config = self.sizes.transform
        return (1 - q) * math.log2(config.step_max) + q * math.log2(config.step_min)

    def initialise(self, photos: Tensor) -> None:
        """Start from the lapped transform and the latents' variances on `photos` [N, 3, H, W]."""
        gain = initialise(self.analysis, self.synthesis, self.sizes.transform, photos)
        with torch.no_grad():
            self.gain.copy_(gain)
            spread = (self.analysis.spread.log2() + gain - 1.0).clamp(-4.5, 6)
            for head, group in zip(self.entropy.heads, (0, 0, 1, 1, 2, 3), strict=True):
                assert isinstance(head, Head)
                count = self.sizes.entropy.groups[group]
                start = sum(self.sizes.entropy.groups[:group])
                head.out_q[:, count:].copy_(spread[:, start : start + count])
