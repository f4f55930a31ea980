"""Latents to a stream of symbols and back, given the tensors of an entropy model. Reading needs no torch.

The stream is one of `gcodec.entropy`: a batch of hyper-latents, then six batches of latents, in the order of
`gcodec.integer_model.IntegerModel.code`, each under the table that `gcodec_ldm.scalar.tables` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, Encoder
from gcodec.integer_model import IntegerModel, Visit
from gcodec.integers import LEVELS, MEAN_BITS, Ints, unpack_tables
from gcodec_ldm.scalar.scale import level_of, width_of
from gcodec_ldm.scalar.tables import TABLES, mirrored, nearest

if TYPE_CHECKING:
    from gcodec.entropy_model import HyperEncoder
    from gcodec.signals import FloatArray

__all__ = ["Codec", "Recorder"]

#: Takes what is coded of a batch: symbols and their tables, [positions, channels] both.
Recorder = Callable[[Ints, NDArray[Any]], None]


class Codec:
    """Encoder and decoder of latents in one of two ways.

    config, tensors   a model's config.json and weights.
    anchored          symbols are differences from predicted means; otherwise multiples of the bin width.
    name              of the embedding, for errors.

    Raises KeyError, TypeError or ValueError if they do not belong together.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, NDArray[Any]],
        anchored: bool,
        name: str,
    ) -> None:
        self.sizes, self.name, self.anchored = dict(config["entropy"]), name, anchored
        self.integer = IntegerModel(self.sizes["groups"], tensors, anchored)
        self.tables = unpack_tables(tensors)
        if len(self.tables) != TABLES:
            raise ValueError(f"{len(self.tables)} frequency tables instead of {TABLES}")
        self._tensors = tensors
        self._starts = np.cumsum([0, *self.sizes["groups"]])

    @property
    def channels(self) -> int:
        """Of the latents."""
        return int(self._starts[-1])

    @cached_property
    def _encoder(self) -> HyperEncoder:
        from gcodec.entropy_model import HyperEncoder, HyperEncoderConfig, loaded

        sizes = self.sizes
        config = HyperEncoderConfig(
            self.channels, sizes["hyper"], sizes["hyper_width"], sizes["knots"]
        )
        return loaded(HyperEncoder(config), self._tensors, "encoder.")

    def quantize(self, latent: FloatArray, code: int, record: Recorder) -> Ints:
        """Choose all symbols of a latent [C, h, w] at the width of `code`; `record` gets each batch as it is coded.

        Returns the quantized latent, int32 [h, w, C] in 1/16 bin widths.
        """
        level = level_of(code)
        v = latent / np.float32(width_of(code))
        z = self._hyper_latents(v, level)
        y = np.ascontiguousarray(v.transpose(1, 2, 0)).reshape(-1, len(latent))

        def choose(visit: Visit) -> Ints:
            channels = slice(self._starts[visit.group], self._starts[visit.group + 1])
            wanted = z if visit.group < 0 else y[visit.positions, channels]
            if visit.group < 0 or self.anchored:
                wanted = wanted - visit.mean / np.float32(1 << MEAN_BITS)
            symbols = np.rint(wanted).astype(np.int32)
            sign, origin, table = self._coding(visit)
            record(sign * (symbols - origin), table)
            return symbols

        h, w = latent.shape[1:]
        return self.integer.code(level, h, w, choose)[1]

    def _hyper_latents(self, v: FloatArray, level: int) -> FloatArray:
        import torch

        with torch.inference_mode():
            q = torch.tensor([level / (LEVELS - 1)])
            z = self._encoder.hyper_latent(torch.from_numpy(np.ascontiguousarray(v))[None], q)
        made: FloatArray = z[0].permute(1, 2, 0).flatten(0, 1).numpy()
        return made

    def _coding(self, visit: Visit) -> tuple[Any, Any, NDArray[Any]]:
        """(sign, origin, table): what is coded of a symbol s is sign * (s - origin)."""
        if visit.group < 0 or self.anchored:
            return 1, 0, visit.index
        sign, table = mirrored(visit.mean, visit.index)
        return sign, nearest(visit.mean), table

    def encode(self, latent: FloatArray, code: int) -> bytes:
        """The stream of a latent [C, h, w] at the width of `code`."""
        encoder = Encoder(self.tables)
        self.quantize(latent, code, encoder.put)
        return encoder.finish()

    def read(self, stream: bytes, code: int, h: int, w: int) -> tuple[Ints, Ints]:
        """Hyper-latents [ceil(h/2), ceil(w/2), hyper] and latents [h, w, C], int32 in 1/16 bin widths.

        Raises PayloadError for a stream that no encoder makes.
        """
        decoder = Decoder(self.tables, stream, self.name)

        def read(visit: Visit) -> Ints:
            sign, origin, table = self._coding(visit)
            symbols: Ints = (sign * decoder.get(table) + origin).astype(np.int32)
            return symbols

        found = self.integer.code(level_of(code), h, w, read)
        decoder.finish()
        return found

    def dequantize(self, y: Ints, code: int) -> FloatArray:
        """Quantized latents [h, w, C] in units of the latent space, float32 [C, h, w]."""
        scaled = y.transpose(2, 0, 1) * np.float64(width_of(code) / (1 << MEAN_BITS))
        values: FloatArray = np.ascontiguousarray(scaled.astype(np.float32))
        return values
