"""The denoiser of `base`: diffusers' `UNet2DModel` around a linear estimate of what can be known without it.

The path is the rectified flow x_t = (1 - t) x_0 + t eps (review, section II-A; Lipman et al. 2023). What else is known of
x_0 - a preview, a quantized latent, vector-quantized tokens - comes as one *estimate* c with the standard deviation s of
its error in each channel; where nothing is known c = 0 and s is the latent's own deviation. Given both, and if all were
Gaussian and white, x_0 would have the mean and deviation

    mean = c + k (x_t - (1 - t) c),   k = (1 - t) s^2 / v^2,   n = t s / v,   v^2 = (1 - t)^2 s^2 + t^2,

and the network F only corrects that: x0-hat = mean + n F(u, c, s, sketch, t, d), with the innovation u = (x_t - (1 - t)
c) / v. F has a target of about unit variance at every t and every s. For c = 0 this is the preconditioning of Karras et
al. 2022 (EDM, eq. 7); the estimate makes it serve any rate. d is the length of the step that the result is wanted for,
0 for the denoiser proper (Frans et al. 2025, "One step diffusion via shortcut models").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.unet import PlainUNet, plain

__all__ = ["SKETCH_CHANNELS", "EstimateDenoiser", "Given", "sketch_planes"]

#: Mean edge strength of the four quarters of a latent position.
SKETCH_CHANNELS = 4
#: diffusers' time embedding counts in thousandths.
_CLOCK = 1000.0


class Given(NamedTuple):
    """What is known of x_0 beside x_t.

    estimate  c, [B, C, h, w].
    error     s, [B, C], positive.
    sketch    [B, 4, h, w] in [0, 1], see `sketch_planes`; NaN-free zeros where there is none.
    drawn     [B], 1 where there is a sketch, else 0.
    """

    estimate: Tensor
    error: Tensor
    sketch: Tensor
    drawn: Tensor


class EstimateDenoiser(nn.Module):
    """x_t, t, d and `Given` to x0-hat.

    unet       arguments of diffusers' `UNet2DModel`, without its numbers of channels.
    deviation  of every latent channel, [C].
    light      for use with weights from a file: diffusers is not imported where that can be.
    """

    deviation: Tensor

    def __init__(
        self, unet: Mapping[str, Any], deviation: Sequence[float], light: bool = False
    ) -> None:
        super().__init__()
        channels = len(deviation)
        seen = 2 * channels + SKETCH_CHANNELS + 2
        self.unet = (_light if light and plain(unet) else _of_diffusers)(unet, seen, channels)
        self.multiple = 2 ** (len(self.unet.down_blocks) - 1)
        self.register_buffer("deviation", torch.tensor(deviation), persistent=False)

    def unknown(self, x_t: Tensor) -> Given:
        """What is given where nothing is: the prior's mean and deviation, no sketch."""
        batch, _, h, w = x_t.shape
        return Given(
            torch.zeros_like(x_t),
            self.deviation.expand(batch, -1),
            x_t.new_zeros(batch, SKETCH_CHANNELS, h, w),
            x_t.new_zeros(batch),
        )

    def forward(self, x_t: Tensor, t: Tensor, d: Tensor, given: Given) -> Tensor:
        """x0-hat [B, C, h, w] of x_t [B, C, h, w] at t [B] in (0, 1] for steps of length d [B] in [0, 1]."""
        mean, n, u = linear_estimate(x_t, t, given)
        return mean + n * self.correction(u, t, d, given)

    def correction(self, u: Tensor, t: Tensor, d: Tensor, given: Given) -> Tensor:
        """F(u, c, s, sketch, t, d), about unit variance, float32 [B, C, h, w]."""
        scale = self.deviation[:, None, None]
        level = (given.error / self.deviation).log().mean(1)
        planes = torch.stack([level, given.drawn], 1)[:, :, None, None]
        seen = [u, given.estimate / scale, given.sketch, planes.expand(-1, -1, *u.shape[2:])]
        # The U-Net halves its maps; sides that cannot be halved so often are continued, and cut off again.
        h, w = u.shape[2:]
        bottom, right = (-side % self.multiple for side in (h, w))
        x = F.pad(torch.cat(seen, 1), (0, right, 0, bottom), mode="replicate")
        x = x.contiguous(memory_format=torch.channels_last)
        raw: Tensor = self.unet(x, _CLOCK * t, class_labels=_CLOCK * d, return_dict=False)[0]
        return raw[:, :, :h, :w].float()


def _light(unet: Mapping[str, Any], seen: int, channels: int) -> Any:
    with torch.device("meta"):  # its weights are about to come from a file
        return PlainUNet(unet, seen, channels)


def _of_diffusers(unet: Mapping[str, Any], seen: int, channels: int) -> Any:
    _torchvision_cpu.install()
    from diffusers.models.unets.unet_2d import UNet2DModel

    return UNet2DModel(**unet, in_channels=seen, out_channels=channels, class_embed_type="timestep")


def linear_estimate(x_t: Tensor, t: Tensor, given: Given) -> tuple[Tensor, Tensor, Tensor]:
    """(mean, n, u) of the module's docstring; t is [B]."""
    t = t[:, None, None, None]
    s = given.error[:, :, None, None]
    v = ((1 - t).square() * s.square() + t.square()).sqrt()
    innovation = x_t - (1 - t) * given.estimate
    k = (1 - t) * s.square() / v.square()
    return given.estimate + k * innovation, t * s / v, innovation / v


def sketch_planes(edges: Tensor) -> Tensor:
    """Edges [B, 1, 8 h, 8 w] in [0, 1] as the network sees them: [B, 4, h, w]."""
    return F.pixel_unshuffle(F.avg_pool2d(edges, 4), 2)
