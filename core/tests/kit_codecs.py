"""Methods with one defect each, made from what `gcodec new-plugin` writes (as gcodec_kit_blocks and gcodec_kit_sharp)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from gcodec_kit_blocks.embedding import BlocksEmbedding
from gcodec_kit_sharp.reconstructor import SharpReconstructor

from gcodec.errors import PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.signals import Preview, Signal, Sketch


class Progressive(BlocksEmbedding):
    """No defect: the picture in two qualities, the last that is there counts."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return (*super().encode(analysis, quality / 2), *super().encode(analysis, quality))

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return super().decode(layers[-1:], size)

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        return b"".join(super(Progressive, self).symbols([layer], size) for layer in layers)


class AllOrNothing(Progressive):
    """Calls itself progressive and cannot do with the first layer."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        if len(layers) < 2:
            raise PayloadError("kit", "a layer is missing")
        return super().decode(layers, size)


class Stateful(BlocksEmbedding):
    """What was encoded before changes what is encoded now."""

    calls = 0

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        self.calls += 1
        return super().encode(analysis, max(quality - 0.1 * self.calls, 0))


class Remembering(BlocksEmbedding):
    """Decoding leaves something behind."""

    before = np.float32(0)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        (preview,) = super().decode(layers, size)
        assert isinstance(preview, Preview)
        pixels = np.clip(preview.pixels + self.before, 0, 1)
        self.before = np.float32(preview.pixels.mean())
        return (Preview(pixels, preview.mse),)


class Vandal(BlocksEmbedding):
    """Writes into the picture that it was given."""

    def analyse(self, pixels: Any) -> Any:
        pixels *= np.float32(0.5)
        return super().analyse(pixels)


class Drawing(BlocksEmbedding):
    """Draws from the generator that the caller may have seeded."""

    def analyse(self, pixels: Any) -> Any:
        np.random.rand()
        return super().analyse(pixels)


class Careless(BlocksEmbedding):
    """Believes its input."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        assert layers[0][0] + layers[0][1] >= 0
        return super().decode(layers, size)


class Hanging(BlocksEmbedding):
    """Damage sends it round for ever."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        try:
            return super().decode(layers, size)
        except PayloadError:
            while True:
                pass


class Greedy(BlocksEmbedding):
    """Allocates what damaged bytes ask for."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        try:
            return super().decode(layers, size)
        except PayloadError:
            return (Preview(np.zeros((3, 1 << 16, 1 << 14), np.float32), 0.0),)


class Crashing(BlocksEmbedding):
    """Damage ends the process."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        try:
            return super().decode(layers, size)
        except PayloadError:
            os.abort()


class Boastful(BlocksEmbedding):
    """States a tenth of its error."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        (preview,) = super().decode(layers, size)
        assert isinstance(preview, Preview)
        return (replace(preview, mse=preview.mse / 10),)


class Double(BlocksEmbedding):
    """Returns float64."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        (preview,) = super().decode(layers, size)
        assert isinstance(preview, Preview)
        return (replace(preview, pixels=preview.pixels.astype(np.float64)),)


class Unclipped(BlocksEmbedding):
    """Leaves [0, 1]."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        (preview,) = super().decode(layers, size)
        assert isinstance(preview, Preview)
        return (replace(preview, pixels=preview.pixels * np.float32(1.1)),)


class Backwards(BlocksEmbedding):
    """Quality 1 is the worst."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return super().encode(analysis, 1 - quality)


class Underestimating(BlocksEmbedding):
    """Estimates what it should know."""

    def sizes(self, analysis: Any, quality: float) -> tuple[int, ...]:
        return tuple(len(layer) - 1 for layer in self.encode(analysis, quality))


class Whispering(BlocksEmbedding):
    """The decoder needs to know the encoder's option."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        (preview,) = super().decode(layers, size)
        assert isinstance(preview, Preview)
        turned = preview.pixels if self.setup.options["turn"] else 1 - preview.pixels
        return (replace(preview, pixels=turned),)

    def analyse(self, pixels: Any) -> Any:
        return super().analyse(pixels if self.setup.options["turn"] else 1 - pixels)


class Threaded(BlocksEmbedding):
    """The number of threads decides bits."""

    def encode(self, analysis: Any, quality: float) -> tuple[bytes, ...]:
        return super().encode(analysis, quality / int(os.environ.get("OMP_NUM_THREADS", 3)))


class Hashing(BlocksEmbedding):
    """Its symbols are those of this process."""

    def symbols(self, layers: Sequence[bytes], size: Size) -> bytes:
        return hash(super().symbols(layers, size)).to_bytes(8, "little", signed=True)


def shaded(signals: tuple[Signal, ...], amount: float) -> tuple[Signal, ...]:
    """The preview, darker by up to a hundredth: by what is no business of a decoder."""
    (preview,) = signals
    assert isinstance(preview, Preview)
    return (replace(preview, pixels=preview.pixels * np.float32(1 - amount % 1 / 100)),)


class Homely(BlocksEmbedding):
    """Decodes otherwise where somebody else is at home."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return shaded(super().decode(layers, size), crc32(str(Path.home()).encode()) / 2**32)


class Punctual(BlocksEmbedding):
    """Decodes otherwise on another day."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return shaded(super().decode(layers, size), time.time() // 86_400 / 7919)


class Dated(BlocksEmbedding):
    """Decodes otherwise in another year."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return shaded(super().decode(layers, size), datetime.now().year / 97)


class Zoned(BlocksEmbedding):
    """Decodes otherwise in another time zone."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return shaded(super().decode(layers, size), time.timezone / 100_000)


class Salted(BlocksEmbedding):
    """Its signals are those of this process."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        return shaded(super().decode(layers, size), hash("salt") / 2**61)


class Narrow(BlocksEmbedding):
    """Was never tried on a real photograph."""

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        if max(size) > 512:
            raise PayloadError("kit", "who has such pictures?")
        return super().decode(layers, size)


class Unseeded(SharpReconstructor):
    """Draws noise from elsewhere."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        noise = np.random.default_rng().normal(0, 0.1, (3, *size))
        made = super().reconstruct(signals, size) + noise
        return made.clip(0, 1).astype(np.float32)


class Wandering(SharpReconstructor):
    """Makes another picture elsewhere."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        here = crc32(str(Path.cwd()).encode()) / 2**32
        return super().reconstruct(signals, size) * np.float32(0.4 + 0.6 * here)


class Cramped(SharpReconstructor):
    """Was never tried on a real photograph."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        return super().reconstruct(signals, size)[:, :512, :512]


class Overshooting(SharpReconstructor):
    """Forgets to clip."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        return super().reconstruct(signals, size) * np.float32(1.5)


class Scribbling(SharpReconstructor):
    """Works in the arrays that it was lent."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        preview = signals["preview"]
        assert isinstance(preview, Preview)
        return np.multiply(preview.pixels, np.float32(0.9), out=preview.pixels)


class Inventing(SharpReconstructor):
    """Has nothing to do with the preview."""

    def reconstruct(self, signals: Mapping[str, Signal], size: Size) -> Any:
        return 1 - super().reconstruct(signals, size)


class Mingling(SharpReconstructor):
    """Takes several pictures at once, and confounds them."""

    def reconstruct_all(self, several: Sequence[Mapping[str, Signal]], size: Size) -> Any:
        return [self.reconstruct(signals, size) for signals in reversed(several)]


def wrong_type(preview: Preview, size: Size, setup: Setup) -> Signal:
    """Adapter that promises tokens."""
    return Sketch(preview.pixels[:1])


def too_small(preview: Preview, size: Size, setup: Setup) -> Signal:
    """Adapter to a sketch of half the size."""
    return Sketch(preview.pixels[:1, ::2, ::2])
