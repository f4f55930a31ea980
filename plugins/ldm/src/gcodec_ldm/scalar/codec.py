"""Latents to a stream of symbols and back, given the tensors of an entropy model. Reading needs no torch.

Normative: spec/embeddings/ldm_quant.md and rate_variable.md.

The stream is one of `gcodec.entropy`: a batch of hyper-latents, then six batches of latents, in the order of
`gcodec.entropy.integer_model.IntegerModel.code`, each under the table that `gcodec_ldm.scalar.tables` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, Encoder, rounded
from gcodec.entropy.integer_model import IntegerModel, Visit
from gcodec.entropy.integers import LEVELS, MEAN_BITS, Ints, unpack_tables
from gcodec_ldm.scalar.dither import Dither
from gcodec_ldm.scalar.scale import level_of, width_of
from gcodec_ldm.scalar.tables import TABLES, mirrored, nearest, sharpened

if TYPE_CHECKING:
    from gcodec.entropy.model import HyperEncoder
    from gcodec.signals import FloatArray

__all__ = ["Choice", "Codec", "Lattice", "Recorder", "dequantize"]

#: Takes what is coded of a batch: symbols and their tables, [positions, channels] both.
Recorder = Callable[[Ints, NDArray[Any]], None]


class Lattice(NamedTuple):
    """Where the values of a batch may lie, and how their symbols s are coded.

    origin   a value is 16 s + origin, in 1/16 bin widths.
    sign, nearest, table   what is coded is sign * (s - nearest), under this table.
    """

    origin: Ints
    sign: Any
    nearest: Any
    table: NDArray[Any]

    def values(self, symbols: Ints) -> Ints:
        """In 1/16 bin widths, int32."""
        return (symbols.astype(np.int32) << MEAN_BITS) + self.origin


#: Of a batch: where it stands in [h * w, C], what is to be rounded to whole symbols, and where they lie -> symbols.
Choice = Callable[[tuple[NDArray[np.int64], slice], NDArray[Any], Lattice], Ints]


class Codec:
    """Encoder and decoder of latents in one of two ways.

    config, tensors   a model's config.json and weights.
    anchored          symbols are differences from predicted means, and nothing is dithered; otherwise multiples of the bin
                      width, less the dither.
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
        self.integer = IntegerModel(self.sizes["groups"], tensors)
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
        from gcodec.entropy.model import HyperEncoder, HyperEncoderConfig, loaded
        from gcodec.models.building import unseen

        sizes = self.sizes
        config = HyperEncoderConfig(
            self.channels, sizes["hyper"], sizes["hyper_width"], sizes["knots"]
        )
        with unseen():
            return loaded(HyperEncoder(config), self._tensors, "encoder.")

    def quantize(
        self,
        latent: FloatArray,
        code: int,
        record: Recorder,
        dither: Dither | None = None,
        choice: Choice | None = None,
    ) -> tuple[Ints, Ints]:
        """Choose all symbols of a latent [C, h, w] at the width of `code`; `record` gets each batch as it is coded.

        choice   of latents' symbols; None: the nearest.

        Returns hyper-latents [ceil(h / 2), ceil(w / 2), hyper] and latents [h, w, C], int32 in 1/16 bin widths, without the
        fine part of the dither.
        """
        level, (c, h, w) = level_of(code), latent.shape
        v = latent / np.float32(width_of(code))
        z = self._hyper_latents(v, level)
        exact = v if dither is None else v + dither.fine
        y = np.ascontiguousarray(exact.transpose(1, 2, 0)).reshape(-1, c)

        def choose(visit: Visit) -> Ints:
            wanted = z if visit.group < 0 else y[self._place(visit)]
            lattice = self._lattice(visit, dither)
            exact = wanted - lattice.origin / np.float32(1 << MEAN_BITS)
            if choice is None or visit.group < 0:
                symbols = rounded(exact)
            else:
                symbols = choice(self._place(visit), exact, lattice)
            record(lattice.sign * (symbols - lattice.nearest), lattice.table)
            return lattice.values(symbols)

        return self.integer.code(level, h, w, choose)

    def _hyper_latents(self, v: FloatArray, level: int) -> FloatArray:
        import torch

        with torch.inference_mode():
            q = torch.tensor([level / (LEVELS - 1)])
            z = self._encoder.hyper_latent(torch.from_numpy(np.ascontiguousarray(v))[None], q)
        made: FloatArray = z[0].permute(1, 2, 0).flatten(0, 1).numpy()
        return made

    def _place(self, visit: Visit) -> tuple[NDArray[np.int64], slice]:
        """Where the latents of a batch stand in arrays [h * w, C]."""
        return visit.positions, slice(self._starts[visit.group], self._starts[visit.group + 1])

    def _lattice(self, visit: Visit, dither: Dither | None) -> Lattice:
        if visit.group < 0 or self.anchored:
            return Lattice(visit.mean, 1, 0, visit.index)
        index = sharpened(visit.index) if dither else visit.index
        origin = -dither.coarse[self._place(visit)] if dither else np.zeros_like(visit.mean)
        sign, table = mirrored(visit.mean - origin, index)
        return Lattice(origin, sign, nearest(visit.mean - origin), table)

    def encode(self, latent: FloatArray, code: int, dither: Dither | None = None) -> bytes:
        """The stream of a latent [C, h, w] at the width of `code`."""
        encoder = Encoder(self.tables)
        self.quantize(latent, code, encoder.put, dither)
        return encoder.finish()

    def read(
        self, stream: bytes, code: int, h: int, w: int, dither: Dither | None = None
    ) -> tuple[Ints, Ints]:
        """Hyper-latents [ceil(h/2), ceil(w/2), hyper] and latents [h, w, C], int32 in 1/16 bin widths.

        Raises PayloadError for a stream that no encoder makes.
        """
        decoder = Decoder(self.tables, stream, self.name)

        def read(visit: Visit) -> Ints:
            lattice = self._lattice(visit, dither)
            return lattice.values(lattice.sign * decoder.get(lattice.table) + lattice.nearest)

        found = self.integer.code(level_of(code), h, w, read)
        decoder.finish()
        return found


def dequantize(y: Ints, code: int, dither: Dither | None = None) -> FloatArray:
    """Quantized latents [h, w, C], in 1/16 bin widths, in units of the latent space, float32 [C, h, w]."""
    steps = y.transpose(2, 0, 1) / np.float64(1 << MEAN_BITS)
    if dither is not None:
        steps -= dither.fine
    values: FloatArray = np.ascontiguousarray((steps * width_of(code)).astype(np.float32))
    return values
