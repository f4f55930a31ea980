"""The codec proper: from samples to a payload and back, given a model's tensors.

Normative: spec/embeddings/ntc.md. A payload is a quality level 0..255, the measured squared error of the preview
(`gcodec.signals.pack_mse`) and one stream of `gcodec.entropy`: hyper-latents, then six batches of latents, in the order of
`gcodec.entropy.integer_model.IntegerModel.code`.

The image is padded to multiples of 16 by repeating its last row and column; no size is stored.
"""

from __future__ import annotations

import math
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, Encoder, rounded
from gcodec.entropy.integer_model import IntegerModel, Visit
from gcodec.entropy.integers import LEVELS, MEAN_BITS, SCALES, Ints, unpack_tables
from gcodec.errors import PayloadError
from gcodec.signals import pack_mse, unpack_mse
from gcodec_ntc.rounding import Rounding, compact, fitting

if TYPE_CHECKING:
    from gcodec.entropy import FrequencyTables
    from gcodec.models.graphs import Graph
    from gcodec_ntc.feedback import Feedback

NAME = "ntc"
HEAD = 2  # bytes before the stream
BLOCK = 16  # samples a side of one latent position
#: Steps beyond which something is likely to be sent, and not rounded to 0.
SEEN = 0.6
#: Bytes that such a latent takes at quality 0, and how many more at 1.
_BYTES = 0.28, 0.26

#: What error weighs against bits, times what the model says and `Feedback.weights`.
_TRADE = np.float32(1.15)
#: Last choices that are tried until one has at most the bytes of the first, and at least this part of them.
_TRIALS, _FULL = 3, 0.97

FloatArray = NDArray[np.float32]


class Transforms(NamedTuple):
    """The floating-point networks, in torch (`gcodec_ntc.networks`) or as graphs; q is the quality, [1] in [0, 1].

    analysis   x [1, 3, H, W] in [0, 1] -> latents y [1, C, h, w].
    encoder    y, q -> v [1, C, h, w], y in quantization steps, and hyper-latents z [1, N, h / 2, w / 2] (ceil).
    synthesis  v, q -> x.
    """

    analysis: Graph
    encoder: Graph
    synthesis: Graph


class Written(NamedTuple):
    """What a stream was made of, in the fewest bits that hold it.

    y        quantized latents, as `PayloadCodec.read` returns them.
    batches  symbols and the tables that they are coded under, in their order.
    """

    y: NDArray[Any]
    batches: Sequence[tuple[NDArray[Any], NDArray[np.uint8]]]


class Seen(NamedTuple):
    """A stream, its quantized latents, the preview, float32 [3, H, W] in [0, 1], and the squared error of that."""

    stream: bytes
    y: NDArray[Any]
    preview: FloatArray
    mse: float


@dataclass(frozen=True, eq=False)
class Original:
    """An image that is being encoded, and what came of it so far, so that nothing is computed twice.

    samples   [3, H, W].
    streams   by level.
    written   what the last streams say, by stream: their own encoder need not parse them to know.
    previews  by payload, until they are asked for.
    counts    how many of what is quantized are beyond `SEEN` steps, at levels evenly spaced, once that was asked.
    """

    samples: FloatArray
    streams: dict[int, bytes] = field(default_factory=dict, init=False)
    written: dict[bytes, Written] = field(default_factory=dict, init=False)
    previews: dict[bytes, FloatArray] = field(default_factory=dict, init=False)
    counts: list[int] = field(default_factory=list, init=False)

    def share(self, part: float) -> float:
        """About how many are beyond them at a part of the way, 0..1, through those levels."""
        logs = np.log(np.maximum(self.counts, 1))
        return math.exp(np.interp(part * (len(logs) - 1), range(len(logs)), logs))


@dataclass(frozen=True, eq=False)
class Analysed(Original):
    """An image's latents, before any quality is chosen: float32 [1, C, h, w]."""

    latents: FloatArray


class Wanted(NamedTuple):
    """What an encoder would send if it need not round.

    y, z   latents [h * w, C] in steps, hyper-latents [ceil(h / 2) * ceil(w / 2), N].
    trade  of squared error against bits in rounding latents, by channel, [C].
    """

    y: FloatArray
    z: FloatArray
    trade: FloatArray


class PayloadCodec(ABC):
    """What codecs of payloads with this head have in common; what is analysed is an `Original`."""

    #: Qualities that are told apart.
    levels = LEVELS

    #: Streams of which an image keeps what they say: a search for a size ends with one that fits and one that does not.
    keeps = 2

    #: Of all symbols.
    tables: FrequencyTables

    #: The image that was encoded last, for as long as its encoder has it.
    _last: Callable[[], Original | None] = staticmethod(lambda: None)

    @abstractmethod
    def stream(self, analysed: Any, level: int) -> bytes:
        """The entropy-coded symbols."""

    @abstractmethod
    def read(
        self, payload: bytes, height: int, width: int
    ) -> tuple[int, float, Ints, NDArray[Any]]:
        """Level, squared error, hyper-latents and quantized latents of a payload."""

    @abstractmethod
    def synthesise(self, y: NDArray[Any], level: int, height: int, width: int) -> FloatArray:
        """Preview, float32 [3, height, width] in [0, 1], of quantized latents."""

    def whole(
        self, y: NDArray[Any], level: int, height: int, width: int
    ) -> NDArray[np.uint8] | None:
        """`synthesise` in whole numbers, uint8 [3, height, width]; None: only floats can tell."""
        return None

    def encode(self, analysed: Original, level: int) -> bytes:
        """Payload at quality `level`, from 0: of at most the bytes that `size` says, for as little error as is found."""
        stream = self._stream(analysed, level)
        written = analysed.written.get(stream)
        plain = self.seen(analysed, level, stream, sent=False)
        best = self.better(analysed, level, plain)
        if best is plain and written:
            analysed.written[stream] = written
            self.said(analysed, stream)
        payload = self.head(level, pack_mse(best.mse)) + best.stream
        analysed.previews[payload] = best.preview
        self._last = weakref.ref(analysed)
        return payload

    def better(self, analysed: Any, level: int, plain: Seen) -> Seen:
        """What is chosen when the picture that `plain` gives has been seen, or `plain`."""
        return plain

    def seen(self, analysed: Original, level: int, stream: bytes, sent: bool = True) -> Seen:
        """What a decoder makes of a stream at quality `level`; one that is not to be sent need not be known to read so."""
        size = analysed.samples.shape[1:]
        known = None if sent else analysed.written.get(stream)
        y = known.y if known else self.said(analysed, stream)
        if y is None:
            y = self.read(self.head(level, 0) + stream, *size)[-1]
        preview = self.synthesise(y, level, *size)
        mse = float(np.mean((preview - analysed.samples) ** 2, dtype=np.float64))
        return Seen(stream, y, preview, mse)

    def size(self, analysed: Original, level: int) -> int:
        """Length of the payload that `encode` returns, or the most that it may be."""
        return len(self.head(level, 0)) + len(self._stream(analysed, level))

    def about(self, analysed: Any, level: float) -> float | None:
        """About that, in next to no time; None: it is not known. Levels between two are allowed."""
        return None

    def decode(self, payload: bytes, height: int, width: int) -> tuple[FloatArray, float]:
        """Preview, float32 [3, height, width] in [0, 1], and its squared error.

        Whoever encodes decodes at once, to see that it goes well; `encode` has just done so.
        """
        last = self._last()
        if last is not None and last.samples.shape[1:] == (height, width):
            preview = last.previews.pop(payload, None)
            if preview is not None:
                return preview, self.parts(payload)[1]
        level, mse, _, y = self.read(payload, height, width)
        return self.synthesise(y, level, height, width), mse

    def exact(self, payload: bytes, height: int, width: int) -> NDArray[np.uint8] | None:
        """The preview in 255 parts, [3, height, width], the same on every machine; None: there is none."""
        level, _, _, y = self.read(payload, height, width)
        return self.whole(y, level, height, width)

    def symbols(self, payload: bytes, height: int, width: int) -> bytes:
        """Level, coded error, hyper-latents and latents: two bytes, then int32 little-endian.

        Both are [rows, columns, channels], and as `read` gives them.
        """
        _, _, z, y = self.read(payload, height, width)
        return payload[:HEAD] + np.concatenate([z.ravel(), y.ravel()]).astype("<i4").tobytes()

    def head(self, level: int, error: int) -> bytes:
        """What stands before the stream; error as `pack_mse` makes it."""
        return bytes([level, error])

    def said(self, analysed: Original, stream: bytes) -> NDArray[Any] | None:
        """Quantized latents of one of the last streams, once it has been found to read as written; None: it must be read.

        That the tables are found again is no question: both sides find them in integers, from nothing but the level and the
        symbols before. What is left to see is that the symbols come out under these tables. Raises PayloadError if not.
        """
        written = analysed.written.pop(stream, None)
        if written is None:
            return None
        decoder = Decoder(self.tables, stream, NAME)
        if not all((decoder.get(index) == symbols).all() for symbols, index in written.batches):
            raise PayloadError(NAME, "the stream does not read as it was written")
        decoder.finish()
        return written.y

    def _written(
        self, analysed: Original, quantize: Callable[[Callable[[Any, Ints], None]], NDArray[Any]]
    ) -> bytes:
        """The stream of what `quantize` shows to its visitor; what it returns is kept for `said`."""
        encoder = Encoder(self.tables)
        batches: list[tuple[NDArray[Any], NDArray[np.uint8]]] = []

        def visitor(visit: Any, symbols: Ints) -> None:
            encoder.put(symbols, visit.index)
            batches.append((compact(symbols), visit.index))

        y = quantize(visitor)
        stream = encoder.finish()
        while len(analysed.written) >= self.keeps:
            del analysed.written[next(iter(analysed.written))]
        analysed.written[stream] = Written(compact(y), batches)
        return stream

    def _stream(self, analysed: Original, level: int) -> bytes:
        if level not in (streams := analysed.streams):
            streams[level] = self.stream(analysed, level)
        return streams[level]

    @staticmethod
    def parts(payload: bytes) -> tuple[int, float, bytes]:
        """Level, squared error and stream of a payload. Raises PayloadError for one that is too short."""
        if len(payload) < HEAD:
            raise PayloadError(NAME, f"{len(payload)} bytes; at least {HEAD} are needed")
        return payload[0], unpack_mse(payload[1]), payload[HEAD:]


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

    def analyse(self, samples: FloatArray) -> Analysed:
        """Latents of float32 [3, H, W] in [0, 1]."""
        bottom, right = (-side % BLOCK for side in samples.shape[1:])
        x = np.pad(samples, ((0, 0), (0, bottom), (0, right)), mode="edge")
        (latents,) = self.transforms.analysis(x.astype(np.float32, copy=False)[None])
        return Analysed(samples, latents)

    def about(self, analysed: Analysed, level: float) -> float | None:
        """As `PayloadCodec.about`: latents that will not be 0 take half a byte, a bit less where there are few.

        So it was within 20 % for nine in ten of 45 photographs at levels from 95 on.
        """
        if self._gain is None:
            return None
        if not analysed.counts:
            size = np.abs(analysed.latents[0])
            for gain in self._gain:
                beyond = size > (SEEN * np.exp2(-gain))[:, None, None]
                analysed.counts.append(int(np.count_nonzero(beyond)))
        q = level / (LEVELS - 1)
        return HEAD + analysed.share(q) * (_BYTES[0] + _BYTES[1] * q)

    def wanted(self, analysed: Analysed, level: int) -> Wanted:
        """What the transforms say at quality `level`."""
        y, z = map(_positions, self.transforms.encoder(analysed.latents, _quality(level)))
        return Wanted(y, z, _TRADE * self.rounding.trade * self.feedback.weights(level))

    def better(self, analysed: Analysed, level: int, plain: Seen) -> Seen:
        """What is chosen when the pictures that choices give have been seen, or `plain`."""
        return self.improved(analysed, level, plain)[0]

    def improved(self, analysed: Analysed, level: int, plain: Seen) -> tuple[Seen, Wanted]:
        """That, and what was rounded for it."""
        start = self.wanted(analysed, level)
        wanted = self.feedback(self, analysed, level, plain, start)
        stream = self.within(analysed, level, wanted, len(plain.stream), _TRIALS, _FULL)
        if stream is None:
            return plain, start
        return min(self.seen(analysed, level, stream), plain, key=lambda seen: seen.mse), wanted

    def within(
        self, analysed: Analysed, level: int, wanted: Wanted, most: int, trials: int, full: float
    ) -> bytes | None:
        """A stream of at most `most` bytes, and at least the part `full` of that if few `trials` find one; see `fitting`."""

        def made(weight: float) -> bytes:
            trade = wanted.trade * np.float32(weight)
            return self.stream(analysed, level, wanted._replace(trade=trade))

        return fitting(made, most, trials, full)

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
                exact = y[visit.positions, channels] - visit.mean / np.float32(1 << MEAN_BITS)
                symbols = self.rounding(exact, visit.index, trade[channels])
            visitor(visit, symbols)
            return visit.values(symbols)

        h, w = analysed.latents.shape[2:]
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
        values = (y.astype(np.float32) / (1 << MEAN_BITS)).transpose(2, 0, 1)[None]
        (x,) = self.transforms.synthesis(values, _quality(level))
        return np.clip(x[0, :, :height, :width], 0, 1)

    def whole(self, y: NDArray[Any], level: int, height: int, width: int) -> NDArray[np.uint8]:
        """The same of latents [h, w, C] in 1/16 steps, as `PayloadCodec.whole`."""
        from gcodec_ntc.exact import Networks

        return Networks(self._model[1])(y, level, height, width)


def _quality(level: int) -> FloatArray:
    return np.array([level / (LEVELS - 1)], np.float32)


def _positions(x: FloatArray) -> FloatArray:
    """[1, C, h, w] -> [h * w, C]."""
    return np.ascontiguousarray(x[0].transpose(1, 2, 0)).reshape(-1, x.shape[1])
