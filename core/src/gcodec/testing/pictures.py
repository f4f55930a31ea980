"""Test images made by integer arithmetic: the same bytes on every machine, no files, no randomness.

All makers return uint8 [H, W, 3]; `as_picture` gives what gcodec works on.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gcodec.pictures import load_image

if TYPE_CHECKING:
    from pathlib import Path

    from gcodec.pictures import Picture

__all__ = [
    "as_picture",
    "as_png",
    "blurred",
    "checkerboard",
    "flat",
    "gray",
    "noise",
    "photograph",
    "write_photographs",
]

Image: TypeAlias = NDArray[np.uint8]
_Ints: TypeAlias = NDArray[np.int64]


def photograph(height: int, width: int, seed: int = 0) -> Image:
    """Return something like a photograph: shaded surfaces with 1/f texture, sharp outlines, correlated colours.

    seed: another scene.
    """
    y, x = np.mgrid[:height, :width].astype(np.int64)
    relief = _relief(y, x, seed)
    # A far surface above a horizon, a near one below it, a ball before both; sides and centres in 64ths of the picture.
    horizon = height * (26 + 10 * _lattice(x // 8, x * 0, seed + 1) // 65536) // 64
    near = y > horizon
    radius = max(min(height, width) * 14 // 64, 1)
    dy, dx = y - height * 36 // 64, x - width * 24 // 64
    ball = dy * dy + dx * dx < radius * radius
    light = np.where(near, 70 + 40 * y // height, 190 - 50 * y // height)
    light = np.where(ball, 200 - 110 * (dx + dy + 2 * radius) // (4 * radius), light)
    depth = np.where(ball, 30, np.where(near, 140, 40))
    luma = light + depth * (relief - 32768) // 65536
    tint = (_value_noise(y, x, 16, seed + 2) - 32768) // 4096
    red = luma + np.where(ball, 40, np.where(near, 8, -22)) + tint
    green = luma + np.where(ball, -14, np.where(near, 12, 2))
    blue = luma + np.where(ball, -30, np.where(near, -26, 26)) - tint
    return np.asarray(np.stack([red, green, blue], axis=-1).clip(0, 255), np.uint8)


def gray(height: int, width: int) -> Image:
    """Return the photograph with three equal channels."""
    green = photograph(height, width)[..., 1:2]
    return np.repeat(green, 3, axis=-1)


def flat(height: int, width: int, value: int) -> Image:
    """Return one value everywhere."""
    return np.full((height, width, 3), value, np.uint8)


def noise(height: int, width: int) -> Image:
    """Return independent uniform samples, which no codec can predict."""
    y, x = np.mgrid[:height, :width].astype(np.int64)
    planes = [_lattice(y, x, 100 + channel) // 256 for channel in range(3)]
    return np.asarray(np.stack(planes, axis=-1), np.uint8)


def checkerboard(height: int, width: int) -> Image:
    """Return black and white pixels in turn: the highest frequency there is."""
    y, x = np.mgrid[:height, :width]
    return np.repeat(((y + x) % 2 * 255).astype(np.uint8)[..., None], 3, axis=-1)


def blurred(image: Image, radius: int = 2) -> Image:
    """Return the mean over a square window of 2 `radius` + 1 pixels a side: a stand-in for a coarse MMSE preview."""
    height, width = image.shape[:2]
    padded = np.pad(image.astype(np.int64), ((radius, radius), (radius, radius), (0, 0)), "edge")
    side = range(2 * radius + 1)
    windows = [padded[i : i + height, j : j + width] for i in side for j in side]
    total = np.sum(windows, axis=0)
    return np.asarray((total + len(side) ** 2 // 2) // len(side) ** 2, np.uint8)


def write_photographs(folder: Path, count: int, height: int, width: int) -> None:
    """Write 0.png, 1.png, ..., each another scene."""
    for seed in range(count):
        (folder / f"{seed}.png").write_bytes(as_png(photograph(height, width, seed)))


def as_png(image: Image) -> bytes:
    """Return a PNG file of uint8 [H, W, 3]."""
    from PIL import Image as Pillow

    stream = BytesIO()
    Pillow.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def as_picture(image: Image) -> Picture:
    """Return uint8 [H, W, 3] as gcodec would have read it from a file."""
    return load_image(as_png(image))


def _relief(y: _Ints, x: _Ints, seed: int) -> _Ints:
    """Value noise whose octaves weaken a little slower than 1/f, 0..65535."""
    weights = {64: 20, 32: 14, 16: 10, 8: 8, 4: 7, 2: 6}
    total = sum(w * _value_noise(y, x, p, seed + 7 * p) for p, w in weights.items())
    return np.asarray(total // sum(weights.values()))


def _value_noise(y: _Ints, x: _Ints, period: int, seed: int) -> _Ints:
    """Random values on a grid of `period` pixels, smoothly interpolated; 0..65535."""
    row, column = y // period, x // period
    v, u = _ease(y % period, period), _ease(x % period, period)
    rows = []
    for i in (0, 1):
        left, right = _lattice(row + i, column, seed), _lattice(row + i, column + 1, seed)
        rows.append(left + (right - left) * u // 65536)
    return np.asarray(rows[0] + (rows[1] - rows[0]) * v // 65536)


def _ease(offset: _Ints, period: int) -> _Ints:
    """Smoothstep 3t^2 - 2t^3 of t = offset / period, in 65536ths."""
    return offset * offset * (3 * period - 2 * offset) * 65536 // period**3


def _lattice(y: _Ints, x: _Ints, seed: int) -> _Ints:
    """Hash of integer coordinates, 0..65535 (multiply-xorshift modulo 2^32)."""
    h = (y * 668265263 + x * 374761393 + seed * 2246822519) % 2**32
    h = (h ^ (h >> 13)) * 1274126177 % 2**32
    return np.asarray((h ^ (h >> 16)) & 0xFFFF)
