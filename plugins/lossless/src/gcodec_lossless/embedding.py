"""The embedding `lossless`: `gcodec_lossless.codec` behind the stage-1 interface. spec/embeddings/lossless.md, section 1.

A payload:

    1 byte   1: three channels (else one), 2: 16 bits (else 8), 4: rounded to 16 bits, 8: a way follows; from 16 on:
             coarseness, 0 to 15
    1 byte   squared error (`gcodec.signals.pack_mse`); 255 where there is none
    1 byte   the way (`gcodec_lossless.codec`), if the bit 8 says so
    4 bytes  the first of the SHA-256 of the companion's picture, if the way is one that sees it
    rest     one stream of rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import InvalidArgument, PayloadError, UsageError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.signals import Preview, Signal, pack_mse, unpack_mse
from gcodec_lossless.beside import MARK, Beside
from gcodec_lossless.beside import MODEL as BESIDE_MODEL
from gcodec_lossless.codec import (
    BESIDE,
    NAME,
    PLAIN,
    REPEATS,
    WAYS,
    Coded,
    read,
    written,
)
from gcodec_lossless.features import ORDER
from gcodec_lossless.network import CLASS, Network
from gcodec_lossless.waves import Ints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gcodec.models import Model
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
        if self.step == 1:
            return sent
        found: Ints = np.minimum(sent.astype(np.int64) * self.step, self.top)
        return found

    def pixels(self, samples: Ints) -> FloatArray:
        """Samples [channels, H, W] in coding order as float32 [3, H, W] in [0, 1]."""
        made = np.empty((3, *samples.shape[1:]), np.float32)
        for plane, index in zip(made, ORDER if self.flags & _COLOUR else (0, 0, 0), strict=True):
            plane[:] = samples[index]
            # As `Picture.from_array` does: the product may round to a hair more than 1.
            plane *= np.float32(1 / self.top)
            np.minimum(plane, np.float32(1), out=plane)
        return made


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
        self._network = _network(setup.weights("lossless", "base/lossless"))

    def analyse(self, pixels: FloatArray) -> _Analysed:
        """Samples of float32 [3, H, W] in [0, 1]: of 8 bits if they are, of 16 otherwise."""
        if self.setup.beside and self._seen is None:
            names = ", ".join(f"`{name}`" for name in self.setup.exact)
            raise UsageError(
                f"lossless cannot build on a companion of {names}, whose picture may differ in the last digit from machine"
                " to machine; give one of `ntc`, with its own models, or none"
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
        beside = self._beside(head) if self._seen is not None else None
        coded = written(self._network, sent, head.most, beside)
        flags = head.flags if coded.way == PLAIN else head.flags | _WAY
        begin = bytes([flags | coarseness << 4, pack_mse(error)])
        if flags & _WAY:
            begin += bytes([coded.way])
        if beside and coded.way & BESIDE:
            begin += beside.mark
        return (begin + coded.stream,)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        """Return the picture, as a preview."""
        head, error, samples = self._read(layers, size)
        return (Preview(head.pixels(samples), error),)

    def alone(self, layers: Sequence[bytes]) -> bool:
        """Whether they were coded under the law that sees no companion."""
        _, _, coded = self._coded(layers)
        return not coded.way & BESIDE

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        """What stands before the stream, then the samples: [green, red, blue] or one channel, uint16 little-endian."""
        _, _, samples = self._read(layers, size)
        begin = layers[0][: 3 if layers[0][0] & _WAY else 2]
        if len(begin) == 3 and begin[2] & BESIDE:
            begin = layers[0][: 3 + MARK]
        return begin + samples.astype("<u2").tobytes()

    @cached_property
    def _seen(self) -> NDArray[np.uint8] | None:
        """The exact picture of the first companion that has one."""
        found = (exact() for exact in self.setup.exact.values())
        return next((picture for picture in found if picture is not None), None)

    @cached_property
    def _second(self) -> Network:
        """The law that sees a companion."""
        return _network(self.setup.run.models.find(BESIDE_MODEL), beside=True)

    def _beside(self, head: _Head) -> Beside:
        if self._seen is None:
            why = (
                "it was made with a companion that is not in the file; decode it with that, an `ntc`: `gcodec decode"
                " --companion FILE`, or companions=[FILE] in Python"
            )
            raise PayloadError(NAME, why)
        return Beside(self._second, self._seen, head.top, head.step)

    def _coded(self, layers: Sequence[bytes]) -> tuple[_Head, float, Coded]:
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
            if coded.way not in WAYS or not (plain or coded.way in (REPEATS, BESIDE)):
                raise PayloadError(
                    NAME, f"a payload of the way {coded.way}, of none, or that it cannot go"
                )
        return head, unpack_mse(error), coded

    def _read(self, layers: Sequence[bytes], size: Size) -> tuple[_Head, float, Ints]:
        head, error, coded = self._coded(layers)
        channels = 3 if head.flags & _COLOUR else 1
        beside = None
        if coded.way & BESIDE:
            beside = self._beside(head)
            mark, stream = coded.stream[:MARK], coded.stream[MARK:]
            if mark != beside.mark:
                raise PayloadError(NAME, "made with another companion; give that one")
            coded = Coded(coded.way, stream)
        sent = read(self._network, coded, channels, size.height, size.width, head.most, beside)
        return head, error, head.samples(sent)


def _network(model: Model, beside: bool = False) -> Network:
    sizes = model.config.get("network")
    sees = bool(isinstance(sizes, dict) and sizes.get("beside"))
    with model.taken_as("the weights of `lossless`"):
        if model.class_name != CLASS:
            raise InvalidArgument(f"its config.json is of class {model.class_name}, not {CLASS}")
        if sees != beside:
            which = "with" if beside else "without"
            raise InvalidArgument(f"its config.json is not that of a law {which} a companion")
        return Network(model.tensors(), beside)
