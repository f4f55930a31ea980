"""Adapters in and out of latent spaces, and in and out of noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from gcodec.interfaces import Setup, Size
from gcodec.models import Model
from gcodec.networks import open_codebook
from gcodec.signals import Latent, Noisy, Preview, Tokens, type_of
from gcodec.tiles import Tile, noise, through_latents
from gcodec_diffusers.autoencoder import FACTOR
from gcodec_diffusers.denoiser import open_denoiser
from gcodec_diffusers.space import LappedSpace, codec_error, open_space

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = [
    "latent_to_preview",
    "noisy_to_preview",
    "preview_to_latent",
    "to_noisy",
    "tokens_to_preview",
]

#: Largest side of a tile that is denoised in one piece, in pixels.
_TILE = 1024
#: Log-SNR 2 ln(alpha_t / sigma_t) and squared error of `noisy_to_preview`: means over the middle 256x256 of 12 photographs
#: of the training data, x_t = (1 - t) x_0 + t eps with true noise, unconditional `base/denoiser`.
_ERROR = np.array(
    [
        (-27.63, 0.079393),
        (-5.89, 0.068271),
        (-4.39, 0.052834),
        (-2.77, 0.029109),
        (-1.69, 0.017326),
        (-0.81, 0.011863),
        (0.00, 0.007582),
        (0.81, 0.004632),
        (1.69, 0.00262),
        (2.77, 0.001402),
        (3.63, 0.000968),
        (4.39, 0.00078),
        (5.17, 0.000683),
        (5.89, 0.00064),
        (6.95, 0.000612),
        (7.78, 0.000604),
        (9.19, 0.000599),
        (11.61, 0.000598),
    ]
)


def preview_to_latent(preview: Preview, size: Size, setup: Setup) -> Latent:
    """The preview's latent, and the bin width whose noise is as strong as its error."""
    space = open_space(_model(setup), setup.run)
    sigma = math.sqrt(codec_error(preview.mse, space.scale).square().mean())
    return Latent(space.encode(preview.pixels), space.name, 12**0.5 * sigma)


def latent_to_preview(latent: Latent, size: Size, setup: Setup) -> Preview:
    """The autoencoder's reconstruction; its error is the ceiling's and that of uniform noise one step wide."""
    space = open_space(_model(setup), setup.run)
    error = np.full(space.channels, latent.step / 12**0.5, np.float32)
    return _decoded(space, latent.values, error, size)


def tokens_to_preview(tokens: Tokens, size: Size, setup: Setup) -> Preview:
    """The autoencoder's reconstruction of the codebook's estimate."""
    book = open_codebook(_model(setup), setup.run)
    space = open_space(setup.run.models.find(book.space), setup.run)
    shape = -(-size.height // FACTOR), -(-size.width // FACTOR)
    estimate, error = book.dequantize(tokens.indices, shape)
    return _decoded(space, estimate, error, size)


def noisy_to_preview(noisy: Noisy, size: Size, setup: Setup) -> Preview:
    """E[x_0 | x_t], one step of the unconditional denoiser, decoded.

    Its error at a given SNR is that of photographs (`_ERROR`): where the denoiser is the MMSE estimator it is the slope of
    the bits that x_t takes, dI / dSNR = mmse / 2 (Guo, Shamai and Verdu 2005; review, eq. 24).
    """
    run = setup.run
    denoiser = open_denoiser(_model(setup), run)
    condition = denoiser.condition({}, size)

    def solve(tile: Tile) -> FloatArray:
        x_t = torch.from_numpy(np.ascontiguousarray(noisy.x_t[:, *tile.window]))[None]
        given = condition.window(*tile.window)
        x_0 = denoiser.x0(x_t.to(denoiser.device), noisy.alpha_t, noisy.sigma_t, given)
        latent: FloatArray = x_0[0].cpu().numpy()
        return latent

    pixels = through_latents(denoiser.encoder, size, _TILE, solve, run.progress, "denoise")
    tiny = np.finfo(np.float64).tiny
    log_snr = 2 * (math.log(noisy.alpha_t + tiny) - math.log(noisy.sigma_t + tiny))
    return Preview(pixels, float(np.exp(np.interp(log_snr, _ERROR[:, 0], np.log(_ERROR[:, 1])))))


def to_noisy(signal: Preview | Latent | Tokens, size: Size, setup: Setup) -> Noisy:
    """The signal's estimate of x_0 with as much common randomness added as makes all channels err alike.

    The estimate errs by s in each channel (`LatentDenoiser.estimate`). Noise fills that up to sigma = max s, so that the
    state's squared distance from x_0 is sigma^2 everywhere: the SNR is the true one, though a codec's error is not
    Gaussian as the forward process has it. An element of row (DECODER_NOISE, a=0, b=y) belongs to its place.
    """
    denoiser = open_denoiser(_model(setup), setup.run)
    c, s = denoiser.estimate({type_of(signal): signal}, size)
    sigma = float(s.max())
    rows, columns = (slice(0, side) for side in c.shape[1:])
    eps = noise(setup.run.randomness, (rows, columns), len(c))
    x_t = c + np.sqrt(np.square(sigma) - np.square(s))[:, None, None] * eps
    return Noisy(x_t.astype(np.float32), denoiser.encoder.name, 1.0, sigma)


def _decoded(space: LappedSpace, latent: FloatArray, error: FloatArray, size: Size) -> Preview:
    # The encoder's components are nearly orthonormal before scaling, on samples in [-1, 1].
    of_latent = float(np.sum(np.square(error / space.scale.numpy()))) / (4 * 3 * FACTOR**2)
    return Preview(space.decode(latent, size), space.ceiling + of_latent)


def _model(setup: Setup) -> Model:
    assert setup.model is not None, "the adapter's spec names a model"
    return setup.model
