"""imageio reads and writes .gcx files, and leaves all others as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gcodec

iio = pytest.importorskip("imageio.v3")

from gcodec_doors.imageio import GcxError  # noqa: E402


def test_a_picture_is_written_at_its_rate_and_read_as_asked(
    parrot: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "a.gcx"
    iio.imwrite(path, np.asarray(parrot), embed="ntc", bpp=0.5)
    assert path.stat().st_size <= 0.5 / 8 * parrot.width * parrot.height
    preview = iio.imread(path)
    assert np.array_equal(preview, gcodec.decode(path).picture.to_array())
    flow = gcodec.decode(path, "flow", options={"steps": 1}).picture.to_array()
    assert np.array_equal(iio.imread(path, recon="flow", steps=1), flow)
    assert np.array_equal(iio.imread(path, index=...), preview[None])
    with pytest.raises(ValueError, match="one picture"):
        iio.imread(path, index=1)


def test_bytes_out_and_in(parrot: Image.Image) -> None:
    data = iio.imwrite("<bytes>", np.asarray(parrot), extension=".gcx", embed="webp", quality=0.5)
    assert np.array_equal(iio.imread(data), gcodec.decode(data).picture.to_array())


def test_what_was_cut_short_is_read_if_asked(cut: bytes) -> None:
    with pytest.raises(GcxError):
        iio.imread(cut, extension=".gcx")
    due = gcodec.decode(cut, partial=True).picture.to_array()
    assert np.array_equal(iio.imread(cut, extension=".gcx", partial=True), due)


def test_shape_and_type_are_known_without_decoding(parrot: Image.Image, tmp_path: Path) -> None:
    gray = np.asarray(parrot.convert("L"))
    for name, samples, embed in (
        ("gray", gray, "webp"),
        ("deep", gray.astype(np.uint16) * 257, "jxl"),
        ("clear", np.dstack([np.asarray(parrot), gray]), "webp"),
    ):
        path = tmp_path / f"{name}.gcx"
        iio.imwrite(path, samples, embed=embed, quality=0.8)
        about = iio.improps(path)
        assert (about.shape, about.dtype) == (samples.shape, samples.dtype)
        found = iio.imread(path)
        assert (found.shape, found.dtype) == (samples.shape, samples.dtype)
    assert iio.immeta(tmp_path / "gray.gcx")["embedding"] == "webp"


def test_what_fails_is_an_oserror_and_leaves_what_was_there(
    parrot: Image.Image, webp: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.gcx"
    path.write_bytes(webp)
    with pytest.raises(GcxError, match="20 bytes are too few"):
        iio.imwrite(path, np.asarray(parrot), embed="ntc", bytes=20)
    with pytest.raises(ValueError, match="one picture, not 2"):
        iio.imwrite(path, [np.asarray(parrot)] * 2, embed="webp")
    assert path.read_bytes() == webp
    path.write_bytes(webp[:40])
    with pytest.raises(GcxError):
        iio.imread(path)


def test_other_files_go_to_other_plugins(parrot: Image.Image, tmp_path: Path) -> None:
    for suffix in (".png", ".bmp"):
        path = tmp_path / f"a{suffix}"
        iio.imwrite(path, np.asarray(parrot))
        assert np.array_equal(iio.imread(path), np.asarray(parrot))
    (tmp_path / "a.png").rename(tmp_path / "a.gcx")  # a lie
    assert np.array_equal(iio.imread(tmp_path / "a.gcx"), np.asarray(parrot))
