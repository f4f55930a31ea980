"""The linear mode: from samples to a payload and back, given the tensors of its model.

Normative: spec/embeddings/ntc.md, section 8. A payload is the byte 255, the measured squared error of the preview, a step
and one stream of `gcodec.entropy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, Encoder, rounded
from gcodec.entropy.integers import Ints
from gcodec.errors import PayloadError
from gcodec.signals import unpack_mse
from gcodec_ntc import exact
from gcodec_ntc.linear.contexts import KNOT, STEPS, Contexts, Values, Visit
from gcodec_ntc.linear.transform import Lapped
from gcodec_ntc.payload import BLOCK, NAME, SEEN, FloatArray, Original, PayloadCodec, Seen
from gcodec_ntc.rounding import Rounding, bits, compact
from gcodec_ntc.samples import Samples, error_of, kept

__all__ = ["MARK", "Coefficients", "LinearCodec", "width_of"]

MARK = 255  # the level that stands for this mode
HEAD = 3  # bytes before the stream
COARSEST = 32.0  # quantization step, in samples of 0 to 255

#: How far coefficients go of Newton's step; what is made of the weight of error then, so that most streams fit at the first
#: trial; trials, and the part of the bytes of the first choice that ends them.
_PART, _MILDER, _TRIALS, _FULL = np.float32(0.6), 0.95, 3, 0.97


@dataclass(frozen=True, eq=False)
class Coefficients(Original):
    """An image to be transformed.

    least  bytes that a payload has at least, by level, where `LinearCodec.reaches` found that out.
    """

    lapped: Lapped
    least: dict[int, int] = field(default_factory=dict, init=False)
    _found: list[FloatArray] = field(default_factory=list, init=False)

    @property
    def coefficients(self) -> FloatArray:
        """`Lapped.coefficients`."""
        if not self._found:
            self._found.append(self.lapped.coefficients(self.samples))
        return self._found[0]

    def take(self) -> FloatArray:
        """The same, which the caller may write into: whoever asks again has to wait."""
        coefficients = self.coefficients
        self._found.clear()
        return coefficients


class LinearCodec(PayloadCodec):
    """Encoder and decoder; levels are steps, 0 the coarsest. `tensors` and `trade` are a model's.

    Raises KeyError and InvalidArgument for tensors of another kind.
    """

    levels = STEPS
    keeps = 1  # it is large

    def __init__(self, tensors: Mapping[str, NDArray[Any]], trade: float) -> None:
        self.contexts, self.lapped = Contexts(tensors), Lapped(tensors)
        self._matrices = {name: tensors[f"linear.{name}"] for name in exact.MATRICES}
        self.tables = self.contexts.tables
        self.rounding = Rounding(self.tables, trade)

    def analyse(self, samples: FloatArray | Samples) -> Coefficients:
        """Coefficients of float32 [3, H, W] in [0, 1]."""
        return Coefficients(kept(samples), self.lapped)

    def better(self, analysed: Coefficients, level: int, plain: Seen) -> Seen:
        """What is chosen when the picture that `plain` gives has been seen, or `plain`."""
        return self.nearer(analysed, level, self._improved(analysed, level, plain), plain)

    def _improved(self, analysed: Coefficients, level: int, plain: Seen) -> bytes | None:
        """A stream of that; None: there is none. What `plain` shows is taken."""
        wanted, trade = analysed.take(), self.rounding.trade * _MILDER
        self._move(wanted, *plain.take(), analysed, level)

        def made(weight: float) -> bytes:
            return self._written(
                analysed,
                lambda visitor: self.quantize(analysed, level, visitor, wanted, trade * weight),
            )

        return self.fitting(analysed, made, len(plain.stream), _TRIALS, _FULL)

    def _move(
        self,
        wanted: FloatArray,
        chosen: NDArray[Any],
        preview: FloatArray,
        analysed: Coefficients,
        level: int,
    ) -> None:
        """Make of coefficients those to round instead: see `gcodec_ntc.feedback`; functions have norm 1 here."""
        width = np.float32(width_of(level))
        for some, slope in self.lapped.slope(error_of(preview, analysed.samples)):
            np.subtract(chosen[..., some] * width, slope, out=slope)
            slope -= wanted[..., some]
            slope *= _PART
            wanted[..., some] += slope

    def quantize(
        self,
        analysed: Coefficients,
        step: int,
        visitor: Callable[[Visit, Ints], None],
        coefficients: FloatArray | None = None,
        trade: float | None = None,
    ) -> Values:
        """Choose all symbols at a step; `visitor` sees each batch with its symbols.

        Coefficients and the weight of error are those of the picture and of the model unless others are given.
        Returns the coefficients in steps, int16 [3, 16, 16, h * w].
        """
        scale = np.float32(1 / width_of(step))
        given = analysed.coefficients if coefficients is None else coefficients

        def choose(visit: Visit) -> Ints:
            wanted = given[visit.where] * scale
            if visit.chain:
                symbols = visit.differences(rounded(wanted))
            else:
                symbols = self.rounding(wanted - visit.mean, visit.index, trade)
            visitor(visit, symbols)
            return symbols

        return self.contexts.code(step, *_blocks(*analysed.samples.shape[1:]), choose)

    def stream(self, analysed: Coefficients, level: int) -> bytes:
        """The entropy-coded symbols."""
        return self._written(analysed, lambda visitor: self.quantize(analysed, level, visitor))

    def about(self, analysed: Coefficients, level: float) -> float:
        """As `PayloadCodec.about`: coefficients that will not be 0 take 0.55 bytes, 0.5 to 0.6 in most pictures."""
        if not analysed.counts:
            least = [np.float32(SEEN * width_of(step)) for step in range(0, STEPS, KNOT // 2)]
            counts = np.zeros(len(least), np.int64)
            for rows in analysed.coefficients.reshape(3 * BLOCK, -1):
                size = np.abs(rows)
                counts += [np.count_nonzero(size > each) for each in least]
            analysed.counts.extend(map(int, counts))
        return HEAD + 0.55 * analysed.share(level / (STEPS - 1))

    def reaches(self, analysed: Coefficients, level: int, size: int) -> bool:
        """Whether the payload has so many bytes or more.

        Most of a photograph's bits are those of few low frequencies, which come first: where these alone take more, the rest
        is left out. The bits of symbols under their tables add up to the stream's but for a word, and an escape takes
        five bits and more. A quarter more bytes are asked for, so that to ask about a few more costs nothing.
        """
        if level not in analysed.streams and analysed.least.get(level, 0) < size:
            encoder, spent, enough = Encoder(self.tables), 0.0, 10.0 * size + 512
            batches: list[tuple[NDArray[Any], NDArray[np.uint8]]] = []

            def visitor(visit: Visit, symbols: Ints) -> None:
                nonlocal spent
                batches.append((compact(symbols), visit.index))
                spent += bits(self._costs, symbols, visit.index)
                if spent > enough:
                    raise StopIteration  # more bits than were asked about

            try:
                self.quantize(analysed, level, visitor)
            except StopIteration:
                analysed.least[level] = size + size // 4
            else:
                batches.reverse()
                while batches:  # what the encoder has taken is let go of
                    encoder.put(*batches.pop())
                analysed.streams[level] = encoder.finish()
        return level not in analysed.streams or self.size(analysed, level) >= size

    @cached_property
    def _costs(self) -> NDArray[np.float32]:
        """The fewest bits of each |symbol| under each table, [tables, reach + 1]."""
        escapes = [self.tables.bits(index)[-1] + 5 for index in range(len(self.tables))]
        return np.minimum(self.rounding.cost, np.array(escapes, np.float32)[:, None])

    def head(self, level: int, error: int) -> bytes:
        """What stands before the stream; error as `gcodec.signals.pack_mse` makes it."""
        return bytes([MARK, error, level])

    def read(self, payload: bytes, height: int, width: int) -> tuple[int, float, Ints, Values]:
        """Step, squared error, nothing, and coefficients, int16 [3, 16, 16, h * w], of a payload.

        Integer arithmetic only. Raises PayloadError for what `encode` cannot have written.
        """
        step, error, stream = self.parts(payload)
        decoder = Decoder(self.tables, stream, NAME)
        values = self.contexts.code(
            step,
            *_blocks(height, width),
            lambda v: decoder.get(v.index),
            decoder.zeros_follow,
        )
        decoder.finish()
        return step, error, np.zeros(0, np.int32), values

    def synthesise(self, y: NDArray[Any], level: int, height: int, width: int) -> FloatArray:
        """Preview, float32 [3, height, width] in [0, 1], of coefficients in steps."""
        return self.lapped.samples(y, width_of(level), height, width)

    def whole(self, y: NDArray[Any], level: int, height: int, width: int) -> NDArray[np.uint8]:
        """The same in whole numbers."""
        return exact.linear(self._matrices, y, level, height, width)

    def symbols(self, payload: bytes, height: int, width: int) -> bytes:
        """The head, and all coefficients as int16 little-endian: [3, 16, 16, h, w]."""
        return payload[:HEAD] + self.read(payload, height, width)[-1].astype("<i2").tobytes()

    @staticmethod
    def parts(payload: bytes) -> tuple[int, float, bytes]:
        """Step, squared error and stream of a payload. Raises PayloadError for one whose head is none."""
        if len(payload) < HEAD:
            raise PayloadError(NAME, f"{len(payload)} bytes; at least {HEAD} are needed")
        if payload[2] >= STEPS:
            raise PayloadError(NAME, f"step {payload[2]}; the last there is is {STEPS - 1}")
        return payload[2], unpack_mse(payload[1]), payload[HEAD:]


def width_of(step: float) -> float:
    """The quantization step that a number stands for, in samples of 0 to 255."""
    return float(COARSEST * 2 ** (-step / KNOT))


def _blocks(height: int, width: int) -> tuple[int, int]:
    return -(-height // BLOCK), -(-width // BLOCK)
