"""The velocity networks v(x_t, y, t, log s): a small convolutional U-Net on 4x4 pixel patches.

`FlowUNet` is that of a flow from noise, `BridgeUNet` that of one from the preview itself.

Everything in it is local: the normalisation is over the channels of one position, never over the
image, so a tile of an image sees exactly what the whole image would, up to the receptive field.
That is why it is not diffusers' `UNet2DModel`, whose group normalisation averages over the image.

Tensors are float32 [B, 3, H, W] with H and W multiples of 16; y is in [0, 1], the state
x_t and the velocity are in units of the residual's standard deviation (see `gcodec.diffusion.sampling`). The
weights may be in another precision; states stay in that of x_t.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.diffusion.sampling import euler
from gcodec.errors import ModelDamaged
from gcodec.models.devices import torch_device

if TYPE_CHECKING:
    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray

#: (y, s, eps) -> r, see `on_torch`.
Solve: TypeAlias = "Callable[[FloatArray, Sequence[float], FloatArray], FloatArray]"

PATCH = 4
#: Range of log s the network was shown; s outside it is embedded as the nearest end.
LOG_S = (math.log(0.004), math.log(0.12))


class ChannelNorm(nn.Module):
    """Root-mean-square normalisation over the channels of each position (no statistics in space)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        # On a channels-last tensor both permutes are free.
        return F.rms_norm(x.permute(0, 2, 3, 1), (self.channels,)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Residual block, modulated by the embedding of (t, log s) as in adaptive group norm."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        zero(self.second)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        u = self.first(F.silu(self.norm(h)))
        u = F.silu(torch.addcmul(shift, self.norm(u), 1 + scale))
        return h + self.second(u)


def zero(layer: nn.Module) -> None:
    """Start `layer` at zero, so that a block begins as the identity."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def fourier(value: Tensor, frequencies: int) -> Tensor:
    """Features [B, 2 * frequencies] of a scalar in about [0, 1]."""
    angles = value[:, None] * (math.pi * 2.0 ** torch.arange(frequencies, device=value.device) / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class PatchUNet(nn.Module, ABC):
    """U-Net at strides 4, 8 and 16 with additive skips, and the flow that it is the velocity of.

    pictures  of three samples a pixel each that the network sees.
    noise     deviation of the state at t = 1, where sampling starts.
    """

    pictures: ClassVar[int]
    noise: ClassVar[float]

    def __init__(
        self,
        channels: Sequence[int] = (64, 96, 128),
        blocks: Sequence[int] = (2, 2, 3),
        embedding: int = 128,
        frequencies: int = 6,
    ) -> None:
        super().__init__()
        self.frequencies = frequencies
        samples = 3 * PATCH**2
        seen = self.pictures * samples
        self.embed = nn.Sequential(
            nn.Linear(4 * frequencies, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.head = nn.Conv2d(seen, channels[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.ModuleList(Block(c, embedding) for _ in range(n))
            for c, n in zip(channels, blocks, strict=True)
        )
        self.up = nn.ModuleList(
            nn.ModuleList(Block(c, embedding) for _ in range(n))
            for c, n in zip(channels[:-1], blocks[:-1], strict=True)
        )
        steps = list(pairwise(channels))
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in steps)
        self.grow = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in steps)
        self.norm = ChannelNorm(channels[0])
        # The patch itself joins again at the end: 64 channels cannot carry 96 samples through.
        self.tail = nn.Conv2d(channels[0] + seen, samples, 3, padding=1)
        zero(self.tail)
        # The layout in which CPU convolutions and the channel norm are fast; kept by loading.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @abstractmethod
    def denoise(self, x_t: Tensor, y: Tensor, t: Tensor, log_s: Tensor) -> Tensor:
        """r_hat = E[r | x_t, y] in units of s: [B, 3, H, W]; t and log_s are [B]."""

    @abstractmethod
    def forward(self, x_t: Tensor, y: Tensor, t: Tensor, log_s: Tensor) -> Tensor:
        """The velocity at x_t for 0 < t <= 1, in units of s."""

    def raw(self, pictures: Sequence[Tensor], t: Tensor, log_s: Tensor) -> Tensor:
        """F, [B, 3, H, W], of what the network sees at t, [B], for a preview of log s, [B]."""
        dtype = self.tail.weight.dtype
        level = (log_s.clamp(*LOG_S) - LOG_S[0]) / (LOG_S[1] - LOG_S[0])
        scalars = torch.cat([fourier(v, self.frequencies) for v in (t, level)], dim=1)
        embedding = F.silu(self.embed(scalars.to(dtype)))
        patches = F.pixel_unshuffle(torch.cat([*pictures], dim=1), PATCH)
        patches = patches.to(dtype, memory_format=torch.channels_last)
        h = self.head(patches)
        skips = []
        for i, blocks in enumerate(self.down):
            for block in cast(nn.ModuleList, blocks):
                h = block(h, embedding)
            if i < len(self.shrink):
                skips.append(h)
                h = self.shrink[i](h)
        for i in reversed(range(len(self.grow))):
            h = skips[i] + F.pixel_shuffle(self.grow[i](h), 2)
            h = h.contiguous(memory_format=torch.channels_last)
            for block in cast(nn.ModuleList, self.up[i]):
                h = block(h, embedding)
        h = torch.cat([F.silu(self.norm(h)), patches], dim=1)
        return F.pixel_shuffle(self.tail(h), PATCH).to(pictures[0].dtype)


class FlowUNet(PatchUNet):
    """From noise to r, given y: x_t = (1 - t) r + t eps.

    Following Karras et al. 2022 (EDM, eq. 7) the network's raw output F is the unit-variance
    target obtained after taking out of r the best linear guess from x_t alone:

        r_hat = c_skip x_t + c_out F(c_in x_t, y, t, log s),
        c_skip = (1 - t) / n^2,  c_out = t / n,  c_in = 1 / n,  n^2 = (1 - t)^2 + t^2.

    At t = 1 F is r itself, near t = 0 it is -eps, and in between it is the v of the
    variance-preserving circle, so the small network never has to copy the noise it is given.
    """

    pictures = 2
    noise = 1.0

    def denoise(self, x_t: Tensor, y: Tensor, t: Tensor, log_s: Tensor) -> Tensor:
        """r_hat = E[r | x_t, y] in units of s: [B, 3, H, W]."""
        c_skip, c_out, c_in = preconditioning(t)
        return c_skip * x_t + c_out * self.raw((c_in * x_t, _centred(y)), t, log_s)

    def forward(self, x_t: Tensor, y: Tensor, t: Tensor, log_s: Tensor) -> Tensor:
        """The velocity v = E[eps - r | x_t, y] = (x_t - r_hat) / t, for 0 < t <= 1."""
        return (x_t - self.denoise(x_t, y, t, log_s)) / t[:, None, None, None]


class BridgeUNet(PatchUNet):
    """From the preview to the picture, X_t = (1 - t) X + t Y, without noise: x_t = (X_t - Y) / s = (1 - t) r.

    The network sees X_t alone. Given where the path began as well, one point on it would give away its end, and the
    flow of P_Y to P_X would be regression.
    """

    pictures = 1
    noise = 0.0

    def denoise(self, x_t: Tensor, y: Tensor, t: Tensor, log_s: Tensor) -> Tensor:
        """r_hat = E[X - Y | X_t] / s: [B, 3, H, W]."""
        state = y + log_s.exp()[:, None, None, None] * x_t
        return self.raw((_centred(state),), t, log_s)

    def forward(self, x_t: Tensor, y: Tensor, t: Tensor, log_s: Tensor) -> Tensor:
        """The velocity E[Y - X | X_t] / s = -r_hat."""
        return -self.denoise(x_t, y, t, log_s)


def _centred(y: Tensor) -> Tensor:
    """Pixels in [0, 1] on a scale like that of r."""
    return 4 * y - 2


def preconditioning(t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(c_skip, c_out, c_in), each [B, 1, 1, 1], for the path x_t = (1 - t) r + t eps."""
    t = t[:, None, None, None]
    norm = ((1 - t) ** 2 + t**2).sqrt()
    return (1 - t) / norm**2, t / norm, 1 / norm


CLASSES = {cls.__name__: cls for cls in (FlowUNet, BridgeUNet)}


def build(config: Mapping[str, object]) -> PatchUNet:
    """An untrained network from the contents of a model folder's config.json.

    Raises ValueError if `_class_name` is not one of this module's.
    """
    settings = {key: value for key, value in config.items() if not key.startswith("_")}
    name = config.get("_class_name")
    if name not in CLASSES:
        raise ValueError(f"config.json names the class {name!r}; this reader knows {[*CLASSES]}")
    return CLASSES[str(name)](**settings)  # type: ignore[arg-type]


def load(model: Model) -> PatchUNet:
    """The trained network, every tensor of it from the file and none left over.

    Raises ModelDamaged if config.json and the weights do not fit each other.
    """
    try:
        network = build(model.config)
        network.load_state_dict(model.torch_tensors(), strict=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelDamaged(model.name, str(error)) from error
    return network.eval().requires_grad_(False)


def on_torch(model: Model, run: Run, grid: Sequence[float]) -> Solve:
    """What takes one tile of several pictures through the ODE: (y, s, eps) to its end.

    y and the answer are float32 [B, 3, h, w], s is [B], eps [3, h, w] where all begin.

    Raises ModelDamaged like `load`, and InvalidOption for a device that is not there.
    """
    device, dtype = torch_device(run.device), getattr(torch, run.dtype)
    network = load(model).to(device, dtype)

    @torch.inference_mode()
    def solve(y: FloatArray, s: Sequence[float], eps: FloatArray) -> FloatArray:
        y_, eps_ = (torch.from_numpy(a).to(device) for a in (y, eps))
        log_s = torch.tensor([math.log(each) for each in s], device=device)

        def velocity(x: Tensor, t: float) -> Tensor:
            return network(x, y_, torch.full_like(log_s, t), log_s)

        r: FloatArray = euler(velocity, eps_.expand_as(y_), grid).float().cpu().numpy()
        return r

    return solve
