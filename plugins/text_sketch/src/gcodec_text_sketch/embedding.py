"""The embedding `text_sketch`: caption, edges and colours in one layer.

Text+Sketch (Lei, Uslu, Hassani and Saeedi Bidokhti 2023, "Text + Sketch: Image Compression at Ultra Low Rates") sends a
caption and, for structure, a sketch of the edges, from which a receiver's conditional diffusion model makes a picture of
the same content: PICS, and without the sketch PIC, which is quality 0 here. The thumbnail of colours is an addition: it is
a preview, so that every reconstructor has something to begin with.

spec/embeddings/text_sketch.md is normative. In short:

    layer  settings (1) | squared error of the preview (1, `gcodec.signals.pack_mse`)
           | length of the caption (1, or 2 little-endian) | caption (`gcodec.entropy.captions`)
           | thumbnail, then sketch, in one stream of `gcodec.entropy.RowEncoder`

settings: bits 0 to 4 the level, 5 a thumbnail is sent, 6 the length has two bytes (255 and less never has); 7 is 0. Level
k of 0, ..., 18 has cells of `CELLS[k]` pixels (`gcodec_text_sketch.sketch`) and colours in steps of 1 / (24 + 6 k)
(`gcodec_text_sketch.colour`). Without a thumbnail the preview is gray.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from gcodec.builtin.edges import edge_strength
from gcodec.entropy import RowDecoder, RowEncoder
from gcodec.entropy.captions import pack, unpack
from gcodec.errors import PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.models.captioning import caption_of, packed
from gcodec.signals import Preview, Signal, Sketch, Text, pack_mse, unpack_mse
from gcodec_text_sketch import colour, sketch
from gcodec_text_sketch.plugin import OTHERS

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["CELLS", "TextSketch"]

_NAME = "text_sketch"

#: Side of a sketch's cell by level, in pixels; 0 is one cell for the whole picture.
CELLS = (0, 64, 48, 40, 32, 28, 24, 20, 16, 14, 12, 11, 10, 9, 8, 7, 6, 5, 4)

#: How to spend the bytes, as `Analysis` says it. A thumbnail of fewer coefficients or a flat sketch makes room for a higher
#: level, which has more of the other.
_WAYS = (
    *((0.5, False), (0.8, False), (0.5, True), (0.8, True)),
    *((0.65, False), (0.65, True), (1.0, False), (1.0, True)),
)

_LEVEL, _COLOUR, _LONG = 0x1F, 0x20, 0x40


@dataclass(frozen=True, eq=False)
class Analysis:
    """What all levels have in common: the original [3, H, W], its edge strength [1, H, W] and its caption, packed.

    least  how many steps a coefficient of the thumbnail must be from 0 to be sent as one, 0.5 to 1.
    flat   whether all cells of the sketch get the median strength, and next to no bytes.
    """

    pixels: FloatArray
    edges: FloatArray
    caption: bytes
    least: float = colour.NEAREST
    flat: bool = False


class TextSketch(Embedding):
    """Caption, sketch and thumbnail as stage 1."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.caption = caption_of(_NAME, setup)
        self.others = [
            packed(_NAME, OTHERS.name, " ".join(text.split()))
            for text in setup.options[OTHERS.name].split("|")
            if text.strip()
        ]
        self.colours: bool = setup.options["colour"] != "off"

    def analyse(self, pixels: FloatArray) -> Analysis:
        return Analysis(pixels, edge_strength(pixels), self.caption(pixels))

    def alternatives(self, analysis: Analysis, heard: Collection[str]) -> Iterator[Analysis]:
        captions = [analysis.caption]
        if Text.kind in heard:
            words = unpack(analysis.caption, _NAME).split(" ")
            captions += [*self.others, pack(" ".join(words[: len(words) // 2])), pack("")]
        ways = [
            (least, flat)
            for least, flat in _WAYS
            if (self.colours or least == colour.NEAREST) and (Sketch.kind in heard or not flat)
        ]
        ranked = sorted(product(range(len(captions)), range(len(ways))), key=sum)
        tried = dict.fromkeys((captions[i], *ways[j]) for i, j in ranked)
        for caption, least, flat in list(tried)[1:]:
            yield replace(analysis, caption=caption, least=least, flat=flat)

    def encode(self, analysis: Analysis, quality: float) -> tuple[bytes, ...]:
        level = _level(quality)
        quantized, body = self._body(analysis, level)
        size = Size(*analysis.pixels.shape[1:])
        shown = colour.synthesize(quantized, size, _steps(level))
        error = float(np.mean(np.square(shown - analysis.pixels), dtype=np.float64))
        return (body[:1] + bytes([pack_mse(error)]) + body[1:],)

    def sizes(self, analysis: Analysis, quality: float) -> tuple[int, ...]:
        return (1 + len(self._body(analysis, _level(quality))[1]),)

    def _body(self, analysis: Analysis, level: int) -> tuple[colour.IntArray, bytes]:
        """The thumbnail's coefficients, and all of the layer but the squared error."""
        size, stream = Size(*analysis.pixels.shape[1:]), RowEncoder()
        quantized = np.zeros(0, np.int64)
        if self.colours:
            quantized = colour.analyse(analysis.pixels, _steps(level), analysis.least)
            colour.put(quantized, size, _steps(level), stream)
        cells = sketch.analyse(analysis.edges, CELLS[level])
        if analysis.flat:
            cells[:] = np.sort(cells, axis=None)[cells.size // 2]
        sketch.put(cells, stream)
        length = len(analysis.caption)
        settings = level | _COLOUR * self.colours | _LONG * (length > 0xFF)
        head = bytes([settings]) + length.to_bytes(1 + (length > 0xFF), "little")
        return quantized, head + analysis.caption + stream.finish()

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        if len(layers) != 1:
            raise PayloadError(_NAME, f"one layer is needed, not {len(layers)}")
        level, colours, error, caption, data = _take_apart(layers[0])
        text, stream = unpack(caption, _NAME), RowDecoder(data, _NAME)
        quantized = np.zeros(0, np.int64)
        if colours:
            quantized = colour.get(size, _steps(level), stream)
        strength = sketch.get(sketch.shape(size, CELLS[level]), stream)
        stream.finish()
        return (
            Text(text),
            Preview(colour.synthesize(quantized, size, _steps(level)), error),
            Sketch(sketch.synthesize(strength, size, CELLS[level])),
        )


def _level(quality: float) -> int:
    return round(quality * (len(CELLS) - 1))


def _steps(level: int) -> int:
    """Steps of the thumbnail's coefficients from 0 to 1."""
    return 24 + 6 * level


def _take_apart(layer: bytes) -> tuple[int, bool, float, bytes, bytes]:
    """(level, whether there is a thumbnail, squared error, caption, stream). Raises PayloadError."""
    if len(layer) < 3:
        raise PayloadError(_NAME, f"a layer of {len(layer)} bytes is shorter than any")
    settings, error = layer[0], unpack_mse(layer[1])
    start = 4 if settings & _LONG else 3
    length = int.from_bytes(layer[2:start], "little")
    level = settings & _LEVEL
    if settings >> 7 or level >= len(CELLS) or (settings & _LONG and length <= 0xFF):
        raise PayloadError(_NAME, f"unknown settings {settings:#x}")
    if start + length > len(layer):
        raise PayloadError(_NAME, f"a caption of {length} bytes in a layer of {len(layer)}")
    caption, data = layer[start : start + length], layer[start + length :]
    return level, bool(settings & _COLOUR), error, caption, data
