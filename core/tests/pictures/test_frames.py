"""Of what moves the first frame is taken, and said to be, or none; deep AVIF is upright."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from picture_files import encoded
from PIL import Image

from gcodec.errors import ImageError
from gcodec.pictures import load_image
from gcodec.pictures._turned import turned

imagecodecs = pytest.importorskip("imagecodecs")

FRAMES = [np.full((16, 24, 3), value, np.uint8) for value in (10, 200)]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF", "TIFF"])
def test_the_first_frame_is_taken_with_a_warning(kind: str) -> None:
    first, second = map(Image.fromarray, FRAMES)
    data = encoded(first, kind, save_all=True, append_images=[second])
    with pytest.warns(UserWarning, match="only the first"):
        picture = load_image(data)
    assert abs(255 * picture.pixels - 10).max() < 3


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_jxl_that_moves_is_refused(kind: type) -> None:
    """The plugin of Pillow's would show its last frame."""
    pytest.importorskip("pillow_jxl")
    frames = np.stack(FRAMES).astype(kind)
    data = imagecodecs.jpegxl_encode(frames, lossless=True, photometric="rgb")
    with pytest.raises(ImageError, match="animation"):
        load_image(data)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_avif_of_many_bits_is_upright(bits: int, turn: int) -> None:
    """Turned by the property "irot", quarters against the clock (ISO/IEC 23008-12, 6.5.10), put in for the colours'."""
    rng = np.random.default_rng(5)
    stored = rng.integers(0, 1 << bits, (16, 24, 3)).astype(np.uint16)
    data = bytes(imagecodecs.avif_encode(stored, level=100, bitspersample=bits))
    at = data.index(b"colrnclx") - 4
    assert data[at : at + 4] == struct.pack(">I", 19)
    plain = data[:at] + struct.pack(">I4s11x", 19, b"free") + data[at + 19 :]
    turning = struct.pack(">I4sB", 9, b"irot", turn) + struct.pack(">I4s2x", 10, b"free")
    data = data[:at] + turning + data[at + 19 :]
    data = data.replace(
        b"\x04\x01\x02\x83\x04", b"\x04\x01\x02\x83\x84"
    )  # no reader may pass it over
    orientation = {1: 8, 2: 3, 3: 6}[turn]
    seen, upright = load_image(data).pixels, load_image(plain).pixels.transpose(1, 2, 0)
    np.testing.assert_array_equal(seen, turned(upright, orientation).transpose(2, 0, 1))
