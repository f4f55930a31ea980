"""Files of 16 bits a sample, which Pillow writes for gray alone: PNG, TIFF, JPEG XL."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from gcodec.pictures._jxl_size import srgb_instead_of_linear
from gcodec.pictures._sound import PNG_SIGNATURE, png_chunks

__all__ = ["deep_jxl", "deep_png", "deep_tiff"]

_Samples = NDArray[np.uint16]

#: zlib's, as for 8 bits.
_LEVEL = 4

_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


def deep_png(samples: _Samples, like: bytes) -> bytes:
    """A PNG of samples [H, W, C], C of 1 to 4, with the metadata of `like`: any PNG with as many channels.

    Every row has the filter Sub (PNG, 9.2).
    """
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.ones((height, 1 + rows.shape[1]), np.uint8)  # 1: Sub
    filtered[:, 1:] = rows
    filtered[:, 1 + 2 * channels :] -= rows[:, : -2 * channels]
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOUR_TYPES[channels], 0, 0, 0)
    beside = [
        like[at:end]
        for kind, at, end in png_chunks(like)
        if kind not in (b"IHDR", b"IDAT", b"IEND")
    ]
    parts = [PNG_SIGNATURE, _chunk(b"IHDR", head), *beside]
    parts += [_chunk(b"IDAT", zlib.compress(filtered.tobytes(), _LEVEL)), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_tiff(samples: _Samples, tags: Image.Exif | None, icc: bytes | None) -> bytes:
    """A TIFF of samples [H, W, C] in one strip, deflated with horizontal differences; `tags` come first.

    Pillow makes the directory; tag numbers are TIFF 6.0's and those of its technical notes.
    """
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if samples.shape[2] == 2:  # gray with alpha, which few read
        samples = in_colour(samples)
    height, width, channels = samples.shape
    differences = samples.copy()
    differences[:, 1:] -= samples[:, :-1]
    strip = zlib.compress(differences.astype("<u2").tobytes(), _LEVEL)
    directory: Any = ImageFileDirectory_v2(prefix=b"II")
    if tags is not None:
        for tag in tags:
            folder = tag in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
            directory[tag] = tags.get_ifd(tag) if folder else tags[tag]
    directory[256], directory[257] = width, height
    directory[258], directory[339] = (16,) * channels, (1,) * channels  # unsigned
    directory[259], directory[317] = 8, 2  # deflate, horizontal differences
    directory[262] = 2 if channels > 2 else 1  # RGB, or black is 0
    directory[277], directory[278], directory[284] = channels, height, 1
    directory[273], directory[279] = 0, len(strip)
    if channels == 4:
        directory[338] = 2  # alpha, not multiplied
    if icc is not None:
        directory[34675] = icc
    file = BytesIO()
    directory.save(file)
    return file.getvalue() + strip


def deep_jxl(samples: _Samples, exif: bytes | None, xmp: bytes | None) -> bytes:
    """A lossless JPEG XL of samples [H, W, C], its metadata in boxes (ISO/IEC 18181-2). Raises ImportError.

    libjxl's bindings mark 16 bits as linear, so that 128 would show as 188; the header is corrected.
    """
    import imagecodecs

    plain = samples[..., 0] if samples.shape[2] == 1 else samples
    file = bytes(imagecodecs.jpegxl_encode(plain, lossless=True, usecontainer=True))
    at = 0
    while file[at + 4 : at + 8] in (b"JXL ", b"ftyp", b"jxll"):  # what has to stand first
        at += int.from_bytes(file[at : at + 4], "big")
    if file[at + 4 : at + 8] != b"jxlc":
        raise ValueError("libjxl wrote another container than expected")
    boxes = []
    if exif is not None:
        boxes.append((b"Exif", bytes(4) + exif))
    if xmp is not None:
        boxes.append((b"xml ", xmp))
    boxes.append((b"jxlc", srgb_instead_of_linear(file[at + 8 :])))
    return file[:at] + b"".join(
        struct.pack(">I", 8 + len(body)) + kind + body for kind, body in boxes
    )


def in_colour(samples: _Samples) -> _Samples:
    """Samples [H, W, C] with three planes of colour, equal ones for gray."""
    if samples.shape[2] < 3:
        samples = np.concatenate([samples[..., :1]] * 3 + [samples[..., 1:]], -1)
    return np.ascontiguousarray(samples)
