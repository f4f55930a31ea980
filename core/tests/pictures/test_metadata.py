"""What travels beside the samples may be lost, with a warning; it never costs the picture."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from picture_files import RGB, eight, encoded
from PIL import Image

from gcodec.pictures import load_image

CAMERA, MAKER_EXIF = 0x0131, 0x8769


def test_malformed_exif_is_left_out_with_a_warning() -> None:
    sound = encoded(Image.fromarray(RGB), "JPEG")
    data = sound[:2] + b"\xff\xe1\0\x14Exif\0\0garbagegarb" + sound[2:]
    with pytest.warns(UserWarning, match="EXIF cannot be read") as caught:
        picture = load_image(data)
    assert len(caught) == 1
    assert np.array_equal(picture.pixels, load_image(sound).pixels) and picture.exif is None


def test_exif_of_a_tiff_survives_without_how_it_was_stored() -> None:
    exif = Image.Exif()
    exif[CAMERA], exif[0x0112] = "a camera", 6
    exif[MAKER_EXIF] = {0x9003: "2026:01:02 03:04:05"}
    loaded = Image.Exif()
    loaded.load(exif.tobytes())
    picture = load_image(encoded(Image.fromarray(RGB), "TIFF", exif=loaded))
    assert np.array_equal(eight(picture), np.rot90(RGB, -1))
    kept = Image.Exif()
    kept.load(picture.exif or b"")
    assert kept[CAMERA] == "a camera" and set(kept) == {CAMERA, MAKER_EXIF}
    assert kept.get_ifd(MAKER_EXIF) == {0x9003: "2026:01:02 03:04:05"}


def png_with(kind: bytes, body: bytes) -> bytes:
    png = encoded(Image.fromarray(RGB))
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:33] + chunk + png[33:]


def jpeg_with(marker: int, body: bytes) -> bytes:
    jpeg = encoded(Image.fromarray(RGB), "JPEG")
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body + jpeg[2:]


def unsound() -> dict[str, bytes]:
    bomb = zlib.compress(bytes(3_000_000))
    return {
        "text of 3 MB": png_with(b"zTXt", b"Comment\0\0" + bomb),
        "XMP of 3 MB": png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb),
        "profile of 3 MB": png_with(b"iCCP", b"x\0\0" + bomb),
        "short gAMA": png_with(b"gAMA", b"\0"),
        "short pHYs": png_with(b"pHYs", b"\0"),
        "bad checksum": png_with(b"tEXt", b"Comment\0abc").replace(b"\0abc", b"\0abd"),
        "short Adobe segment": jpeg_with(0xEE, b"Adobe\0"),
        "cut Photoshop segment": jpeg_with(0xED, b"Photoshop 3.0\x008BIM\x04\xed"),
    }


@pytest.mark.parametrize("name", unsound())
def test_metadata_that_cannot_be_read_is_left_out(name: str) -> None:
    data = unsound()[name]
    kind = "PNG" if data.startswith(b"\x89PNG") else "JPEG"
    sound = load_image(encoded(Image.fromarray(RGB), kind))
    with pytest.warns(UserWarning, match="left out") as caught:
        picture = load_image(data)
    assert len(caught) == 1
    np.testing.assert_array_equal(picture.pixels, sound.pixels)


def test_exif_outlives_another_chunk_that_cannot_be_read() -> None:
    exif = Image.Exif()
    exif[CAMERA] = "a camera"
    png = encoded(Image.fromarray(RGB), "PNG", exif=exif)
    body = b"gAMA\0"
    bad = struct.pack(">I", 1) + body + struct.pack(">I", zlib.crc32(body))
    with pytest.warns(UserWarning, match="left out"):
        assert b"a camera" in (load_image(png[:33] + bad + png[33:]).exif or b"")
