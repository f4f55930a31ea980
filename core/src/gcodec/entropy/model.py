"""A hyperprior and four frequency groups coded one after the other, as trained.

After Balle et al. 2018 (hyperprior), Minnen et al. 2018 (means, context) and He et al. 2022 (ELIC: uneven channel
groups, checkerboard). Latents in quantization steps are split into groups of channels, most variance first; the first
two groups are coded in two checkerboard passes. Each pass predicts, from the hyperprior and from everything coded
before, mean and log2 scale of each element (`gcodec.entropy.mean_scale`). `gcodec.entropy.integer_model` is the exact
integer twin, which is what codes files; `integer_tensors` and `encoder_tensors` make its model file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.entropy import integers
from gcodec.entropy.integer_model import KERNELS
from gcodec.entropy.mean_scale import (
    LOG_SCALE_MAX,
    LOG_SCALE_MIN,
    MEAN_UNIT,
    SLOPE,
    Head,
    conv_tensors,
    features,
    head_tensors,
    lerp,
    ste_round,
)

__all__ = [
    "PRIOR_SPEED",
    "EntropyConfig",
    "EntropyModel",
    "HyperEncoder",
    "HyperEncoderConfig",
    "encoder_tensors",
    "integer_tensors",
    "loaded",
]

PRIOR_SPEED = 8.0  # no network stands before the prior's parameters: they must move by themselves

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class EntropyConfig:
    """Sizes of the entropy model; part of a model's config.json."""

    groups: tuple[int, ...] = (16, 48, 96, 160)
    hyper: int = 32
    hyper_width: int = 96
    features: int = 64
    width: int = 128
    reduced: tuple[int, int] = (48, 64)
    knots: int = 17


@dataclass(frozen=True)
class HyperEncoderConfig:
    """Sizes of the hyper encoder."""

    channels: int
    hyper: int
    width: int
    knots: int


class HyperEncoder(nn.Module):
    """Latents to hyper-latents: what the encoder tells about scales and means in advance."""

    def __init__(self, config: HyperEncoderConfig) -> None:
        super().__init__()
        width = config.width
        self.encode1 = nn.Conv2d(2 * config.channels, width, 1)
        self.encode_q = nn.Parameter(torch.zeros(config.knots, width))
        self.encode2 = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.encode3 = nn.Conv2d(width, config.hyper, 1)

    def hyper_latent(self, v: Tensor, q: Tensor) -> Tensor:
        """Latents in steps [B, C, h, w] -> unrounded hyper-latents [B, hyper, h/2, w/2] (ceil)."""
        u = self.encode1(features(v)) + lerp(self.encode_q, q)[:, :, None, None]
        u = F.leaky_relu(self.encode2(F.leaky_relu(u, SLOPE)), SLOPE)
        z: Tensor = self.encode3(u)
        return z


class EntropyModel(HyperEncoder):
    """Hyper encoder, hyper decoder and the six coding passes."""

    def __init__(self, config: EntropyConfig) -> None:
        super().__init__(
            HyperEncoderConfig(sum(config.groups), config.hyper, config.hyper_width, config.knots)
        )
        self.config = config
        g0, g1, g2, g3 = config.groups
        size = config.features
        self.prior_q = nn.Parameter(torch.zeros(config.knots, 2 * config.hyper))
        self.decode1 = nn.Conv2d(config.hyper, config.width, 3, padding=1)
        self.decode_q = nn.Parameter(torch.zeros(config.knots, config.width))
        self.decode2 = nn.Conv2d(config.width, 4 * size, 1)
        self.reduce1 = nn.Conv2d(2 * g1, config.reduced[0], 1)
        self.reduce2 = nn.Conv2d(2 * g2, config.reduced[1], 1)
        r1, r2 = config.reduced
        seen: tuple[dict[str, int], ...] = (
            {},
            {"own": 2 * g0},
            {"low": 2 * g0},
            {"low": 2 * g0, "own": 2 * g1},
            {"low": 2 * g0, "middle": r1},
            {"low": 2 * g0, "middle": r1, "high": r2},
        )
        self.heads = nn.ModuleList(
            Head(config.width, config.knots, channels, **_inputs({"hyper": size} | sizes, kernels))
            for channels, sizes, kernels in zip(
                (g0, g0, g1, g1, g2, g3), seen, KERNELS, strict=True
            )
        )

    def prior_knots(self) -> Tensor:
        """Means and log2 scales of the hyper-latents at the quality knots, [K, 2 hyper]."""
        return self.prior_q * PRIOR_SPEED

    def prior(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log2 scale of the hyper-latents, [B, hyper, 1, 1] each."""
        mean, log_scale = lerp(self.prior_knots(), q)[:, :, None, None].chunk(2, 1)
        mean = ste_round(mean * MEAN_UNIT) / MEAN_UNIT
        return mean, log_scale.clamp(LOG_SCALE_MIN, LOG_SCALE_MAX)

    def hyper_features(self, z: Tensor, q: Tensor, h: int, w: int) -> Tensor:
        """Decoded hyper-latents -> features [B, features, h, w]."""
        u = self.decode1(z) + lerp(self.decode_q, q)[:, :, None, None]
        u = self.decode2(F.leaky_relu(u, SLOPE))
        return F.leaky_relu(F.pixel_shuffle(u, 2), SLOPE)[:, :, :h, :w]

    def passes(
        self, q: Tensor, hyper: Tensor, decoded: list[Tensor]
    ) -> Iterator[tuple[int, bool | None, tuple[Tensor, Tensor]]]:
        """Yield (group, parity, parameters) of each pass in coding order.

        `decoded` is the caller's: before asking for the next pass it must hold the values of all
        groups coded so far (zeros at elements of the second checkerboard pass not yet coded).
        """
        heads = self.heads
        yield 0, True, heads[0](q, hyper=hyper)
        yield 0, False, heads[1](q, hyper=hyper, own=features(decoded[0]))
        low = features(decoded[0])
        yield 1, True, heads[2](q, hyper=hyper, low=low)
        yield 1, False, heads[3](q, hyper=hyper, low=low, own=features(decoded[1]))
        middle = F.leaky_relu(self.reduce1(features(decoded[1])), SLOPE)
        yield 2, None, heads[4](q, hyper=hyper, low=low, middle=middle)
        high = F.leaky_relu(self.reduce2(features(decoded[2])), SLOPE)
        yield 3, None, heads[5](q, hyper=hyper, low=low, middle=middle, high=high)


def _inputs(sizes: dict[str, int], kernels: tuple[int, ...]) -> dict[str, tuple[int, int]]:
    return dict(zip(sizes, zip(sizes.values(), kernels, strict=True), strict=True))


def integer_tensors(model: EntropyModel) -> dict[str, NDArray[Any]]:
    """All `integer.*` tensors."""
    made = {
        **conv_tensors("integer.decode1", model.decode1, model.decode_q),
        **conv_tensors("integer.decode2", model.decode2),
        **conv_tensors("integer.reduce1", model.reduce1),
        **conv_tensors("integer.reduce2", model.reduce2),
    }
    for i, head in enumerate(model.heads):
        assert isinstance(head, Head)
        made |= head_tensors(f"integer.head{i}", head)
    mean, log_scale = model.prior_knots().detach().double().chunk(2, 1)
    index = ((log_scale - integers.LOWEST) * integers.PER_OCTAVE).clamp(0, integers.SCALES - 1)
    prior = torch.cat([mean * (1 << integers.MEAN_BITS), index], 1)
    made["integer.prior"] = prior.round().to(torch.int32).numpy()
    made["integer.magnitude"] = integers.magnitudes()
    return made


def encoder_tensors(model: EntropyModel) -> dict[str, NDArray[Any]]:
    """The hyper encoder, `encoder.*`: kernels in half precision, everything else in single."""
    return {
        f"encoder.{name}": (value.half() if value.ndim == 4 else value).numpy()
        for name, value in model.state_dict().items()
        if name.startswith("encode")
    }


def loaded(module: M, tensors: Mapping[str, NDArray[Any]], prefix: str) -> M:
    """The module with the weights of a model file that begin with `prefix`, for use. Raises RuntimeError."""
    state = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            wide = value.astype(np.float32) if value.dtype == np.float16 else value
            state[name.removeprefix(prefix)] = torch.from_numpy(wide.copy())
    module.load_state_dict(state)
    return module.eval()
