"""A latent space from a model folder of class `LappedAutoencoder`, in torch or, where that is not installed, as graphs.

Everything else in a latent space needs torch, so that the graphs are for who has none: they decode latents, and send them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.interfaces import Size
from gcodec.models.graphs import Graph, graphs_of, torch_missing
from gcodec.models.networks import LatentSpace
from gcodec_diffusers.estimates import codec_error

if TYPE_CHECKING:
    from torch import Tensor

    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec.signals import FloatArray

__all__ = ["FACTOR", "GraphSpace", "Lapped", "open_space", "padded"]

#: Samples a side of one latent position.
FACTOR = 8


class Lapped(LatentSpace):
    """What is known of the space without its networks.

    scale  of every channel, float32 [C].
    about  "gcodec" of config.json: the name of the space, and the squared error of a round trip on photographs, signal
           range [0, 1].
    """

    factor = FACTOR

    def __init__(self, scale: FloatArray, about: dict[str, Any]) -> None:
        self.name, self.channels = about["space"], len(scale)
        self.ceiling: float = about["ceiling"]
        self._scale = scale

    def error(self, latent: FloatArray, deviation: FloatArray) -> float:
        """That of the round trip, and what the error of the latent makes of its own."""
        # The encoder's components are nearly orthonormal before scaling, on samples in [-1, 1].
        of_latent = float(np.sum(np.square(deviation / self._scale))) / (4 * 3 * FACTOR**2)
        return self.ceiling + of_latent

    def spread(self, pixels: FloatArray, mse: float) -> FloatArray:
        """`codec_error`: it has been measured for this space."""
        return codec_error(mse, self._scale)


class GraphSpace(Lapped):
    """Encoder and decoder as graphs."""

    def __init__(
        self, encoder: Graph, decoder: Graph, scale: FloatArray, about: dict[str, Any]
    ) -> None:
        super().__init__(scale, about)
        self._encoder, self._decoder = encoder, decoder

    def encode(self, pixels: FloatArray) -> FloatArray:
        """Latent float32 [C, ceil(H / 8), ceil(W / 8)] of pixels [3, H, W] in [0, 1]."""
        return self._encoder(padded(pixels, FACTOR)[None])[0][0]

    def decode(self, latent: FloatArray, size: Size) -> FloatArray:
        """Pixels float32 [3, H, W] in [0, 1]."""
        pixels = self._decoder(latent[None])[0][0, :, : size.height, : size.width]
        return np.clip(pixels, 0, 1)

    def render(self, z: Tensor) -> Tensor:
        """Not to be had: whoever has a tensor opens the space in torch."""
        raise NotImplementedError("graphs are not differentiable")


def padded(planes: FloatArray, multiple: int) -> FloatArray:
    """[C, H, W] with both sides continued to the next multiple by their last samples."""
    bottom, right = (-n % multiple for n in planes.shape[1:])
    result: FloatArray = np.pad(planes, ((0, 0), (0, bottom), (0, right)), mode="edge")
    return np.ascontiguousarray(result)


def open_space(model: Model, run: Run) -> Lapped:
    """The latent space in `model`. Raises ModelDamaged."""
    graphs = graphs_of(model, run, "encoder", "decoder") if torch_missing() else None
    if graphs is None:
        from gcodec_diffusers.space import open_space

        return open_space(model, run)
    encoder, decoder = graphs
    with model.taken_as("a latent space"):
        scale = model.tensors()["scale"].astype(np.float32)
        return GraphSpace(encoder, decoder, scale, model.config["gcodec"])
