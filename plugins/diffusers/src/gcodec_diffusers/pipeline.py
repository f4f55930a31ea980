"""A published pipeline behind core's `Denoiser`: Stable Diffusion 1 and 2, PerCo(SD), SDXL and its refiner, SD3, FLUX.1.

    components    what the folder holds, opened and checked
    conditions    what its networks are told of the signals
    this module   x0-hat of x_t

Nobody trained these networks to see a codec's preview or a quantized latent. Where such an estimate c of x_0 with the
deviation s of its error is given, the network's x0-hat is moved towards it as if x_0 given x_t were Gaussian with the
variance r^2,

    x0-hat + r^2 (c - g x0-hat) / (g r^2 + s^2),    1 / r^2 = 1 / d^2 + snr_t,    g = 1 - s^2 / d^2

with the deviation d = 1 of scaled latents: "Denoising diffusion models for plug-and-play image restoration" (Zhu et al.
2023, eq. 12), in the form in which an estimate that says nothing, s = d and c = 0, changes nothing. So every sampler that
conditions its denoiser works with a model that has seen no more than captions.

The U-Net of PerCo(SD) has seen tokens too (`hyper`): the first layer takes z_l beside x_t, and was never without. Where no
tokens come, they are those of the estimate c.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.networks import Condition, Denoiser
from gcodec.run import Run
from gcodec.signals import Signal, Text
from gcodec_diffusers.architectures import Control
from gcodec_diffusers.components import Components, open_components
from gcodec_diffusers.conditions import condition_of, estimate_of, prior, seen_by
from gcodec_diffusers.layout import autoencoder_of

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PipelineDenoiser", "open_pipeline"]

#: Latent positions that every network's maps can be halved to, or cut into patches of.
_MULTIPLE = 2


class PipelineDenoiser(Denoiser):
    """A pipeline's network, told of captions by its text encoders, of sketches by its ControlNet, and of everything else by
    the module's formula."""

    def __init__(self, parts: Components) -> None:
        self.parts = parts
        self.space = str(autoencoder_of(parts.model))
        self.sees = seen_by(parts)

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """The best estimate of x_0 among the signals, the caption and the sketch; {} is the empty prompt.

        Raises UsageError for signals of which the model can use none.
        """
        return condition_of(self.parts, signals, size)

    def unguided(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """All but the caption: what the module's formula and a ControlNet add is in both, as in diffusers' pipelines."""
        rest = {name: signal for name, signal in signals.items() if name != Text.kind}
        return self.condition(rest, size)

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        """The estimate [C, h, w] with the least error of those that the signals give, and its deviation [C]."""
        return estimate_of(self.parts, signals, size)

    def x0(
        self, x_t: Tensor, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Tensor:
        """x0-hat [1, C, h, w]; any path is scaled to the model's own at the same SNR."""
        with torch.set_grad_enabled(x_t.requires_grad):
            at = self.parts.level(alpha_t, sigma_t)
            x = x_t * at.scale
            x_0 = self.parts.x0_of(x, self._output(x, at.timestep, condition), at)
            c, s = condition.maps["estimate"][None], condition.globals["error"]
            snr = (at.alpha / at.sigma) ** 2 if at.sigma else torch.inf
            return _towards(x_0, snr, c, s, prior(self.parts))

    def _output(self, x: Tensor, timestep: float, condition: Condition) -> Tensor:
        # Sides that cannot be cut into patches are continued, and cut off again.
        parts = self.parts
        h, w = x.shape[2:]
        bottom, right = (-side % _MULTIPLE for side in (h, w))

        def whole(planes: Tensor) -> Tensor:
            return F.pad(planes, (0, right, 0, bottom), mode="replicate").to(parts.dtype)

        if parts.codebook is not None:
            z = parts.codebook.hyper_latent(condition.maps["tokens"])
            x = torch.cat([x, z[None]], 1)
        clock = torch.tensor([timestep], device=x.device)
        hint = condition.maps.get("hint")
        control = None if hint is None else Control(parts.controlnet, whole(hint[None]))
        raw = parts.architecture.call(parts.network, whole(x), clock, condition.globals, control)
        return raw[:, :, :h, :w].float()


def _towards(x_0: Tensor, snr: float, c: Tensor, s: Tensor, d: Tensor) -> Tensor:
    """x0-hat [1, C, h, w] moved towards the estimate c [1, C, h, w] by the module's formula; s, d: [C]."""
    s2, d2 = (v.to(x_0.device).square()[:, None, None] for v in (s, d))
    g, r2 = 1 - s2 / d2, 1 / (1 / d2 + snr)
    return x_0 + r2 * (c - g * x_0) / (g * r2 + s2)


def open_pipeline(model: Model, run: Run) -> PipelineDenoiser:
    """The denoiser of a pipeline's folder. Raises ModelDamaged."""
    return PipelineDenoiser(open_components(model, run))
