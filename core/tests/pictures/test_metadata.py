"""What travels beside the samples may be lost, with a warning; it never costs the picture."""

from __future__ import annotations

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
