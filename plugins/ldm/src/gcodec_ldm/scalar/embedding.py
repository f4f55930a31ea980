"""The embeddings `ldm_quant` and `rate_variable`: one entropy model, two ways of rounding a latent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from gcodec.errors import PayloadError, UsageError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.networks import open_space, place_of
from gcodec.signals import Latent, Signal
from gcodec_ldm.scalar.adaptive import AdaptiveCodec
from gcodec_ldm.scalar.codec import Codec, dequantize
from gcodec_ldm.scalar.dither import Dither, dither_of
from gcodec_ldm.scalar.place import CLASS, latents_of
from gcodec_ldm.scalar.scale import CODES, width_of

if TYPE_CHECKING:
    from gcodec.models import Model
    from gcodec.signals import FloatArray
    from gcodec_ldm.scalar.patience import Patience

__all__ = ["LdmQuant", "RateVariable"]

#: Behind the stream of a dithered latent. No stream of `gcodec.entropy` ends like this, so that plain files need not say
#: what they are.
_DITHERED = b"\0"


class _Latents(NamedTuple):
    """What latents are and how they are coded.

    space, factor  name of the space, samples a side of one position.
    autoencoder    what the model store finds their autoencoder by.
    """

    space: str
    factor: int
    autoencoder: str
    codec: Codec | AdaptiveCodec


class _Rounded(Embedding):
    """A latent at a bin width that the payload's first bytes say.

    Raises ModelMissing without a model and ModelDamaged for one that is no entropy model of latents, nor, for `ldm_quant`,
    of any latent space.
    """

    name: ClassVar[str]
    anchored: ClassVar[bool]
    #: Bytes that say the bin width.
    head: ClassVar[int]
    #: Whether its files may be dithered.
    ditherable: ClassVar[bool] = False

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        model = setup.weights(self.name, "base/ldm")
        self._latents = self._latents_of(model)
        if self._effort and not isinstance(self._latents.codec, Codec):
            raise UsageError(
                f"{self.name}'s --effort is for base/ldm and others like it, and nothing is known of what latents of"
                f" {model.name} will cost; leave --effort out"
            )
        if self._effort and setup.options.get("dither"):
            raise UsageError(
                f"{self.name}: --effort chooses what --dither leaves to chance; give one of them"
            )

    def _latents_of(self, model: Model) -> _Latents:
        about = latents_of(model)
        with model.taken_as("an entropy model of latents"):
            codec = Codec(model.config, model.tensors(), self.anchored, self.name)
            return _Latents(about.space, about.factor, about.digest, codec)

    def analyse(self, pixels: FloatArray) -> FloatArray:
        """The latent [C, h, w] of float32 [3, H, W] in [0, 1]. Raises ModelMissing without its autoencoder."""
        run = self.setup.run
        return open_space(run.models.find(self._latents.autoencoder), run).encode(pixels)

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the one layer at `quality` in [0, 1]."""
        code, head = self._coded(min(max(quality, 0.0), 1.0))
        if self._effort:
            return (head + self._patience(analysis, code, self._effort),)
        dither = self._dither(*analysis.shape[1:]) if self.setup.options.get("dither") else None
        stream = self._latents.codec.encode(analysis, code, dither)
        return (head + stream + (_DITHERED if dither else b""),)

    @property
    def _effort(self) -> int:
        return int(self.setup.options.get("effort", 0))

    @cached_property
    def _patience(self) -> Patience:
        from gcodec_ldm.scalar.patience import Patience

        assert isinstance(self._latents.codec, Codec)
        return Patience(self._latents.codec, self.setup.weights(self.name, "base/ldm").tensors())

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the dequantized latent with its bin width."""
        code, dither, _, y = self._read(layers, size)
        values, rounded = dequantize(y, code, dither), dither is None
        return (Latent(values, self._latents.space, width_of(code), rounded),)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """The bin width's bytes, then hyper-latents and latents in 1/16 bin widths, int32 little-endian.

        Of dithered latents without the fine part of the dither, which no stream says.
        """
        _, _, z, y = self._read(layers, size)
        return (
            layers[0][: self.head] + np.concatenate([z.ravel(), y.ravel()]).astype("<i4").tobytes()
        )

    def _dither(self, h: int, w: int) -> Dither:
        return dither_of(self.setup.run.randomness, h, w, self._latents.codec.channels)

    def _read(self, layers: Sequence[bytes], size: Size) -> tuple[int, Dither | None, Any, Any]:
        if len(layers) != 1:
            raise PayloadError(self.name, f"{len(layers)} layers instead of one")
        (payload,) = layers
        if len(payload) < self.head:
            raise PayloadError(self.name, f"{len(payload)} bytes, which do not hold the bin width")
        code = int.from_bytes(payload[: self.head], "big") * self._unit
        h, w = (-(-side // self._latents.factor) for side in (size.height, size.width))
        stream, dither = payload[self.head :], None
        if self.ditherable and stream.endswith(_DITHERED):
            stream, dither = stream.removesuffix(_DITHERED), self._dither(h, w)
        return code, dither, *self._latents.codec.read(stream, code, h, w, dither)

    @property
    def _unit(self) -> int:
        """Codes from one value of the head to the next."""
        return (CODES - 1) // ((1 << 8 * self.head) - 1)

    def _coded(self, quality: float) -> tuple[int, bytes]:
        """The code of a quality, and the bytes that say it."""
        told = round(quality * ((1 << 8 * self.head) - 1))
        return told * self._unit, told.to_bytes(self.head, "big")


class LdmQuant(_Rounded):
    """Y = Delta * round(Y_0 / Delta), as Relic et al. 2024 quantize the latent of a foundation model.

    Every value is a multiple of Delta, so that its error is that of plain rounding: noise that a diffusion model takes for
    its own. One byte says Delta. With the option `dither` it is that of universal quantization (Relic et al. 2025),

        Y = Delta * (round(Y_0 / Delta + u) - u),    u uniform on (-1/2, 1/2), common randomness:

    uniform and independent of Y_0, however small that is.

    Where the model is no entropy model but lives in a latent space, as pipelines do, what is known of the latents there is
    what was coded before (`gcodec_ldm.scalar.adaptive`).
    """

    name = "ldm_quant"
    anchored = False
    head = 1
    ditherable = True

    def _latents_of(self, model: Model) -> _Latents:
        run = self.setup.run
        place = None if model.class_name == CLASS else place_of(model, run.models)
        if place is None:
            return super()._latents_of(model)
        space = open_space(run.models.find(place.autoencoder), run)
        codec = AdaptiveCodec(space.channels, self.name)
        return _Latents(place.space, space.factor, place.autoencoder, codec)


class RateVariable(_Rounded):
    """y_q = q * (round(y / q - mu) + mu), the forward process of "Estimating gradients of the rate-variable feature
    distribution" (under review for ICLR 2026, eq. 5 and 6), mu from hyperprior and context. Two bytes say q.
    """

    name = "rate_variable"
    anchored = True
    head = 2
