"""Adapters in and out of latent spaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gcodec.interfaces import Setup, Size
from gcodec.models import Model
from gcodec.networks import open_codebook
from gcodec.signals import Latent, Preview, Tokens
from gcodec_diffusers.autoencoder import FACTOR
from gcodec_diffusers.space import LappedSpace, open_space

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["latent_to_preview", "preview_to_latent", "tokens_to_preview"]


def preview_to_latent(preview: Preview, size: Size, setup: Setup) -> Latent:
    """The preview's latent, unquantized: step 0."""
    space = open_space(_model(setup), setup.run)
    return Latent(space.encode(preview.pixels), space.name, 0.0)


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


def _decoded(space: LappedSpace, latent: FloatArray, error: FloatArray, size: Size) -> Preview:
    # The encoder's components are nearly orthonormal before scaling, on samples in [-1, 1].
    of_latent = float(np.sum(np.square(error / space.scale.numpy()))) / (4 * 3 * FACTOR**2)
    return Preview(space.decode(latent, size), space.ceiling + of_latent)


def _model(setup: Setup) -> Model:
    assert setup.model is not None, "the adapter's spec names a model"
    return setup.model
