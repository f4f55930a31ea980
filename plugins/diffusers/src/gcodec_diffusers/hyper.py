"""The hyper-encoder of PerCo(SD): from latents to tokens, and from tokens to what its U-Net sees beside x_t.

Careil et al. 2024, section 3.2, as Koerber et al. 2024 ("PerCo (SD): open perceptual compression") build and train it for
the latents of Stable Diffusion 2.1. Convolutions of stride 2 bring a latent of 64x64 to a grid of `cfg_ss` x `cfg_ss`, and
so one of any size to as many latent positions a token; each vector there becomes the nearest entry of the codebook, in the
`codebook_dim` channels that `project_in` leads to. That is the one of greatest cosine similarity, where entries have unit
length as such training keeps them ("Vector-quantized image modeling with improved VQGAN", Yu et al. 2022, section 3.2), and
the right one where the codebook was trained by distance. `project_out` of the entry is the hyper-latent z_l, M channels.

Modules are named as in the published code, so that its weights fill them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HyperEncoder"]

#: Sides of the grids of a latent of 64x64 that there are: one for each number of strides.
_GRIDS = {64: 0, 32: 1, 16: 2, 8: 3}
#: Vectors that are compared with the codebook at a time.
_BATCH = 1 << 14


class HyperEncoder(nn.Module):
    """Latents [1, in_channels, h, w] to indices [1, h / stride, w / stride], and indices to z_l.

    Arguments are those of the published configuration: N and M channels inside and at the end, `cfg_cs` entries. Raises
    ValueError for a grid that there is none of.
    """

    def __init__(
        self,
        in_channels: int = 4,
        N: int = 192,
        M: int = 320,
        codebook_dim: int = 32,
        cfg_ss: int = 64,
        cfg_cs: int = 256,
    ) -> None:
        super().__init__()
        if cfg_ss not in _GRIDS:
            raise ValueError(f"cfg_ss is {cfg_ss}, not one of {sorted(_GRIDS)}")
        halvings = _GRIDS[cfg_ss]
        self.stride, self.entries = 1 << halvings, cfg_cs
        self.channels, self.width = in_channels, M
        # The last of the three steps is the first to halve.
        self.backbone = nn.Sequential(
            _step(in_channels, N, halvings > 2),
            *(_Bottleneck(N) for _ in range(3)),
            _step(N, N, halvings > 1),
            *(_Bottleneck(N) for _ in range(3)),
            _Attention(N),
            _step(N, N, halvings > 0),
            *(_Bottleneck(N) for _ in range(3)),
            nn.Conv2d(N, M, 1),
            _Attention(M),
        )
        self.quantizer = _Quantizer(M, cfg_cs, codebook_dim)

    def quantize(self, z: Tensor) -> Tensor:
        """int64 indices [h / stride, w / stride] of latents [1, in_channels, h, w], both sides multiples of the stride.

        Raises InvalidArgument for what no index stands for.
        """
        features = self.backbone(z)[0]
        rows = features.flatten(1).T.split(_BATCH)
        return torch.cat([self.quantizer.nearest(some) for some in rows]).view(features.shape[1:])

    def table(self) -> Tensor:
        """z_l of every entry, [entries, M]."""
        return self.quantizer.entries()


class _Quantizer(nn.Module):
    def __init__(self, width: int, entries: int, inside: int) -> None:
        super().__init__()
        self.project_in = nn.Linear(width, inside)
        self.project_out = nn.Linear(inside, width)
        self._codebook = _Entries(entries, inside)

    def nearest(self, rows: Tensor) -> Tensor:
        embed = self._codebook.embed[0]
        # Half the difference of |row|^2 and the squared distance.
        scores = self.project_in(rows) @ embed.T - embed.square().sum(1) / 2
        if not scores.isfinite().all():
            raise InvalidArgument("tokens of values that are not finite; damaged weights make such")
        return scores.argmax(1)

    def entries(self) -> Tensor:
        found: Tensor = self.project_out(self._codebook.embed[0])
        return found


class _Entries(nn.Module):
    embed: Tensor

    def __init__(self, entries: int, inside: int) -> None:
        super().__init__()
        self.register_buffer("embed", F.normalize(torch.randn(1, entries, inside), dim=2))


def _step(before: int, after: int, halves: bool) -> nn.Conv2d:
    return nn.Conv2d(before, after, 5, 2, 2) if halves else nn.Conv2d(before, after, 1)


def _bottleneck(width: int) -> Sequence[nn.Module]:
    half = width // 2
    return (
        nn.Conv2d(width, half, 1),
        nn.ReLU(),
        nn.Conv2d(half, half, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(half, width, 1),
    )


class _Bottleneck(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_bottleneck(width))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.layers(x)
        return made


class _Unit(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(*_bottleneck(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv(x))


class _Attention(nn.Module):
    """Simplified attention of Cheng et al. 2020 ("Learned image compression with discretized Gaussian mixture likelihoods
    and attention modules"), section 3.3, as CompressAI has it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_a = nn.Sequential(*(_Unit(width) for _ in range(3)))
        self.conv_b = nn.Sequential(*(_Unit(width) for _ in range(3)), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.conv_a(x) * torch.sigmoid(self.conv_b(x))
        return made
