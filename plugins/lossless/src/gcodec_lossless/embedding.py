"""The embedding `lossless`: `gcodec_lossless.codec` behind the stage-1 interface. spec/embeddings/lossless.md, section 1.

A payload:

    1 byte   1: three channels (else one), 2: 16 bits (else 8), 4: rounded to 16 bits, 8: a way follows; from 16 on:
             coarseness, 0 to 15
    1 byte   squared error (`gcodec.signals.pack_mse`); 255 where there is none
    1 byte   the way (`gcodec_lossless.codec`), if the bit 8 says so
    rest     one stream of rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import InvalidArgument, ModelDamaged, PayloadError, UsageError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.signals import Preview, Signal, pack_mse, unpack_mse
from gcodec_lossless.codec import NAME, ORDER, PLAIN, REPEATS, WAYS, Coded, read, written
from gcodec_lossless.network import Network
from gcodec_lossless.waves import Ints

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["COARSEST", "Lossless"]

#: The largest coarseness: samples are multiples of 31 of 255 parts.
COARSEST = 15
_COLOUR, _DEEP, _ROUNDED, _WAY = 1, 2, 4, 8
#: Samples so near to whole numbers are whole ones, in units of 1 / 65535: float32 errs by 1/256 of it, and the samples of 16
#: bits that are next to one of 8 are 1 away.
_WHOLE = 1 / 16


@dataclass(frozen=True)
class _Head:
    """What the first byte says."""

    flags: int
    coarseness: int

    @property
    def top(self) -> int:
        """The largest sample."""
        return 65535 if self.flags & _DEEP else 255

    @property
    def step(self) -> int:
        """Samples are sent as multiples of so much."""
        unit = 257 if self.flags & _DEEP else 1
        return 2 * unit * self.coarseness + 1

    @property
    def most(self) -> int:
        """The largest number that is sent."""
        return self.sent(np.array(self.top)).item()

    def sent(self, samples: Ints) -> Ints:
        """Samples as numbers."""
        found: Ints = (samples + self.step // 2) // self.step
        return found

    def samples(self, sent: Ints) -> Ints:
        """Numbers as samples."""
        found: Ints = np.minimum(sent * self.step, self.top)
        return found

    def pixels(self, samples: Ints) -> FloatArray:
        """Samples [channels, H, W] in coding order as float32 [3, H, W] in [0, 1]."""
        planes = samples[list(ORDER)] if self.flags & _COLOUR else samples[[0, 0, 0]]
        # As `Picture.from_array` does: the product may round to a hair more than 1.
        scaled = planes.astype(np.float32) * np.float32(1 / self.top)
        found: FloatArray = np.minimum(scaled, np.float32(1))
        return found


@dataclass(frozen=True)
class _Analysed:
    pixels: FloatArray
    samples: Ints
    flags: int


class Lossless(Embedding):
    """Quality 1 is exact; each of the 15 steps below lets every sample err by one more of 255 parts.

    Raises ModelMissing without a model, ModelDamaged for one that is not a `lossless` model or could overflow.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        model = setup.weights("lossless", "base/lossless")
        try:
            self._network = Network(model.tensors())
        except KeyError as error:
            raise ModelDamaged(
                model.name, f"no weights of `lossless`: {error} is missing"
            ) from error
        except InvalidArgument as error:
            raise ModelDamaged(model.name, f"not the weights of `lossless`: {error}") from error

    def analyse(self, pixels: FloatArray) -> _Analysed:
        """Samples of float32 [3, H, W] in [0, 1]: of 8 bits if they are, of 16 otherwise."""
        if self.setup.beside:
            raise UsageError(
                "lossless makes no use of a companion, which would only add its bytes; leave --companion out"
            )
        gray = bool((pixels[0] == pixels[1]).all() and (pixels[0] == pixels[2]).all())
        planes = pixels[:1] if gray else pixels[list(ORDER)]
        flags = 0 if gray else _COLOUR
        for depth, top in ((0, 255), (_DEEP, 65535)):
            scaled = planes * np.float64(top)
            samples = np.rint(scaled).astype(np.int64)
            if np.abs(scaled - samples).max() * (65535 // top) < _WHOLE:
                return _Analysed(pixels, samples, flags | depth)
        return _Analysed(pixels, samples, flags | _DEEP | _ROUNDED)

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        """Return the one layer."""
        coarseness = COARSEST - round(min(max(quality, 0.0), 1.0) * COARSEST)
        head = _Head(analysis.flags, coarseness)
        sent = head.sent(analysis.samples)
        error = 0.0
        if coarseness or analysis.flags & _ROUNDED:
            made = head.pixels(head.samples(sent))
            error = float(np.mean((made - analysis.pixels) ** 2, dtype=np.float64))
        coded = written(self._network, sent, head.most)
        flags = head.flags if coded.way == PLAIN else head.flags | _WAY
        begin = bytes([flags | coarseness << 4, pack_mse(error)])
        return (begin + (bytes([coded.way]) if flags & _WAY else b"") + coded.stream,)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the picture, as a preview."""
        head, error, samples = self._read(layers, size)
        return (Preview(head.pixels(samples), error),)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """What stands before the stream, then the samples: [green, red, blue] or one channel, uint16 little-endian."""
        _, _, samples = self._read(layers, size)
        begin = layers[0][: 3 if layers[0][0] & _WAY else 2]
        return begin + samples.astype("<u2").tobytes()

    def _read(self, layers: Sequence[bytes], size: Size) -> tuple[_Head, float, Ints]:
        if len(layers) != 1 or len(layers[0]) < 2:
            raise PayloadError(NAME, "one layer of two bytes or more is due")
        first, error = layers[0][:2]
        head = _Head(first & 7, first >> 4)
        if head.flags & (_DEEP | _ROUNDED) == _ROUNDED:
            raise PayloadError(NAME, f"a payload does not begin with {first:02X}")
        coded = Coded(PLAIN, layers[0][2:])
        if first & _WAY:
            coded = Coded(layers[0][2] if len(layers[0]) > 2 else PLAIN, layers[0][3:])
            plain = head.flags == _COLOUR and not head.coarseness
            if coded.way not in WAYS or not (plain or coded.way == REPEATS):
                raise PayloadError(
                    NAME, f"a payload of the way {coded.way}, of none, or that it cannot go"
                )
        channels = 3 if head.flags & _COLOUR else 1
        sent = read(self._network, coded, channels, size.height, size.width, head.most)
        return head, unpack_mse(error), head.samples(sent)
