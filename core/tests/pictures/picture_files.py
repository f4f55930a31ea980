"""Files of pictures that the tests of this folder read, and a picture that they write."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from gcodec.pictures import Picture

RGB = np.random.default_rng(7).integers(0, 256, (13, 17, 3), dtype=np.uint8)
ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png16(samples: np.ndarray) -> bytes:
    """A 16-bit PNG, which Pillow cannot write for more than one channel; every row has another filter."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8).astype(int)
    text = b""
    for y, row in enumerate(rows):
        left = np.concatenate([np.zeros(2 * channels, int), row[: -2 * channels]])
        above = rows[y - 1] if y else np.zeros_like(row)
        guess = (np.zeros_like(row), left, above)[y % 3]
        text += bytes([y % 3]) + ((row - guess) % 256).astype(np.uint8).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(text)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def eight(picture: Picture) -> np.ndarray:
    return np.rint(picture.pixels * 255).astype(np.uint8).transpose(1, 2, 0)


@cache  # a profile holds the second in which it was made
def profile(kind: str = "sRGB") -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()  # type: ignore[arg-type]


def adobe_like() -> bytes:
    """The sRGB profile with red and blue primaries exchanged: certainly not sRGB, and valid."""
    data = bytearray(profile())
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * data[131], 12)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    data[red + 4 : red + 8], data[blue + 4 : blue + 8] = (
        data[blue + 4 : blue + 8], data[red + 4 : red + 8],
    )  # fmt: skip
    return bytes(data)


def photo(**changes: Any) -> Picture:
    pixels = RGB.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    return Picture(**{"pixels": pixels, **changes})
