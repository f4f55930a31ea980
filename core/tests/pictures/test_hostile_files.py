"""Files that are no pictures, damaged, or larger than they look: one line, before any memory is taken."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_files import (
    RGB,
    encoded,
    png16,
)
from PIL import Image

from gcodec.errors import ImageError
from gcodec.pictures import load_image
from gcodec.pictures._jxl_size import jxl_size
from gcodec_formats import Limits, Size


def test_every_failure_to_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    cases: list[tuple[Any, str]] = [
        (tmp_path / "absent.png", "no such file"),
        (tmp_path, "directory"),
        (tmp_path / "text.png", "not a picture"),
        (tmp_path / "empty.png", "empty"),
        (encoded(Image.fromarray(RGB))[:-60], "damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ]
    for source, text in cases:
        with pytest.raises(ImageError, match=text) as caught:
            load_image(source)
        assert "\n" not in str(caught.value)


def test_pixels_are_limited_before_decoding() -> None:
    limits = Limits(pixels=200)
    with pytest.raises(ImageError, match="17x13 is more than the limit of 200"):
        load_image(encoded(Image.fromarray(RGB)), limits=limits)
    # A bomb: a header that declares far more than its few bytes hold.
    data = bytearray(png16(np.zeros((1, 1, 3), np.uint16)))
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    with pytest.raises(ImageError, match="more pixels than the limit"):
        load_image(bytes(data))


def test_own_limit_holds_instead_of_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    assert load_image(encoded(Image.fromarray(RGB))).size == Size(13, 17)
    assert Image.MAX_IMAGE_PIXELS == 20


def test_jxl_size_is_read_without_decoding() -> None:
    pytest.importorskip("pillow_jxl")
    for size in [(8, 8), (256, 256), (7, 14), (300, 400), (512, 9), (1, 1030)]:
        image = Image.new("RGB", (size[1], size[0]), "red")
        for options in (
            {},
            {"use_container": True},
            {"use_container": True, "exif": b"II*\0" + bytes(8)},
        ):
            assert jxl_size(encoded(image, "JXL", effort=1, **options)) == size
    # 2^30 x 2^30 in a dozen bytes.
    text = "0" + "11" + "1" * 30 + "100" + "0" * 12
    bomb = b"\xff\x0a" + int(text[::-1], 2).to_bytes(6, "little")
    with pytest.raises(ImageError, match="limit"):
        load_image(bomb)


def test_what_pillow_lets_pass_is_damage() -> None:
    png = bytearray(encoded(Image.fromarray(RGB)))
    png[-20] ^= 1  # in the last bytes of IDAT, whose checksum Pillow does not look at
    qoi = bytearray(encoded(Image.fromarray(RGB), "QOI"))
    qoi[40:43] = b"\xc0\xc0\xc0"  # runs, so that the samples are complete before the data end
    fax = bytearray(encoded(Image.fromarray(RGB).convert("1"), "TIFF", compression="group4"))
    fax[12] ^= 0x55
    for data, text in ((png, "checksum of its IDAT"), (qoi, "do not end"), (fax, "damage in its")):
        with pytest.raises(ImageError, match=text):
            load_image(bytes(data))


def test_a_first_frame_that_does_not_fill_its_screen() -> None:
    gif = bytearray(encoded(Image.fromarray(RGB), "GIF"))
    gif[6:8] = struct.pack("<H", 40)
    with pytest.warns(UserWarning, match="does not fill"):
        assert load_image(bytes(gif)).size == Size(13, 40)
