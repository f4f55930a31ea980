"""The linear mode: from samples to a payload and back, given the tensors of its model.

Normative: spec/embeddings/ntc.md, section 8. A payload is the byte 255, the measured squared error of the preview, a step
and one stream of `gcodec.entropy`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import Decoder, Encoder, rounded
from gcodec.entropy.integers import Ints
from gcodec.errors import PayloadError
from gcodec.signals import unpack_mse
from gcodec_ntc.codec import BLOCK, NAME, FloatArray, Original, PayloadCodec
from gcodec_ntc.linear.contexts import KNOT, STEPS, Contexts, Values, Visit
from gcodec_ntc.linear.transform import Lapped
from gcodec_ntc.rounding import Rounding

__all__ = ["MARK", "Coefficients", "LinearCodec", "width_of"]

MARK = 255  # the level that stands for this mode
HEAD = 3  # bytes before the stream
COARSEST = 32.0  # quantization step, in samples of 0 to 255


@dataclass(frozen=True, eq=False)
class Coefficients(Original):
    """An image's coefficients, `Lapped.coefficients`."""

    coefficients: FloatArray


class LinearCodec(PayloadCodec):
    """Encoder and decoder; levels are steps, 0 the coarsest. `tensors` and `trade` are a model's.

    Raises KeyError and InvalidArgument for tensors of another kind.
    """

    levels = STEPS

    def __init__(self, tensors: Mapping[str, NDArray[Any]], trade: float) -> None:
        self.contexts, self.lapped = Contexts(tensors), Lapped(tensors)
        self.rounding = Rounding(self.contexts.tables, trade)

    def analyse(self, samples: FloatArray) -> Coefficients:
        """Coefficients of float32 [3, H, W] in [0, 1]."""
        return Coefficients(samples, self.lapped.coefficients(samples))

    def quantize(
        self, analysed: Coefficients, step: int, visitor: Callable[[Visit, Ints], None]
    ) -> Values:
        """Choose all symbols at a step; `visitor` sees each batch with its symbols.

        Returns the coefficients in steps, int16 [3, 16, 16, h * w].
        """
        scale = np.float32(1 / width_of(step))

        def choose(visit: Visit) -> Ints:
            wanted = analysed.coefficients[visit.where] * scale
            if visit.chain:
                symbols = visit.differences(rounded(wanted))
            else:
                symbols = self.rounding(wanted - visit.mean, visit.index)
            visitor(visit, symbols)
            return symbols

        return self.contexts.code(step, *_blocks(*analysed.samples.shape[1:]), choose)

    def stream(self, analysed: Coefficients, level: int) -> bytes:
        """The entropy-coded symbols."""
        encoder = Encoder(self.contexts.tables)
        self.quantize(analysed, level, lambda visit, s: encoder.put(s, visit.index))
        return encoder.finish()

    def head(self, level: int, error: int) -> bytes:
        """What stands before the stream; error as `gcodec.signals.pack_mse` makes it."""
        return bytes([MARK, error, level])

    def read(self, payload: bytes, height: int, width: int) -> tuple[int, float, Ints, Values]:
        """Step, squared error, nothing, and coefficients, int16 [3, 16, 16, h * w], of a payload.

        Integer arithmetic only. Raises PayloadError for what `encode` cannot have written.
        """
        step, error, stream = self.parts(payload)
        decoder = Decoder(self.contexts.tables, stream, NAME)
        values = self.contexts.code(step, *_blocks(height, width), lambda v: decoder.get(v.index))
        decoder.finish()
        return step, error, np.zeros(0, np.int32), values

    def synthesise(self, y: NDArray[Any], level: int, height: int, width: int) -> FloatArray:
        """Preview, float32 [3, height, width] in [0, 1], of coefficients in steps."""
        return self.lapped.samples(y, width_of(level), height, width)

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
