"""From signals to what a pipeline's networks are told: the estimate of x_0, the prompt, tokens and the ControlNet's hint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gcodec.errors import UsageError
from gcodec.interfaces import Size
from gcodec.models.networks import Condition
from gcodec.signals import Latent, Noisy, Preview, Signal, Sketch, Text, Tokens
from gcodec_diffusers.components import Components
from gcodec_diffusers.estimates import Estimate, best, latent_error
from gcodec_diffusers.lapped import padded
from gcodec_diffusers.prompts import embed, reads_text
from gcodec_diffusers.tokens import HyperCodebook

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["condition_of", "estimate_of", "prior", "seen_by"]


def seen_by(parts: Components) -> tuple[str, ...]:
    """Types of the signals that a pipeline can use."""
    return (
        Preview.kind,
        f"{Latent.kind}/{parts.encoder.name}",
        *(() if parts.codebook is None else (f"{Tokens.kind}/{parts.codebook.name}",)),
        *((Text.kind,) if reads_text(parts.model) else ()),
        *(() if parts.controlnet is None else (Sketch.kind,)),
    )


def prior(parts: Components) -> Tensor:
    """The deviation [C] of x_0: that of scaled latents."""
    return torch.ones(parts.encoder.channels)


def estimate_of(
    parts: Components, signals: Mapping[str, Signal], size: Size
) -> tuple[FloatArray, FloatArray]:
    """The estimate [C, h, w] with the least error of those that the signals give, and its deviation [C]."""
    h, w = (-(-side // parts.encoder.factor) for side in size)
    return best(_estimates(parts, signals), prior(parts), (h, w))


def _estimates(parts: Components, signals: Mapping[str, Signal]) -> Iterator[Estimate]:
    encoder, deviation = parts.encoder, prior(parts)
    for name, signal in signals.items():
        if isinstance(signal, Latent) and name == f"{Latent.kind}/{encoder.name}":
            yield signal.values, latent_error(signal.step, deviation)
        elif isinstance(signal, Preview):
            spread = torch.from_numpy(encoder.spread(signal.pixels, max(signal.mse, 1e-7)))
            yield encoder.encode(signal.pixels), (deviation.pow(-2) + spread.pow(-2)).rsqrt()


def condition_of(parts: Components, signals: Mapping[str, Signal], size: Size) -> Condition:
    """The best estimate of x_0 among the signals, the caption and the sketch; {} is the empty prompt.

    Raises UsageError for signals of which the pipeline can use none, and what `embed` raises.
    """
    sees = seen_by(parts)
    if not set(signals) & set(sees) and any(s.kind != Noisy.kind for s in signals.values()):
        raise UsageError(
            f"{parts.model.name} can use nothing of {' + '.join(signals)}; it sees {', '.join(sees)}"
        )
    caption = signals.get(Text.kind)
    prompt = caption.value if isinstance(caption, Text) and Text.kind in sees else ""
    estimate, error = estimate_of(parts, signals, size)
    told = {
        "error": torch.from_numpy(error).to(parts.device),
        **embed(parts.model, prompt, str(parts.device), parts.dtype),
    }
    about = parts.architecture.about(parts.network, size, told)
    maps = {"estimate": torch.from_numpy(estimate).to(parts.device)}
    if parts.codebook is not None:
        maps["tokens"] = _tokens(parts, parts.codebook, signals, estimate, error)
    sketch = signals.get(Sketch.kind)
    if isinstance(sketch, Sketch) and parts.controlnet is not None:
        maps["hint"] = _hint(parts, sketch.edges).to(parts.device, parts.dtype)
    return Condition(maps, told | {k: v.to(parts.device) for k, v in about.items()})


def _tokens(
    parts: Components,
    book: HyperCodebook,
    signals: Mapping[str, Signal],
    estimate: FloatArray,
    error: FloatArray,
) -> Tensor:
    """The plane of those that are given, else of the estimate's. Raises UsageError where there is neither."""
    tokens = signals.get(f"{Tokens.kind}/{book.name}")
    if not isinstance(tokens, Tokens) and (error >= prior(parts).numpy()).all():
        raise UsageError(
            f"{parts.model.name} sees tokens beside every x_t, and is given none here; files that --embed perco makes"
            " with this --model hold them, as files or as --companion, and --recon perco hands them on"
        )
    indices = tokens.indices if isinstance(tokens, Tokens) else book.quantize(estimate)
    _, h, w = estimate.shape
    return book.plane(indices, (h, w))


def _hint(parts: Components, edges: FloatArray) -> Tensor:
    """What the ControlNet sees of edges [1, H, W]: [K, h, w]."""
    encoder = parts.encoder
    if parts.architecture.hint == "edges":
        factor = encoder.factor
        return F.pixel_unshuffle(torch.from_numpy(padded(edges, factor)), factor)
    z = torch.from_numpy(encoder.encode(np.repeat(edges, 3, axis=0))).to(parts.device)
    if getattr(parts.controlnet.config, "force_zeros_for_pooled_projection", False):
        # Those that were trained so were trained on latents that are not shifted too.
        z = z + encoder.shift * encoder.scale
    return z
