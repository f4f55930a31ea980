"""The codec proper: from samples to a payload and back, given a model's tensors.

Normative: spec/embeddings/ntc.md. A payload is a quality level 0..255, the measured squared error of the preview
(`gcodec.signals.pack_mse`) and one stream of `gcodec.entropy`: hyper-latents, then six batches of latents, in the order of
`gcodec.entropy.integer_model.IntegerModel.code`.

The image is padded to multiples of 16 by repeating its last row and column; no size is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, rounded
from gcodec.entropy.integer_model import IntegerModel, Visit
from gcodec.entropy.integers import LEVELS, MEAN_BITS, SCALES, Ints, unpack_tables
from gcodec_ntc.bands import BLOCK, PIECE, bands, pieces, reach_of, seen_by
from gcodec_ntc.payload import HEAD, NAME, SEEN, FloatArray, Original, PayloadCodec, Seen
from gcodec_ntc.rounding import Rounding
from gcodec_ntc.samples import Samples, kept, piece_of

if TYPE_CHECKING:
    from gcodec.models.graphs import Graph
    from gcodec_ntc.feedback import Feedback

__all__ = [
    "BLOCK",
    "NAME",
    "SEEN",
    "Analysed",
    "Codec",
    "FloatArray",
    "Original",
    "PayloadCodec",
    "Seen",
    "Transforms",
    "Wanted",
]

#: Positions that are computed at a time; that changes nothing to the last bit, if they are not very few.
_POSITIONS = PIECE
#: Positions whose symbols are chosen at a time: few enough for a cache.
_STRIP_POSITIONS = 1 << 12
#: Of the hyper encoder: blocks that lie together under one of its outputs.
_HYPER = 2
#: Bytes that a latent beyond `SEEN` takes at quality 0, and how many more at 1.
_BYTES = 0.28, 0.26

#: What error weighs against bits, times what the model says and `Feedback.weights`.
_TRADE = np.float32(1.15)
#: Last choices that are tried until one has at most the bytes of the first, and at least this part of them.
_TRIALS, _FULL = 3, 0.97


class Transforms(NamedTuple):
    """The floating-point networks, in torch (`gcodec_ntc.networks`) or as graphs; q is the quality, [1] in [0, 1].

    analysis   x [1, 3, H, W] in [0, 1] -> latents y [1, C, h, w].
    encoder    y, q -> v [1, C, h, w], y in quantization steps, and hyper-latents z [1, N, h / 2, w / 2] (ceil).
    synthesis  v, q -> x.
    """

    analysis: Graph
    encoder: Graph
    synthesis: Graph


@dataclass(frozen=True, eq=False)
class Analysed(Original):
    """An image's latents, before any quality is chosen: float32 [h, w, C]."""

    latents: FloatArray


class Wanted(NamedTuple):
    """What an encoder would send if it need not round.

    y, z   latents [h * w, C] in steps, hyper-latents [ceil(h / 2) * ceil(w / 2), N].
    trade  of squared error against bits in rounding latents, by channel, [C].
    """

    y: FloatArray
    z: FloatArray
    trade: FloatArray


class Codec(PayloadCodec):
    """Encoder and decoder. `config` and `tensors` are a model's config.json and weights.

    Raises KeyError, TypeError or ValueError if they do not belong together.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        tensors: Mapping[str, NDArray[Any]],
        transforms: Transforms,
    ) -> None:
        groups = config["entropy"]["groups"]
        self.transforms = transforms
        self._model = config, tensors
        self.integer = IntegerModel(groups, tensors)
        self.tables = unpack_tables(tensors)
        if len(self.tables) != 2 * SCALES:
            raise ValueError(f"{len(self.tables)} frequency tables instead of {2 * SCALES}")
        self.rounding = Rounding(self.tables, float(config["trade"]))
        self._starts = np.cumsum([0, *groups])
        self._gain = tensors.get("gain")  # a sender's, [knots, C]

    @cached_property
    def feedback(self) -> Feedback:
        """For the encoder."""
        from gcodec_ntc.feedback import Feedback

        return Feedback(*self._model)

    def analyse(self, samples: FloatArray | Samples) -> Analysed:
        """Latents of float32 [3, H, W] in [0, 1]."""
        samples = kept(samples)
        h, w = (-(-side // BLOCK) for side in samples.shape[1:])
        latents: FloatArray | None = None
        for rows, columns in pieces(h, w, _POSITIONS, seen_by(self._model[1])):
            x = piece_of(samples, rows.outer(BLOCK), columns.outer(BLOCK))
            (made,) = self.transforms.analysis(x.astype(np.float32, copy=False)[None])
            if latents is None:
                latents = np.empty((h, w, made.shape[1]), np.float32)
            some = made[0, :, rows.inner(), columns.inner()]
            latents[rows.rows(), columns.rows()] = some.transpose(1, 2, 0)
            del made, some  # what graphs returned takes their room
        assert latents is not None
        return Analysed(samples, latents)

    def about(self, analysed: Analysed, level: float) -> float | None:
        """As `PayloadCodec.about`: latents that will not be 0 take half a byte, a bit less where there are few.

        So it was within 20 % for nine in ten of 45 photographs at levels from 95 on.
        """
        if self._gain is None:
            return None
        if not analysed.counts:
            least = SEEN * np.exp2(-self._gain)
            counts = np.zeros(len(least), np.int64)
            h, w, _ = analysed.latents.shape
            for band in bands(h, w, _STRIP_POSITIONS, 0):
                size = np.abs(analysed.latents[band.rows()])
                counts += [np.count_nonzero(size > each) for each in least]
            analysed.counts.extend(map(int, counts))
        q = level / (LEVELS - 1)
        return HEAD + analysed.share(q) * (_BYTES[0] + _BYTES[1] * q)

    def wanted(self, analysed: Analysed, level: int) -> Wanted:
        """What the transforms say at quality `level`."""
        h, w, channels = analysed.latents.shape
        y, parts = np.empty((h, w, channels), np.float32), []
        for band in bands(h, w, _POSITIONS, _HYPER, _HYPER):
            some = analysed.latents[band.outer()].transpose(2, 0, 1)[None]
            v, z = (
                made[0].transpose(1, 2, 0)
                for made in self.transforms.encoder(some, _quality(level))
            )
            y[band.rows()] = v[band.inner()]
            parts.append(z[_halved(band.inner())].copy())
            del v, z
        z = np.concatenate(parts).reshape(-1, parts[0].shape[2])
        trade = _TRADE * self.rounding.trade * self.feedback.weights(level)
        return Wanted(y.reshape(-1, channels), z, trade)

    def better(self, analysed: Analysed, level: int, plain: Seen) -> Seen:
        """What is chosen when the pictures that choices give have been seen, or `plain`."""
        stream, _ = self.improved(analysed, level, plain)
        return self.nearer(analysed, level, stream, plain)

    def improved(self, analysed: Analysed, level: int, plain: Seen) -> tuple[bytes | None, Wanted]:
        """A stream of that, and what was rounded for it; None and what was rounded for `plain`: there is none.

        The preview of `plain` is taken.
        """
        wanted = self.feedback(self, analysed, level, plain, self.wanted(analysed, level))
        stream = self.within(analysed, level, wanted, len(plain.stream), _TRIALS, _FULL)
        return stream, wanted if stream is not None else self.wanted(analysed, level)

    def within(
        self, analysed: Analysed, level: int, wanted: Wanted, most: int, trials: int, full: float
    ) -> bytes | None:
        """A stream of at most `most` bytes, and at least the part `full` of that if few `trials` find one; see `fitting`."""

        def made(weight: float) -> bytes:
            trade = wanted.trade * np.float32(weight)
            return self.stream(analysed, level, wanted._replace(trade=trade))

        return self.fitting(analysed, made, most, trials, full)

    def quantize(
        self,
        analysed: Analysed,
        level: int,
        visitor: Callable[[Visit, Ints], None],
        wanted: Wanted | None = None,
    ) -> Ints:
        """Choose all symbols, which `visitor` sees by batch; returns quantized latents, int32 [h, w, C] in 1/16 steps."""
        y, z, trade = wanted or self.wanted(analysed, level)

        def choose(visit: Visit) -> Ints:
            if visit.group < 0:
                symbols = rounded(z - visit.mean / (1 << MEAN_BITS))
            else:
                channels = slice(self._starts[visit.group], self._starts[visit.group + 1])
                symbols = np.empty_like(visit.mean)
                for start in range(0, len(symbols), _STRIP_POSITIONS):
                    some = slice(start, start + _STRIP_POSITIONS)
                    exact = visit.mean[some] / np.float32(1 << MEAN_BITS)
                    np.subtract(y[visit.positions[some], channels], exact, out=exact)
                    symbols[some] = self.rounding(exact, visit.index[some], trade[channels])
            visitor(visit, symbols)
            return visit.values(symbols)

        h, w = analysed.latents.shape[:2]
        return self.integer.code(level, h, w, choose)[1]

    def stream(self, analysed: Analysed, level: int, wanted: Wanted | None = None) -> bytes:
        """The entropy-coded symbols."""
        return self._written(
            analysed, lambda visitor: self.quantize(analysed, level, visitor, wanted)
        )

    def read(self, payload: bytes, height: int, width: int) -> tuple[int, float, Ints, Ints]:
        """Level, squared error, hyper-latents and latents (1/16 steps) of a payload.

        Integer arithmetic only. Raises PayloadError for what `encode` cannot have written.
        """
        level, error, stream = self.parts(payload)
        decoder = Decoder(self.tables, stream, NAME)
        h, w = -(-height // BLOCK), -(-width // BLOCK)
        z, y = self.integer.code(level, h, w, lambda v: v.values(decoder.get(v.index)))
        decoder.finish()
        return level, error, z, y

    def synthesise(self, y: Ints, level: int, height: int, width: int) -> FloatArray:
        """Preview, float32 [3, height, width] in [0, 1], of quantized latents."""
        made = np.empty((3, height, width), np.float32)
        h, w, _ = y.shape
        for rows, columns in pieces(h, w, _POSITIONS, sum(reach_of(self._model[1]))):
            some = y[rows.outer(), columns.outer()].astype(np.float32) / (1 << MEAN_BITS)
            (x,) = self.transforms.synthesis(some.transpose(2, 0, 1)[None], _quality(level))
            place = made[:, rows.rows(BLOCK), columns.rows(BLOCK)]
            x = x[0, :, rows.inner(BLOCK), columns.inner(BLOCK)]
            np.clip(x[:, : place.shape[1], : place.shape[2]], 0, 1, out=place)
            del x
        return made

    def whole(self, y: NDArray[Any], level: int, height: int, width: int) -> NDArray[np.uint8]:
        """The same of latents [h, w, C] in 1/16 steps, as `PayloadCodec.whole`."""
        from gcodec_ntc.exact import Networks

        return Networks(self._model[1])(y, level, height, width)


def _quality(level: int) -> FloatArray:
    return np.array([level / (LEVELS - 1)], np.float32)


def _halved(rows: slice) -> slice:
    """Rows of hyper-latents that stand for these of latents, of which the first is even."""
    return slice(rows.start // _HYPER, -(-rows.stop // _HYPER))
