"""Damaged pictures, and what a reader other than the one under test sees in them.

    for number in range(10_000):
        verdict = judge(*mutant(number))

A damaged file ends in a picture that the other reader sees too, sample for sample, or in one line. Where the file does not
show that it is damaged (a flipped bit of a JPEG's coefficients), both show the same damaged picture.
"""

from __future__ import annotations

import io
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401  (registers JPEG XL with Pillow)
import pyvips
import tifffile
from PIL import Image

from gcodec.errors import ImageError
from gcodec.pictures import Picture, load_image
from gcodec.pictures._bare import barer
from gcodec_formats import Limits

__all__ = ["Verdict", "judge", "mutant", "sources"]

LIMITS = Limits(pixels=1 << 18)

Samples = np.ndarray[Any, Any]


class Source(NamedTuple):
    """A sound file.

    other      what the other reader makes of such a file: whole numbers [H, W, C], upright; it raises what it likes.
    tolerance  largest difference in 8-bit levels: readers round the conversion from luma and chroma in other ways.
    """

    data: bytes
    other: Callable[[bytes], Samples]
    tolerance: float = 0


class Verdict(NamedTuple):
    """What became of a file: "agreed", "refused" or "fault", and why."""

    kind: str
    text: str


def picture(channels: int, bits: int = 8) -> Samples:
    """A smooth picture with some noise, [26, 37, C]."""
    rng = np.random.default_rng(3)
    smooth = np.add.outer(np.linspace(0, 0.5, 26), np.linspace(0, 0.5, 37))[..., None]
    planes = smooth * np.array([1, 0.6, 0.3, 0.9])[:channels] + 0.05 * rng.random((26, 37, 1))
    return (planes * ((1 << bits) - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def vips(data: bytes) -> Samples:
    image = pyvips.Image.new_from_buffer(data, "", fail_on="none").autorot()
    return np.asarray(image.numpy()).reshape(image.height, image.width, -1)


def vips_or_libavif(data: bytes) -> Samples:
    """libvips has libaom, which refuses some of what dav1d and every browser show; then libavif by imagecodecs is asked."""
    try:
        return vips(data)
    except pyvips.Error:
        samples = np.asarray(imagecodecs.avif_decode(data, index=0))
        if samples.dtype == np.uint16:
            samples = ((samples.astype(np.uint32) * 65535 + 511) // 1023).astype(np.uint16)
        return samples.reshape(*samples.shape[:2], -1)


def vips_or_tifffile(data: bytes) -> Samples:
    """tifffile where libtiff gives up, as it does for a broken tag that has nothing to do with the samples."""
    try:
        return vips(data)
    except pyvips.Error:
        stored = tifffile.imread(io.BytesIO(data), key=0)
        if stored.dtype == bool:
            stored = stored * np.uint8(255)
        return stored.reshape(*stored.shape[:2], -1)


def vips_or_planes(data: bytes) -> Samples:
    try:
        return vips(data)
    except pyvips.Error:
        return np.moveaxis(tifffile.imread(io.BytesIO(data), key=0), 0, -1)


def codec(name: str, **options: Any) -> Callable[[bytes], Samples]:
    def decode(data: bytes) -> Samples:
        samples = np.asarray(getattr(imagecodecs, f"{name}_decode")(data, **options))
        return samples.reshape(*samples.shape[:2], -1)

    return decode


def pnm(data: bytes) -> Samples:
    """P4, P5 and P6, as netpbm's manual has them."""
    fields: list[bytes] = []
    at = 0
    while len(fields) < (3 if data[:2] == b"P4" else 4):
        while data[at : at + 1].isspace():
            at += 1
        end = at
        if data[at : at + 1] == b"#":
            at = data.index(b"\n", at)
            continue
        while not data[end : end + 1].isspace():
            end += 1
        fields.append(data[at:end])
        at = end
    width, height = int(fields[1]), int(fields[2])
    body = data[at + 1 :]
    if fields[0] == b"P4":
        rows = np.frombuffer(body, np.uint8, height * -(-width // 8)).reshape(height, -1)
        return ((1 - np.unpackbits(rows, axis=1)[:, :width, None]) * 255).astype(np.uint8)
    top, channels = int(fields[3]), 3 if fields[0] == b"P6" else 1
    kind: Any = np.uint8 if top < 256 else ">u2"
    stored = np.frombuffer(body, kind, height * width * channels).astype(np.int64)
    full = 255 if top < 256 else 65535
    shown = (np.minimum(stored, top) * full + top // 2) // top
    return shown.reshape(height, width, channels).astype(np.uint8 if top < 256 else np.uint16)


def bmp(data: bytes) -> Samples:
    """Uncompressed, of 24 bits."""
    at, head, width, height = (int.from_bytes(data[k : k + 4], "little") for k in (10, 14, 18, 22))
    if head < 40 or data[28:34] != bytes([24, 0, 0, 0, 0, 0]):
        raise ValueError("another kind of BMP")
    length = -(-3 * width // 4) * 4
    length = -(-3 * width // 4) * 4
    # The last row's padding may be missing.
    stored = np.frombuffer(data + bytes(3), np.uint8, length * height, at).reshape(height, length)
    return stored[::-1, : 3 * width].reshape(height, width, 3)[..., ::-1]


def jpeg(data: bytes) -> Samples:
    """libvips gives up at 100 warnings; then libjpeg-turbo by imagecodecs is asked."""
    try:
        return vips(data)
    except pyvips.Error:
        return codec("jpeg8")(data)


def tga(data: bytes) -> Samples:
    """Uncompressed gray and colour."""
    width, height = (int.from_bytes(data[k : k + 2], "little") for k in (12, 14))
    channels = data[16] // 8
    if data[2] not in (2, 3) or channels not in (1, 3, 4):
        raise ValueError("another kind of TGA")
    at = 18 + data[0]
    stored = np.frombuffer(data, np.uint8, width * height * channels, at)
    rows = stored.reshape(height, width, channels)
    rows = rows if data[17] & 32 else rows[::-1]
    return rows[..., [2, 1, 0, 3][:channels]] if channels > 1 else rows


def by_pillow(kind: str, channels: int = 3, mode: str | None = None, **options: Any) -> bytes:
    samples = picture(channels)
    image = Image.fromarray(samples[..., 0] if channels == 1 else samples)
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def by_vips(suffix: str, channels: int = 3, bits: int = 8, **options: Any) -> bytes:
    image = pyvips.Image.new_from_array(picture(channels, bits))
    deep, colour = bits == 16, channels > 2
    space = ("rgb16" if deep else "srgb") if colour else ("grey16" if deep else "b-w")
    return bytes(image.copy(interpretation=space).write_to_buffer(suffix, **options))


def by_tifffile(channels: int = 3, bits: int = 8, **options: Any) -> bytes:
    samples = picture(channels, bits)
    stored = np.moveaxis(samples, -1, 0) if options.get("planarconfig") else samples
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        stored[..., 0] if channels == 1 else stored,
        photometric="rgb" if channels > 2 else "minisblack",
        **options,
    )
    return buffer.getvalue()


@cache
def sources() -> dict[str, Source]:
    turned = Image.Exif()
    turned[274] = 6
    jxl, jp2 = codec("jpegxl"), codec("jpeg2k")
    ppm = b"P6\n37 26\n255\n" + picture(3).tobytes()
    deep = b"P6 37 26 1023\n" + picture(3, 10).astype(">u2").tobytes()
    pgm = b"P5\n# gray\n37 26\n255\n" + picture(1).tobytes()
    transcoded = _transcoded()
    return {
        "PNG": Source(by_vips(".png"), vips),
        "PNG with alpha": Source(by_vips(".png", 4), vips),
        "PNG, interlaced": Source(by_vips(".png", interlace=True), vips),
        "PNG, palette": Source(by_pillow("PNG", mode="P"), vips),
        "PNG of 16 bits": Source(by_vips(".png", 3, 16), vips),
        "PNG, gray of 16 bits": Source(by_vips(".png", 1, 16), vips),
        "JPEG": Source(by_pillow("JPEG", quality=90), jpeg),
        "JPEG, progressive": Source(by_pillow("JPEG", progressive=True), jpeg),
        "JPEG, gray": Source(by_pillow("JPEG", 1), jpeg),
        "WebP": Source(by_pillow("WEBP", quality=80, exif=turned), vips),
        "WebP, lossless": Source(by_pillow("WEBP", 4, lossless=True, exact=True), vips),
        "JPEG XL": Source(by_pillow("JXL", lossless=True), jxl),
        "JPEG XL, lossy": Source(by_pillow("JXL", quality=80), jxl, 1.01),
        "JPEG XL of 16 bits": Source(imagecodecs.jpegxl_encode(picture(3, 16), lossless=True), jxl),
        "JPEG XL of a JPEG": Source(transcoded, jxl, 4),
        "AVIF": Source(by_pillow("AVIF", quality=80, subsampling="4:4:4"), vips_or_libavif, 3),
        "AVIF of 10 bits": Source(
            imagecodecs.avif_encode(picture(3, 10), level=100, bitspersample=10),
            vips_or_libavif,
            0.3,
        ),
        "JPEG 2000": Source(imagecodecs.jpeg2k_encode(picture(3), codecformat="jp2"), jp2),
        "JPEG 2000 of 16 bits": Source(
            imagecodecs.jpeg2k_encode(picture(3, 16), codecformat="jp2"), jp2
        ),
        "JPEG 2000, bare": Source(imagecodecs.jpeg2k_encode(picture(3), codecformat="j2k"), jp2),
        "TIFF": Source(by_tifffile(), vips_or_tifffile),
        "TIFF, deflate": Source(by_tifffile(compression="zlib", predictor=True), vips_or_tifffile),
        "TIFF, LZW, big endian": Source(
            by_tifffile(compression="lzw", byteorder=">"), vips_or_tifffile
        ),
        "TIFF of 16 bits": Source(by_tifffile(3, 16, compression="zlib"), vips_or_tifffile),
        "TIFF, planes apart": Source(by_tifffile(3, 16, planarconfig="separate"), vips_or_planes),
        "TIFF, tiles": Source(by_tifffile(tile=(16, 16)), vips_or_tifffile),
        "TIFF, JPEG": Source(by_pillow("TIFF", compression="jpeg"), vips_or_tifffile, 2),
        "TIFF, fax": Source(by_pillow("TIFF", mode="1", compression="group4"), vips_or_tifffile),
        "TIFF, PackBits": Source(by_pillow("TIFF", compression="packbits"), vips_or_tifffile),
        "BigTIFF": Source(by_tifffile(bigtiff=True), vips_or_tifffile),
        "PPM": Source(ppm, pnm),
        "PPM of 10 bits": Source(deep, pnm),
        "PGM": Source(pgm, pnm),
        "PBM": Source(by_pillow("PPM", mode="1"), pnm),
        "GIF": Source(by_pillow("GIF"), vips),
        "BMP": Source(by_pillow("BMP"), bmp),
        "TGA": Source(by_pillow("TGA", 4), tga),
        "QOI": Source(by_pillow("QOI"), codec("qoi")),
    }


def _transcoded() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.jpg")  # noqa: PTH118
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(by_pillow("JPEG", quality=90))
        buffer = io.BytesIO()
        Image.open(path).save(buffer, "JXL", lossless_jpeg=True)
    return buffer.getvalue()


def mutant(number: int) -> tuple[str, bytes]:
    """The name of a source and its damaged bytes; the same ones for the same number, everywhere."""
    rng = np.random.default_rng([12, number])
    names = sorted(sources())
    name = names[number % len(names)]
    data = bytearray(sources()[name].data)
    way = rng.integers(10)
    if way < 6:  # flips
        for _ in range(1 + int(rng.integers(4))):
            data[rng.integers(len(data))] ^= 1 + int(rng.integers(255))
    elif way < 7:  # a header's byte
        data[rng.integers(min(len(data), 100))] = int(rng.integers(256))
    elif way < 9:  # the end is missing
        del data[rng.integers(len(data)) :]
    else:  # a piece is missing
        at = int(rng.integers(len(data)))
        del data[at : at + 1 + int(rng.integers(60))]
    return name, bytes(data)


def judge(name: str, data: bytes) -> Verdict:
    """What gcodec makes of a file that was made from the source of that name."""
    try:
        with _quiet(), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            seen = load_image(data, limits=LIMITS)
    except ImageError as error:
        if "\n" in str(error):
            return Verdict("fault", f"more than one line: {error}")
        return Verdict("refused", str(error))
    except Exception as error:
        return Verdict("fault", f"{type(error).__name__}: {error}")
    source = sources()[name]
    told = "".join(str(warning.message) for warning in said)
    if "does not fill" in told:
        return Verdict("agreed", told)
    if "metadata in it" in told:
        *_, data = barer(data)  # most readers refuse what is wrong beside the picture
    try:
        other = source.other(data)
    except Exception as error:
        return Verdict("fault", f"a picture; the other reader: {' '.join(str(error).split())}")
    return _compared(seen, other, source.tolerance)


def _compared(seen: Picture, other: Samples, tolerance: float) -> Verdict:
    if seen.size != other.shape[:2]:
        return Verdict("fault", f"{seen.size} and {other.shape}")
    top = float(np.iinfo(other.dtype).max)
    if other.dtype == np.uint16 and seen.depth == 8:
        tolerance = max(tolerance, 1)  # an AVIF of 10 bits whose header says 8
    colours = 1 if other.shape[2] < 3 else 3
    shown = other.transpose(2, 0, 1) / top
    differs = 255 * float(np.abs(seen.pixels - shown[:colours]).max())
    if differs > tolerance + 0.01:
        return Verdict("fault", f"samples differ by {differs:.2f} levels")
    alpha = shown[-1] if other.shape[2] in (2, 4) else np.ones(seen.size)
    own = 1.0 if seen.alpha is None else seen.alpha / np.iinfo(seen.alpha.dtype).max
    differs = 255 * float(np.abs(own - alpha).max())
    if differs > tolerance + 0.01:
        return Verdict("fault", f"alpha differs by {differs:.2f} levels")
    return Verdict("agreed", "")


@contextmanager
def _quiet() -> Iterator[None]:
    """Raise AssertionError for what a library prints past Python."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            said = file.read()
    if said:
        raise AssertionError(f"printed {said!r}")
