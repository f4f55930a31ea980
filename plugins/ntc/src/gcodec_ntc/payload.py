"""What the codecs of payloads have in common: a head, one stream, and a sender that sees what it has made.

Normative: spec/embeddings/ntc.md. A payload is a level, the measured squared error of the preview
(`gcodec.signals.pack_mse`) and one stream of `gcodec.entropy`. Whoever encodes knows what the stream says, and need not
parse it to see the picture.
"""

from __future__ import annotations

import math
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, Encoder
from gcodec.entropy.integers import LEVELS, Ints
from gcodec.errors import PayloadError
from gcodec.signals import pack_mse, unpack_mse
from gcodec_ntc.bands import BLOCK, STRIP_PIXELS, bands
from gcodec_ntc.rounding import compact, fitting
from gcodec_ntc.samples import FloatArray, Samples

if TYPE_CHECKING:
    from gcodec.entropy import FrequencyTables

__all__ = ["BLOCK", "NAME", "SEEN", "FloatArray", "Original", "PayloadCodec", "Seen", "Written"]

NAME = "ntc"
HEAD = 2  # bytes before the stream
#: Steps beyond which something is likely to be sent, and not rounded to 0.
SEEN = 0.6


class Written(NamedTuple):
    """What a stream was made of, in the fewest bits that hold it.

    y        quantized latents, as `PayloadCodec.read` returns them.
    batches  symbols and the tables that they are coded under, in their order.
    """

    y: NDArray[Any]
    batches: Sequence[tuple[NDArray[Any], NDArray[np.uint8]]]


@dataclass(eq=False)
class Seen:
    """A stream, its quantized latents, the preview, float32 [3, H, W] in [0, 1], and the squared error of that.

    Latents and preview are None once somebody has taken them: of a large picture there is room for one.
    """

    stream: bytes
    y: NDArray[Any] | None
    preview: FloatArray | None
    mse: float

    def take(self) -> tuple[NDArray[Any], FloatArray]:
        """Latents and preview, which is the caller's to write into."""
        y, preview = self.y, self.preview
        assert y is not None
        assert preview is not None
        self.y = self.preview = None
        return y, preview


@dataclass(frozen=True, eq=False)
class Original:
    """An image that is being encoded, and what came of it so far, so that nothing is computed twice.

    samples   [3, H, W], or what has parts of them.
    streams   by level.
    written   what the last streams say, by stream: their own encoder need not parse them to know.
    previews  by payload, until they are asked for.
    counts    how many of what is quantized are beyond `SEEN` steps, at levels evenly spaced, once that was asked.
    """

    samples: FloatArray | Samples
    streams: dict[int, bytes] = field(default_factory=dict, init=False)
    written: dict[bytes, Written] = field(default_factory=dict, init=False)
    previews: dict[bytes, FloatArray] = field(default_factory=dict, init=False)
    counts: list[int] = field(default_factory=list, init=False)

    def share(self, part: float) -> float:
        """About how many are beyond them at a part of the way, 0..1, through those levels."""
        logs = np.log(np.maximum(self.counts, 1))
        return math.exp(np.interp(part * (len(logs) - 1), range(len(logs)), logs))


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
        plain = self.seen(analysed, level, stream, sent=False)
        analysed.written.clear()  # what other levels' streams say will hardly be asked for
        best = self.better(analysed, level, plain)
        payload = self.head(level, pack_mse(best.mse)) + best.stream
        if best.preview is not None:
            analysed.previews[payload] = best.preview
        self._last = weakref.ref(analysed)
        return payload

    def better(self, analysed: Any, level: int, plain: Seen) -> Seen:
        """What is chosen when the picture that `plain` gives has been seen, or `plain`."""
        return plain

    def fitting(
        self,
        analysed: Original,
        make: Callable[[float], bytes],
        most: int,
        trials: int,
        full: float,
    ) -> bytes | None:
        """As `gcodec_ntc.rounding.fitting`; what the others say is forgotten."""
        return fitting(make, lambda lost: analysed.written.pop(lost, None), most, trials, full)

    def nearer(self, analysed: Any, level: int, stream: bytes | None, plain: Seen) -> Seen:
        """What a stream says, or `plain` where that has less error; None: there is no stream."""
        if stream is None:
            return plain
        return min(self.seen(analysed, level, stream), plain, key=lambda seen: seen.mse)

    def seen(self, analysed: Original, level: int, stream: bytes, sent: bool = True) -> Seen:
        """What a decoder makes of a stream at quality `level`; one that is not to be sent need not be known to read so."""
        size = height, width = analysed.samples.shape[1:]
        known = None if sent else analysed.written.pop(stream, None)
        y = known.y if known else self.said(analysed, stream)
        if y is None:
            y = self.read(self.head(level, 0) + stream, *size)[-1]
        preview, total = self.synthesise(y, level, *size), 0.0
        for band in bands(height, width, STRIP_PIXELS, 0):
            error = preview[:, band.rows()] - analysed.samples[:, band.rows()]
            total += float(np.square(error, out=error).sum(dtype=np.float64))
        return Seen(stream, y, preview, total / preview.size)

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
