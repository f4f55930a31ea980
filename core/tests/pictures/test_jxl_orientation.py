"""Which way up a JPEG XL file is: the codestream says it, and EXIF only for a JPEG that travels inside."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gcodec.pictures import Picture, load_image

pytest.importorskip("pillow_jxl")

ORIENTATION = 0x0112


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    block[0x0131] = "a camera"
    return block.tobytes()


def corners() -> Image.Image:
    """48 x 32, each corner of another colour."""
    samples = np.full((32, 48, 3), 128, np.uint8)
    samples[:16, :24], samples[16:, 24:], samples[16:, :24] = (250, 20, 20), (20, 250, 20), 20
    return Image.fromarray(samples)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and bytes of each box of a container."""
    at = 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        length = length or len(data) - at
        yield kind, data[at : at + length]
        at += length


def orientation_left(picture: Picture) -> bool:
    block = Image.Exif()
    block.load(picture.exif or b"")
    return ORIENTATION in block


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_transcoded_jpeg_is_as_upright_as_the_jpeg(tmp_path: Path, orientation: int) -> None:
    """What `cjxl photo.jpg` writes; and the same without what the JPEG is rebuilt from, which libjxl itself turns."""
    path = tmp_path / "a.jpg"
    corners().save(path, quality=95, subsampling=0, exif=exif(orientation))
    upright = load_image(path)
    assert upright.size == ((32, 48) if orientation < 5 else (48, 32))
    with Image.open(path) as image:
        image.save(tmp_path / "a.jxl", lossless_jpeg=True)
    whole = (tmp_path / "a.jxl").read_bytes()
    assert b"jbrd" in dict(boxes(whole))
    transcoded = load_image(whole)
    np.testing.assert_array_equal(transcoded.pixels, upright.pixels)
    assert not orientation_left(transcoded)
    stripped = b"".join(box for kind, box in boxes(whole) if kind != b"jbrd")
    turned = load_image(stripped)
    assert turned.size == upright.size
    assert np.abs(turned.pixels - upright.pixels).mean() < 0.01


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_exif_does_not_turn_what_the_codestream_left_as_it_is(orientation: int) -> None:
    """ISO/IEC 18181-2: readers ignore the orientation in EXIF."""
    buffer = io.BytesIO()
    corners().save(buffer, "JXL", lossless=True, use_container=True, exif=exif(orientation))
    picture = load_image(buffer.getvalue())
    expected = np.asarray(corners(), np.float32).transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_allclose(picture.pixels, expected, atol=1e-6)
    assert not orientation_left(picture)
