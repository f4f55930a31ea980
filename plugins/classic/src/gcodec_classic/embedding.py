"""The embeddings: one class, and a codec for each name.

    layer  flags (1) | squared error of the preview (1, `gcodec.signals.pack_mse`) | body

spec/embeddings has a text for each codec, which is normative. The low two bits of the flags give the form of the body: 0 the
codec's own file as it is, others what the codec's module says. The encoder decodes what it wrote. It keeps a stripped form
only if the restored stream gives the same samples as the file, and measures the squared error on them. Grayscale pictures
(three equal planes) are coded as one plane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from gcodec.errors import ImageError, PayloadError
from gcodec.interfaces import Embedding, Setup, Size
from gcodec.pictures import jxl_size, pillow_guard
from gcodec.signals import Preview, Signal, pack_mse, unpack_mse
from gcodec_classic import _avif, _jpeg, _jxl, _webp
from gcodec_classic._stream import FORM, WHOLE, Stream

if TYPE_CHECKING:
    from gcodec.signals import FloatArray

__all__ = ["Avif", "Classic", "Jpeg", "Jxl", "Webp"]

#: Below this a squared error is the rounding of float32, not of the codec.
_EXACT = 1e-12


@dataclass(frozen=True)
class Codec:
    """A codec as functions: `compress` an 8-bit image (mode RGB or L), `restore` its file from flags and body."""

    name: str
    format: str
    compress: Callable[[Image.Image, float, dict[str, Any]], Stream]
    restore: Callable[[int, bytes, Size], bytes]


@dataclass(frozen=True, eq=False)
class Analysis:
    """What all rates have in common: the original, and its 8-bit image."""

    pixels: FloatArray
    image: Image.Image


class Classic(Embedding):
    """A classical codec as stage 1."""

    codec: ClassVar[Codec]

    def analyse(self, pixels: FloatArray) -> Analysis:
        samples = (np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8)
        gray = np.array_equal(samples[0], samples[1]) and np.array_equal(samples[0], samples[2])
        shown = samples[0] if gray else np.ascontiguousarray(samples.transpose(1, 2, 0))
        return Analysis(pixels, Image.fromarray(shown))

    def encode(self, analysis: Analysis, quality: float) -> tuple[bytes, ...]:
        codec, image = self.codec, analysis.image
        size = Size(image.height, image.width)
        try:
            with pillow_guard(size.height * size.width):
                stream = codec.compress(image, quality, dict(self.setup.options))
        except (OSError, ValueError, RuntimeError, OverflowError) as error:
            reason = f"{codec.format} cannot code {image.width}x{image.height} pixels: {error}"
            raise ImageError("the image", reason) from error
        samples = _decode(codec, stream.file, size)
        if stream.flags & FORM != WHOLE and not _restores(codec, stream, samples, size):
            stream = Stream(stream.file, WHOLE, stream.file)
        mse = _squared_error(_planes(samples), analysis.pixels)
        return (bytes([stream.flags, pack_mse(mse)]) + stream.body,)

    def decode(self, layers: Sequence[bytes], size: Size) -> tuple[Signal, ...]:
        codec = self.codec
        try:
            if len(layers) != 1:
                raise ValueError(f"{len(layers)} layers instead of one")
            layer = layers[0]
            if len(layer) < 2:
                raise ValueError("a payload of fewer than two bytes")
            flags, mse, body = layer[0], unpack_mse(layer[1]), layer[2:]
            if flags & FORM != WHOLE:
                file = codec.restore(flags, body, size)
            elif flags == WHOLE:
                file = body
            else:
                raise ValueError(f"unknown flags {flags:#x}")
            samples = _decode(codec, file, size)
        # Pillow raises nearly everything on damaged streams: OSError, SyntaxError, struct.error, MemoryError...
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise PayloadError(codec.name, reason) from error
        return (Preview(_planes(samples), mse),)


class Jpeg(Classic):
    codec = Codec("jpeg", _jpeg.FORMAT, _jpeg.compress, _jpeg.restore)


class Webp(Classic):
    codec = Codec("webp", _webp.FORMAT, _webp.compress, _webp.restore)


class Avif(Classic):
    codec = Codec("avif", _avif.FORMAT, _avif.compress, _avif.restore)


class Jxl(Classic):
    codec = Codec("jxl", _jxl.FORMAT, _jxl.compress, _jxl.restore)

    def __init__(self, setup: Setup) -> None:
        import pillow_jxl  # noqa: F401  (registers itself with Pillow)

        super().__init__(setup)


def _decode(codec: Codec, file: bytes, size: Size) -> NDArray[np.uint8]:
    """Return the samples, [H, W, 3] or [H, W]. Raises anything at all for a bad stream."""
    # Pillow's JPEG XL plugin decodes as it opens, so what the stream declares has to be looked at before.
    if codec.format == "JXL" and jxl_size(file) != size:
        raise ValueError("the stream is of another size than the file says")
    if codec.format == _jpeg.FORMAT and file.count(_jpeg.SOS) > _jpeg.MOST_SCANS:
        raise ValueError(f"more than {_jpeg.MOST_SCANS} scans")
    with pillow_guard(size.height * size.width):
        try:
            image = Image.open(BytesIO(file), formats=[codec.format])
        except UnidentifiedImageError as error:  # whose text is the address of an object
            raise ValueError(f"no {codec.format} file") from error
        if (image.height, image.width) != size:
            raise ValueError("the stream is of another size than the file says")
        if getattr(image, "n_frames", 1) != 1:
            raise ValueError("the stream holds more than one picture")
        if image.mode not in ("RGB", "L"):
            raise ValueError(f"the stream holds {image.mode} samples")
        return np.asarray(image)


def _restores(codec: Codec, stream: Stream, samples: NDArray[np.uint8], size: Size) -> bool:
    """Whether the stripped form gives the same samples as the codec's own file."""
    try:
        restored = codec.restore(stream.flags, stream.body, size)
        return restored == stream.file or np.array_equal(_decode(codec, restored, size), samples)
    except Exception:  # what cannot even be decoded does not restore
        return False


def _planes(samples: NDArray[np.uint8]) -> FloatArray:
    planes = samples.reshape(*samples.shape[:2], -1).transpose(2, 0, 1)
    return np.repeat(planes, 3 // len(planes), axis=0).astype(np.float32) / np.float32(255)


def _squared_error(a: FloatArray, b: FloatArray) -> float:
    error = float(np.mean(np.square(a - b), dtype=np.float64))
    return 0.0 if error < _EXACT else error
