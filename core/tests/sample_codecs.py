"""Small real codecs: a picture averaged over blocks, in bytes; and reconstructors that show what reached them."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gcodec.errors import PayloadError
from gcodec.interfaces import Embedding, Reconstructor, Setup, Size
from gcodec.signals import Preview, Signal, Sketch, Text

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

#: Block sides, from quality 0 to 1.
SIDES = (64, 32, 16, 8, 4, 2, 1)


def _averaged(pixels: FloatArray, side: int) -> FloatArray:
    """Return the means of blocks of side x side pixels, [3, ceil(H/side), ceil(W/side)]."""
    rows = np.arange(0, pixels.shape[1], side)
    columns = np.arange(0, pixels.shape[2], side)
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, 1), columns, 2)
    heights = np.diff([*rows, pixels.shape[1]])[:, None]
    widths = np.diff([*columns, pixels.shape[2]])
    return (sums / (heights * widths)).astype(np.float32)


def _spread(blocks: FloatArray, side: int, size: Size) -> FloatArray:
    """Undo `_averaged`, each block in its mean."""
    return blocks.repeat(side, 1).repeat(side, 2)[:, : size.height, : size.width]


class Tiny(Embedding):
    """One byte of block side, one of levels less one, then the blocks' means, a byte each."""

    gain = 1.0

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        side = SIDES[round(quality * (len(SIDES) - 1))]
        levels = self.setup.options.get("levels", 256)
        values = _averaged(analysis, side) * self.gain * (levels - 1)
        return (struct.pack("BB", side, levels - 1) + values.round().astype(np.uint8).tobytes(),)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        (data,) = layers
        if len(data) < 2 or data[0] not in SIDES or not data[1]:
            raise PayloadError("tiny", "its parameters are impossible")
        side = data[0]
        shape = (3, -(-size.height // side), -(-size.width // side))
        values = np.frombuffer(data, np.uint8, offset=2).astype(np.float32)
        if values.size != np.prod(shape) or values.max() > data[1]:
            raise PayloadError("tiny", f"{values.size} values are not those of {shape}")
        blocks = values.reshape(shape) / np.float32(data[1] * self.gain)
        return (Preview(np.clip(_spread(blocks, side, size), 0, 1), 0.01),)


class Layered(Embedding):
    """Four layers of two bits a pixel, the most significant first."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        values = (analysis * 255).round().astype(np.uint8)
        return tuple((values >> shift & 3).tobytes() for shift in (6, 4, 2, 0))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        values = np.zeros((3, *size), np.float32)
        for layer, shift in zip(layers, (6, 4, 2, 0), strict=False):
            plane = np.frombuffer(layer, np.uint8)
            if plane.size != values.size:
                raise PayloadError("test/layered", "a layer has the wrong length")
            values += plane.reshape(values.shape) * np.float32(1 << shift)
        return (Preview(values / 255, 0.0),)


class Weighted(Tiny):
    """`Tiny` with a gain that is in the weights: without the right ones the brightness is wrong."""

    @property
    def gain(self) -> float:  # type: ignore[override]
        assert self.setup.model is not None
        return float(self.setup.model.tensors()["gain"][0])


#: Models that `find` knows: digest by name.
ELSEWHERE: dict[str, str] = {}


def find(wanted: str, fetch: bool, options: Mapping[str, Any]) -> str | None:
    return ELSEWHERE.get(f"fetch {wanted}" if fetch else wanted)


class Slow(Tiny):
    """Says on standard output that it works, and then takes a minute."""

    def analyse(self, pixels: FloatArray) -> Any:
        print("working", flush=True)
        time.sleep(60)
        return pixels


class Defect(Tiny):
    """Fails as only a programming mistake does."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        raise ZeroDivisionError("a mistake\nin two lines")


class Words(Embedding):
    """A caption."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return (b"a picture",)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return (Text(layers[0].decode("ascii", "replace")),)


class Grain(Reconstructor):
    """The preview under noise that the seed keys."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        preview = signals["preview"]
        assert isinstance(preview, Preview)
        options = self.setup.options
        amount = 0 if options["mode"] == "none" else options["amount"]
        # Any function of the seed shows whether the seed arrived.
        noise = np.random.Generator(np.random.Philox(self.setup.run.seed)).random(size)
        pixels = np.clip(preview.pixels + amount * (noise.astype(np.float32) - 0.5), 0, 1)
        return (1 - pixels if options["invert"] else pixels).astype(np.float32)


def inked(preview: Preview, size: Size, setup: Setup) -> Sketch:
    """Adapter preview -> sketch: edges everywhere."""
    return Sketch(np.ones((1, *size), np.float32))


class Outline(Reconstructor):
    """The sketch in white on black."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> FloatArray:
        sketch = signals["sketch"]
        assert isinstance(sketch, Sketch)
        return np.repeat(sketch.edges, 3, 0)
