"""The whole range: the networks of one model below, the linear mode above.

Normative: spec/embeddings/ntc.md. A payload whose first byte is 255 is of the linear mode (`gcodec_ntc.linear.codec`), every
other is one of the networks (`gcodec_ntc.codec`), as their own model alone would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec_ntc.codec import Analysed, Codec
from gcodec_ntc.linear.codec import MARK, Coefficients, LinearCodec
from gcodec_ntc.linear.contexts import STEPS
from gcodec_ntc.payload import FloatArray, Original, PayloadCodec
from gcodec_ntc.samples import kept

__all__ = ["CLASS", "LEVELS", "NETWORKS", "WholeCodec"]

CLASS = "NtcRange"
#: The class of the model that one of this names.
NETWORKS = "NtcModel"
#: The networks' last level that an encoder takes, and the linear mode's first step after it. About there both take as many
#: bytes for the same error; beyond it the linear mode takes fewer, 4 % at the networks' level 254.
_LAST, _FIRST = 230, 18
#: Qualities: two for each of the networks' levels, so that they have three quarters of the scale, and one for each step.
_BORDER = 2 * (_LAST + 1)
LEVELS = _BORDER + STEPS - _FIRST
#: The first quality at which the linear mode's first step is asked for its bytes. Of drawings and very smooth pictures it
#: takes fewer than the networks long before their last level, and a search for a size must not end below it. Photographs
#: get there from about a quarter of a bit per pixel on; below, it would only cost time.
_EITHER = _BORDER // 2


class Picture:
    """An image to be encoded, and what either mode makes of it, when that is wanted.

    samples  float32 [3, H, W] in [0, 1].
    """

    def __init__(self, codec: WholeCodec, samples: FloatArray) -> None:
        self._codec, self.samples = codec, kept(samples)

    @cached_property
    def latents(self) -> Analysed:
        """For the networks."""
        return self._codec.lower.analyse(self.samples)

    @cached_property
    def coefficients(self) -> Coefficients:
        """For the linear mode."""
        return self._codec.upper.analyse(self.samples)

    def keep(self, analysed: Original) -> None:
        """Let go of what the other mode made."""
        for name in ("latents", "coefficients"):
            if self.__dict__.get(name) is not analysed:
                self.__dict__.pop(name, None)


class WholeCodec:
    """Encoder and decoder. `config` and `tensors` are a model folder's; `networks` opens the codec of the lower range.

    Raises KeyError, TypeError or ValueError if they do not belong together.
    """

    levels = LEVELS

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, NDArray[Any]],
        networks: Callable[[], Codec],
    ) -> None:
        self.upper = LinearCodec(tensors, float(config["trade"]))
        self._networks = networks

    @cached_property
    def lower(self) -> Codec:
        """The networks, opened when a picture needs them."""
        return self._networks()

    def analyse(self, samples: FloatArray) -> Picture:
        """Float32 [3, H, W] in [0, 1], before any quality is chosen."""
        return Picture(self, samples)

    def encode(self, picture: Picture, level: int) -> bytes:
        """Payload at quality `level` from 0 to LEVELS - 1."""
        codec, analysed, own = self._at(picture, level)
        picture.keep(analysed)
        return codec.encode(analysed, own)

    def size(self, picture: Picture, level: int) -> int:
        """Length of the payload that `encode` returns."""
        codec, analysed, own = self._at(picture, level)
        return codec.size(analysed, own)

    def about(self, picture: Picture, level: int) -> float | None:
        """About that, in next to no time; None: it is not known."""
        if level >= _BORDER:
            return self.upper.about(picture.coefficients, level - _BORDER + _FIRST)
        return self.lower.about(picture.latents, level / 2)

    def decode(self, payload: bytes, height: int, width: int) -> tuple[FloatArray, float]:
        """Preview, float32 [3, height, width] in [0, 1], and its squared error as the encoder measured it."""
        return self._of(payload).decode(payload, height, width)

    def exact(self, payload: bytes, height: int, width: int) -> NDArray[np.uint8] | None:
        """The preview in 255 parts, [3, height, width], the same on every machine."""
        return self._of(payload).exact(payload, height, width)

    def symbols(self, payload: bytes, height: int, width: int) -> bytes:
        """What extension 5 is the digest of."""
        return self._of(payload).symbols(payload, height, width)

    def _at(self, picture: Picture, level: int) -> tuple[PayloadCodec, Original, int]:
        if level >= _BORDER:
            return self.upper, picture.coefficients, level - _BORDER + _FIRST
        codec, latents, own = self.lower, picture.latents, level // 2
        if level >= _EITHER:
            size = codec.size(latents, own)
            if not self.upper.reaches(picture.coefficients, _FIRST, size):
                return self.upper, picture.coefficients, _FIRST
        return codec, latents, own

    def _of(self, payload: bytes) -> PayloadCodec:
        return self.upper if payload[:1] == bytes([MARK]) else self.lower
