"""Adapters in and out of latent spaces, and in and out of noise, whatever the networks are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gcodec.diffusion.tiles import Tile, noise, through_latents
from gcodec.errors import ModelDamaged
from gcodec.interfaces import Setup, Size
from gcodec.models import Model
from gcodec.models.networks import (
    Condition,
    Denoiser,
    LatentSpace,
    open_codebook,
    open_denoiser,
    open_space,
    place_of,
)
from gcodec.run import Run
from gcodec.signals import Latent, Noisy, Preview, Tokens, type_of

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = [
    "latent_to_preview",
    "noisy_to_preview",
    "preview_to_latent",
    "to_noisy",
    "tokens_by_denoiser",
    "tokens_to_noisy",
    "tokens_to_preview",
]

#: Largest side of a tile that is denoised in one piece, in pixels.
_TILE = 1024


def preview_to_latent(preview: Preview, size: Size, setup: Setup) -> Latent:
    """The preview's latent, and the bin width whose noise is as strong as its error."""
    space = open_space(_model(setup), setup.run)
    sigma = math.sqrt(np.square(space.spread(preview.pixels, preview.mse)).mean())
    return Latent(space.encode(preview.pixels), space.name, 12**0.5 * sigma, rounded=False)


def latent_to_preview(latent: Latent, size: Size, setup: Setup) -> Preview:
    """The autoencoder's reconstruction; its error is that of uniform noise one step wide."""
    space = open_space(_model(setup), setup.run)
    error = np.full(space.channels, latent.step / 12**0.5, np.float32)
    return _decoded(space, latent.values, error, size)


def tokens_to_preview(tokens: Tokens, size: Size, setup: Setup) -> Preview:
    """The autoencoder's reconstruction of the codebook's estimate."""
    space, (estimate, error) = _dequantized(tokens, size, setup)
    return _decoded(space, estimate, error, size)


def noisy_to_preview(noisy: Noisy, size: Size, setup: Setup) -> Preview:
    """E[x_0 | x_t], one step of the unconditional denoiser, decoded, with the error that the denoiser expects of it."""
    denoiser = open_denoiser(_model(setup), setup.run)

    def x_t(tile: Tile) -> FloatArray:
        return noisy.x_t[:, *tile.window]

    level = noisy.alpha_t, noisy.sigma_t
    return _denoised(denoiser, denoiser.condition({}, size), x_t, *level, size, setup.run)


def tokens_by_denoiser(tokens: Tokens, size: Size, setup: Setup) -> Preview:
    """E[x_0 | tokens], what the denoiser that was trained with these tokens makes of noise alone, decoded.

    The error is that of knowing nothing, which it is below.
    """
    run = setup.run
    denoiser = open_denoiser(_model(setup), run)
    condition = denoiser.condition({type_of(tokens): tokens}, size)
    channels = open_space(run.models.find(denoiser.space), run).channels

    def eps(tile: Tile) -> FloatArray:
        return noise(run.randomness, tile.window, channels)

    return _denoised(denoiser, condition, eps, 0.0, 1.0, size, run)


def _denoised(
    denoiser: Denoiser,
    condition: Condition,
    x_t: Callable[[Tile], FloatArray],
    alpha_t: float,
    sigma_t: float,
    size: Size,
    run: Run,
) -> Preview:
    import torch

    from gcodec.models.devices import torch_device

    space, device = open_space(run.models.find(denoiser.space), run), torch_device(run.device)
    latents: list[FloatArray] = []

    def solve(tile: Tile) -> FloatArray:
        x = torch.from_numpy(np.ascontiguousarray(x_t(tile)))[None].to(device)
        x_0 = denoiser.x0(x, alpha_t, sigma_t, condition.window(*tile.window))
        answer: FloatArray = x_0.cpu().numpy()
        latents[:] = [answer[0]]
        return answer

    (pixels,) = through_latents(space, size, _TILE, solve, run.progress, "denoise")
    return Preview(pixels, denoiser.error(alpha_t, sigma_t, space, latents[0]))


def to_noisy(signal: Preview | Latent, size: Size, setup: Setup) -> Noisy:
    """What the signal says of x_0 by the denoiser's word (`Denoiser.estimate`), noised."""
    model, run = _model(setup), setup.run
    place = place_of(model, run.models)
    if place is None:
        raise ModelDamaged(model.name, "nothing says in which latent space it works")
    estimate = open_denoiser(model, run).estimate({type_of(signal): signal}, size)
    return _noised(estimate, place.space, run)


def tokens_to_noisy(tokens: Tokens, size: Size, setup: Setup) -> Noisy:
    """The codebook's estimate of x_0, noised."""
    space, estimate = _dequantized(tokens, size, setup)
    return _noised(estimate, space.name, setup.run)


def _noised(estimate: tuple[FloatArray, FloatArray], space: str, run: Run) -> Noisy:
    """An estimate of x_0 with as much common randomness added as makes all channels err alike.

    It errs by s in each channel. Noise fills that up to sigma = max s, so that the state's squared distance from x_0 is
    sigma^2 everywhere: the SNR is the true one, though a codec's error is not Gaussian as the forward process has it. An
    element of row (DECODER_NOISE, a=0, b=y) belongs to its place.
    """
    c, s = estimate
    sigma = float(s.max())
    rows, columns = (slice(0, side) for side in c.shape[1:])
    eps = noise(run.randomness, (rows, columns), len(c))
    x_t = c + np.sqrt(np.square(sigma) - np.square(s))[:, None, None] * eps
    return Noisy(x_t.astype(np.float32), space, 1.0, sigma)


def _dequantized(
    tokens: Tokens, size: Size, setup: Setup
) -> tuple[LatentSpace, tuple[FloatArray, FloatArray]]:
    """The space of the codebook, and what it says of x_0: an estimate, and the deviation of its error."""
    book = open_codebook(_model(setup), setup.run)
    space = open_space(setup.run.models.find(book.space), setup.run)
    shape = -(-size.height // space.factor), -(-size.width // space.factor)
    return space, book.dequantize(tokens.indices, shape)


def _decoded(space: LatentSpace, latent: FloatArray, error: FloatArray, size: Size) -> Preview:
    return Preview(space.decode(latent, size), space.error(latent, error))


def _model(setup: Setup) -> Model:
    assert setup.model is not None, "the adapter's spec names a model"
    return setup.model
