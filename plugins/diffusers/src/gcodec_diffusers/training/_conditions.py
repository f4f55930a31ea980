"""What a denoiser in training is told beside x_t: random conditions of random crops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gcodec.builtin.edges import edge_strength
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.options import check_options
from gcodec.pipeline.stage1 import build
from gcodec.registry import registry
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_diffusers.autoencoder import LappedAutoencoder
from gcodec_diffusers.codebook import LatentCodebook
from gcodec_diffusers.estimates import latent_error, preview_error
from gcodec_diffusers.network import EstimateDenoiser, Given, sketch_planes
from gcodec_train import pixels

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Conditions", "Draw", "Samples"]

UInt8 = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class Conditions:
    """The table [conditions]. Raises ValueError.

    shares    kind of the estimate -> its share of the samples, together 1: none, preview, latent, tokens.
    previews  embeddings that make the previews.
    quality   of those, lowest and highest.
    jitter    of the logarithm of the squared error that comes with a preview: a file tells that of the whole image.
    step      bin widths of quantized latents, smallest and largest.
    sketch    share of the samples that come with one.
    """

    shares: Mapping[str, float]
    previews: tuple[str, ...]
    quality: tuple[float, float]
    jitter: float
    step: tuple[float, float]
    sketch: float

    def __post_init__(self) -> None:
        unknown = set(self.shares) - {"none", "preview", "latent", "tokens"}
        if unknown or not math.isclose(sum(self.shares.values()), 1):
            raise ValueError("shares: none, preview, latent and tokens, together 1")


class Samples(NamedTuple):
    """Crops and what is known of them.

    x      samples [B, 3, H, W] in [0, 1].
    x_0    their latents [B, C, h, w].
    given  conditions.
    shown  the preview [B, 3, H, W] where that is what was given; what is linear of the estimate's decoding elsewhere.
    kinds  of the estimates, B names.
    """

    x: Tensor
    x_0: Tensor
    given: Given
    shown: Tensor
    kinds: list[str]


class Draw:
    """Draws conditions of crops."""

    def __init__(
        self, wanted: Conditions, space: LappedAutoencoder, codebooks: list[LatentCodebook]
    ) -> None:
        self.wanted, self.space, self.codebooks = wanted, space, codebooks
        self.embeddings = [_embedding(name) for name in wanted.previews]

    def only(self, kind: str) -> Draw:
        """The same with estimates of one kind, and no sketches."""
        draw = object.__new__(Draw)
        draw.__dict__ = self.__dict__ | {
            "wanted": replace(self.wanted, shares={kind: 1.0}, sketch=0.0)
        }
        return draw

    def __call__(
        self, network: EstimateDenoiser, crops: UInt8, rng: np.random.Generator
    ) -> Samples:
        """What crops [B, H, W, 3] are, and random conditions of them."""
        device = network.deviation.device
        # Codecs must not meet the autocast of the training around them.
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            x = pixels(crops).to(device)
            x_0 = self.space.encode(x)
            given = Given(*(value.clone() for value in network.unknown(x_0)))
            shares = self.wanted.shares
            kinds = [str(k) for k in rng.choice(list(shares), len(x), p=list(shares.values()))]
            previews: dict[int, FloatArray] = {}
            for i, kind in enumerate(kinds):
                photo = crops[i].transpose(2, 0, 1).astype(np.float32) / 255
                if kind == "preview":
                    preview = self.preview(photo, rng)
                    previews[i] = preview.pixels
                    given.estimate[i] = self.space.encode(
                        torch.from_numpy(preview.pixels)[None].to(device)
                    )[0]
                    given.error[i] = preview_error(preview.mse, self.space.scale, network.deviation)
                elif kind != "none":
                    estimate, error = self.estimate(kind, x_0[i], network.deviation, rng)
                    given.estimate[i], given.error[i] = estimate, error
                if rng.random() < self.wanted.sketch:
                    edges = torch.from_numpy(edge_strength(photo)).to(device)
                    given.sketch[i], given.drawn[i] = sketch_planes(edges[None])[0], 1.0
            shown = (self.space.expand(given.estimate) + 1) / 2
            for i, pixels_ in previews.items():
                shown[i] = torch.from_numpy(pixels_).to(device)
        return Samples(x, x_0, given, shown, kinds)

    def estimate(
        self,
        kind: str,
        x_0: Tensor,
        deviation: Tensor,
        rng: np.random.Generator,
    ) -> tuple[Tensor, Tensor]:
        """c [C, h, w] and s [C] of one crop's latent or tokens."""
        if kind == "latent":
            low, high = self.wanted.step
            step = low * (high / low) ** rng.random()
            return (x_0 / step).round() * step, latent_error(step, deviation)
        book = self.codebooks[rng.integers(len(self.codebooks))]
        return book.dequantize(book.quantize(x_0[None]))[0], book.error

    def preview(self, pixels: FloatArray, rng: np.random.Generator) -> Preview:
        """What a real codec makes of one crop."""
        embedding = self.embeddings[rng.integers(len(self.embeddings))]
        low, high = self.wanted.quality
        quality = low + (high - low) * rng.random() ** 1.5
        layers = embedding.encode(embedding.analyse(np.ascontiguousarray(pixels)), quality)
        (preview,) = embedding.decode(layers, Size(*pixels.shape[1:]))
        assert isinstance(preview, Preview)
        mse = max(float(np.mean(np.square(preview.pixels - pixels))), 1e-6)
        return Preview(preview.pixels, mse * math.exp(self.wanted.jitter * rng.standard_normal()))


def _embedding(name: str) -> Embedding:
    spec = registry().embedding(name)
    run = Run()
    weights = run.models.find(spec.model) if spec.model else None
    return build(spec, Setup(run, check_options(spec.name, spec.options, {}), weights))
