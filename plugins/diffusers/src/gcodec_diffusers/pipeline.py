"""A published pipeline behind core's `Denoiser`: Stable Diffusion 1 and 2, PerCo(SD), SDXL and its refiner, SD3, FLUX.1.

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
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.errors import ModelDamaged, UnusablePlugin, UsageError
from gcodec.interfaces import Size
from gcodec.models import Model, _torchvision_cpu
from gcodec.models.devices import torch_device
from gcodec.models.networks import Condition, Denoiser, open_codebook
from gcodec.run import Run
from gcodec.signals import Latent, Noisy, Preview, Signal, Sketch, Text, Tokens
from gcodec_diffusers.architectures import ARCHITECTURES, Control
from gcodec_diffusers.kl import KlSpace, open_kl
from gcodec_diffusers.layout import HYPER_ENCODER, autoencoder_of, family_of
from gcodec_diffusers.loading import load_network, load_unet
from gcodec_diffusers.noise_levels import levels_of, parametrisation_of
from gcodec_diffusers.prompts import embed, reads_text
from gcodec_diffusers.space import latent_error, padded
from gcodec_diffusers.tokens import HyperCodebook

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["PipelineDenoiser", "open_pipeline"]

#: Latent positions that every network's maps can be halved to, or cut into patches of.
_MULTIPLE = 2


class PipelineDenoiser(Denoiser):
    """A pipeline's network, told of captions by its text encoders, of sketches by its ControlNet, and of everything else by
    the module's formula."""

    def __init__(self, model: Model, run: Run) -> None:
        self.model, self.run = model, run
        family = family_of(model)
        self.architecture = ARCHITECTURES[family.name]
        self.space = str(autoencoder_of(model))
        self.encoder: KlSpace = open_kl(run.models.find(self.space), run)
        self.device, self.dtype = torch_device(run.device), getattr(torch, run.dtype)
        scheduler = model.json("scheduler/scheduler_config.json")
        try:
            self.level, self.x0_of = levels_of(scheduler), parametrisation_of(scheduler)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ModelDamaged(model.name, f"scheduler_config.json: {error}") from error
        how = run.device, run.dtype, run.memory
        self.network = _network(model, family.network, self.architecture.network, *how)
        self.codebook = self._hyper_encoder()
        self.controlnet: Any = None
        if (model.folder / "controlnet").is_dir():
            self.controlnet = _network(model, "controlnet", self.architecture.controlnet, *how)
            if getattr(self.controlnet, "input_hint_block", None) is not None:
                raise ModelDamaged(model.name, "its controlnet takes another kind of hint")
            if self.codebook is not None:
                raise ModelDamaged(model.name, "a network that sees tokens has no controlnet")
        self.deviation = torch.ones(self.encoder.channels)
        tokens = () if self.codebook is None else (f"tokens/{self.codebook.name}",)
        captions = (Text.kind,) if reads_text(model) else ()
        sketches = () if self.controlnet is None else (Sketch.kind,)
        self.sees = ("preview", f"latent/{self.encoder.name}", *tokens, *captions, *sketches)

    def _hyper_encoder(self) -> HyperCodebook | None:
        """The codebook whose tokens the network sees, if it has room for more than x_t. Raises ModelDamaged."""
        wanted = self.network.config.in_channels
        room = wanted - self.encoder.channels * self.architecture.patch
        folder = self.model.folder.absolute() / HYPER_ENCODER
        if not room:
            return None
        if not folder.is_dir():
            raise ModelDamaged(
                self.model.name,
                f"its network takes {wanted} channels, more than latents have: it is not for"
                f" making pictures from noise alone, and there is no folder {HYPER_ENCODER}",
            )
        book = open_codebook(self.run.models.find(str(folder)), self.run)
        if not isinstance(book, HyperCodebook) or book.width != room:
            raise ModelDamaged(
                self.model.name, f"{HYPER_ENCODER} does not make the {room} channels of z_l"
            )
        return book

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """The best estimate of x_0 among the signals, the caption and the sketch; {} is the empty prompt.

        Raises UsageError for signals of which the model can use none, and what `embed` raises.
        """
        used = [name for name in signals if name in self.sees]
        if not used and any(signal.kind != Noisy.kind for signal in signals.values()):
            raise UsageError(
                f"{self.model.name} can use nothing of {' + '.join(signals)}; it sees {', '.join(self.sees)}"
            )
        caption = signals.get(Text.kind)
        prompt = caption.value if isinstance(caption, Text) and Text.kind in self.sees else ""
        estimate, error = self.estimate(signals, size)
        given = {
            "error": torch.from_numpy(error).to(self.device),
            **embed(self.model, prompt, str(self.device), self.dtype),
        }
        about = self.architecture.about(self.network, size, given)
        maps = {"estimate": torch.from_numpy(estimate).to(self.device)}
        if self.codebook is not None:
            maps["tokens"] = self._tokens(self.codebook, signals, estimate, error)
        sketch = signals.get(Sketch.kind)
        if isinstance(sketch, Sketch) and self.controlnet is not None:
            maps["hint"] = self._hint(sketch.edges).to(self.device, self.dtype)
        return Condition(maps, given | {k: v.to(self.device) for k, v in about.items()})

    def unguided(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        """All but the caption: what the module's formula and a ControlNet add is in both, as in diffusers' pipelines."""
        rest = {name: signal for name, signal in signals.items() if name != Text.kind}
        return self.condition(rest, size)

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        """The estimate [C, h, w] with the least error of those that the signals give, and its deviation [C]."""
        h, w = (-(-side // self.encoder.factor) for side in size)
        found = [(np.zeros((self.encoder.channels, h, w), np.float32), self.deviation)]
        for name, signal in signals.items():
            if name in self.sees and isinstance(signal, Latent):
                found.append((signal.values, latent_error(signal.step, self.deviation)))
            elif isinstance(signal, Preview):
                spread = torch.from_numpy(self.encoder.spread(signal.pixels, max(signal.mse, 1e-7)))
                error = (self.deviation.pow(-2) + spread.pow(-2)).rsqrt()
                found.append((self.encoder.encode(signal.pixels), error))
        estimate, error = min(found, key=lambda pair: float(pair[1].log().sum()))
        return estimate, error.numpy().copy()

    def _tokens(
        self,
        book: HyperCodebook,
        signals: Mapping[str, Signal],
        estimate: FloatArray,
        error: FloatArray,
    ) -> Tensor:
        """The plane of those that are given, else of the estimate's. Raises UsageError where there is neither."""
        tokens = signals.get(f"tokens/{book.name}")
        if not isinstance(tokens, Tokens) and (error >= self.deviation.numpy()).all():
            raise UsageError(
                f"{self.model.name} sees tokens beside every x_t, and is given none here; files that --embed perco makes"
                " with this --model hold them, as files or as --companion, and --recon perco hands them on"
            )
        indices = tokens.indices if isinstance(tokens, Tokens) else book.quantize(estimate)
        _, h, w = estimate.shape
        return book.plane(indices, (h, w))

    def _hint(self, edges: FloatArray) -> Tensor:
        """What the ControlNet sees of edges [1, H, W]: [K, h, w]."""
        if self.architecture.hint == "edges":
            factor = self.encoder.factor
            return F.pixel_unshuffle(torch.from_numpy(padded(edges, factor)), factor)
        z = torch.from_numpy(self.encoder.encode(np.repeat(edges, 3, axis=0))).to(self.device)
        if getattr(self.controlnet.config, "force_zeros_for_pooled_projection", False):
            # Those that were trained so were trained on latents that are not shifted too.
            z = z + self.encoder.shift * self.encoder.scale
        return z

    def x0(
        self,
        x_t: Tensor,
        alpha_t: float,
        sigma_t: float,
        condition: Condition,
        step: float = 0.0,
    ) -> Tensor:
        """x0-hat [1, C, h, w]; any path is scaled to the model's own at the same SNR."""
        with torch.set_grad_enabled(x_t.requires_grad):
            at = self.level(alpha_t, sigma_t)
            x = x_t * at.scale
            x_0 = self.x0_of(x, self._output(x, at.timestep, condition), at)
            c, s = condition.maps["estimate"][None], condition.globals["error"]
            s2, d2 = (v.to(x_0.device).square()[:, None, None] for v in (s, self.deviation))
            snr = (at.alpha / at.sigma) ** 2 if at.sigma else torch.inf
            g, r2 = 1 - s2 / d2, 1 / (1 / d2 + snr)
            return x_0 + r2 * (c - g * x_0) / (g * r2 + s2)

    def _output(self, x: Tensor, timestep: float, condition: Condition) -> Tensor:
        # Sides that cannot be cut into patches are continued, and cut off again.
        h, w = x.shape[2:]
        bottom, right = (-side % _MULTIPLE for side in (h, w))

        def whole(planes: Tensor) -> Tensor:
            return F.pad(planes, (0, right, 0, bottom), mode="replicate").to(self.dtype)

        if self.codebook is not None:
            z = self.codebook.hyper_latent(condition.maps["tokens"])
            x = torch.cat([x, z[None]], 1)
        clock = torch.tensor([timestep], device=x.device)
        hint = condition.maps.get("hint")
        control = None if hint is None else Control(self.controlnet, whole(hint[None]))
        raw = self.architecture.call(self.network, whole(x), clock, condition.globals, control)
        return raw[:, :, :h, :w].float()


def open_pipeline(model: Model, run: Run) -> PipelineDenoiser:
    """The denoiser of a pipeline's folder. Raises ModelDamaged."""
    return PipelineDenoiser(model, run)


@lru_cache(maxsize=2)
def _network(model: Model, part: str, path: str, device: str, dtype: str, memory: str) -> Any:
    """A component, loaded once for sender and receiver, adapters and samplers; `path` names its class."""
    _torchvision_cpu.install()
    module, _, name = path.partition(":")
    load = load_unet if part == "unet" else load_network
    network = load(getattr(import_module(module), name), model.folder / part, getattr(torch, dtype))
    if memory != "plenty" and hasattr(network, "set_attention_slice"):
        network.set_attention_slice("auto")
    there = torch_device(device)
    if memory != "least" or there.type == "cpu":
        return network.to(there)
    from diffusers.hooks.group_offloading import apply_group_offloading
    from diffusers.utils.import_utils import is_accelerate_available

    if not is_accelerate_available():
        raise UnusablePlugin(
            "diffusers", "memory 'least' needs accelerate: pip install gcodec-diffusers[offload]"
        )
    apply_group_offloading(network, there, torch.device("cpu"), offload_type="leaf_level")
    return network
