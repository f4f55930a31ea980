"""The families that are called without diffusers' pipelines, and so without transformers: Stable Diffusion 1 and 2,
PerCo(SD), SDXL and its refiner, SD3, FLUX.1, each with its ControlNets.

    components    what the folder holds, opened and checked
    this module   what its networks are told of the signals

The U-Net of PerCo(SD) has seen tokens too (`hyper`): the first layer takes z_l beside x_t, and was never without. Where no
tokens come, they are those of the estimate of x_0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.errors import UsageError
from gcodec.interfaces import Size
from gcodec.models import Model
from gcodec.models.networks import Condition
from gcodec.run import Run
from gcodec.signals import Signal, Sketch, Tokens
from gcodec_diffusers.architectures import Control
from gcodec_diffusers.components import Components, open_components
from gcodec_diffusers.lapped import padded
from gcodec_diffusers.layout import autoencoder_of, reads_text
from gcodec_diffusers.noise_levels import Level
from gcodec_diffusers.pipeline import PipelineDenoiser, padded_to
from gcodec_diffusers.prompts import embed
from gcodec_diffusers.tokens import HyperCodebook

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["KnownDenoiser", "open_pipeline"]

#: Latent positions that every network's maps can be halved to, or cut into patches of.
_MULTIPLE = 2
#: Steps of distilled models.
_FEW = (1, 2, 4)


class KnownDenoiser(PipelineDenoiser):
    """A pipeline's network, told of captions by its text encoders, and of sketches by its ControlNet."""

    def __init__(self, parts: Components) -> None:
        space = str(autoencoder_of(parts.model))
        super().__init__(parts.model, space, parts.encoder, parts.schedule, parts.device)
        self.parts = parts
        self.several = parts.codebook is None
        if not self.few and _distilled(parts):
            self.few = _FEW
        self.reads_text = reads_text(parts.model)
        tokens = () if parts.codebook is None else (f"{Tokens.kind}/{parts.codebook.name}",)
        self.also = (*tokens, *(() if parts.controlnet is None else (Sketch.kind,)))

    def told(self, prompt: str, size: Size) -> Mapping[str, Tensor]:
        """Embeddings, and what the architecture is told besides."""
        parts = self.parts
        made = embed(parts.model, prompt, str(parts.device), parts.dtype)
        return {**made, **parts.architecture.about(parts.network, size, made)}

    def maps(
        self, signals: Mapping[str, Signal], estimate: FloatArray, error: FloatArray
    ) -> Mapping[str, Tensor]:
        """The plane of the tokens, and the ControlNet's hint."""
        made = {}
        if self.parts.codebook is not None:
            made["tokens"] = self._tokens(self.parts.codebook, signals, estimate, error)
        sketch = signals.get(Sketch.kind)
        if isinstance(sketch, Sketch) and self.parts.controlnet is not None:
            made["hint"] = self._hint(sketch.edges).to(self.parts.dtype)
        return made

    def output(self, x: Tensor, at: Level, condition: Condition) -> Tensor:
        """What the network says, [B, C, h, w]; a condition of one picture is as `condition` made it."""
        parts = self.parts
        if parts.codebook is not None:
            z = parts.codebook.hyper_latent(condition.maps["tokens"])
            x = torch.cat([x, z[None]], 1)
        clock = torch.tensor([at.timestep], device=x.device).expand(len(x))
        hint = condition.maps.get("hint")
        if hint is not None:
            hint = hint.reshape(-1, *hint.shape[-3:])

        def call(whole: Callable[[Tensor], Tensor]) -> Tensor:
            control = None
            if hint is not None:
                control = Control(parts.controlnet, whole(hint).to(parts.dtype))
            return parts.architecture.call(
                parts.network, whole(x).to(parts.dtype), clock, condition.globals, control
            )

        return padded_to(_MULTIPLE, x, call).float()

    def _tokens(
        self,
        book: HyperCodebook,
        signals: Mapping[str, Signal],
        estimate: FloatArray,
        error: FloatArray,
    ) -> Tensor:
        """The plane of those that are given, else of the estimate's. Raises UsageError where there is neither."""
        tokens = signals.get(f"{Tokens.kind}/{book.name}")
        if not isinstance(tokens, Tokens) and (error >= self.prior.numpy()).all():
            raise UsageError(
                f"{self.model.name} sees tokens beside every x_t, and is given none here; files that --embed perco makes"
                " with this --model hold them, as files or as --companion, and --recon perco hands them on"
            )
        indices = tokens.indices if isinstance(tokens, Tokens) else book.quantize(estimate)
        _, h, w = estimate.shape
        return book.plane(indices, (h, w))

    def _hint(self, edges: FloatArray) -> Tensor:
        """What the ControlNet sees of edges [1, H, W]: [K, h, w]."""
        parts, encoder = self.parts, self.parts.encoder
        if parts.architecture.hint == "edges":
            factor = encoder.factor
            return F.pixel_unshuffle(torch.from_numpy(padded(edges, factor)), factor)
        z = torch.from_numpy(encoder.encode(np.repeat(edges, 3, axis=0))).to(parts.device)
        if getattr(parts.controlnet.config, "force_zeros_for_pooled_projection", False):
            # Those that were trained so were trained on latents that are not shifted too.
            z = z + encoder.shift * encoder.scale
        return z


def _distilled(parts: Components) -> bool:
    """Whether a network is one of few steps, where its schedule is silent: FLUX.1 [schnell], and what guidance was distilled
    into as latent consistency models have it."""
    config = parts.network.config
    schedule = parts.model.json("scheduler/scheduler_config.json")
    schnell = config.get("guidance_embeds") is False and not schedule.get("use_dynamic_shifting")
    return schnell or bool(config.get("time_cond_proj_dim"))


def open_pipeline(model: Model, run: Run) -> KnownDenoiser:
    """The denoiser of a pipeline's folder. Raises ModelDamaged."""
    return KnownDenoiser(open_components(model, run))
