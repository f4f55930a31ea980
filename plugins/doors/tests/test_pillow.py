"""Pillow opens and saves .gcx files, and what it is told that cannot be is an OSError that costs nobody a file."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

import gcodec
import gcodec_formats as gcx
from gcodec.errors import PayloadError
from gcodec_doors.pillow import GcxError


def test_a_picture_is_saved_at_its_rate_and_opened_again(
    parrot: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "parrot.gcx"
    parrot.save(path, embed="ntc", bpp=0.5)
    assert path.stat().st_size <= 0.5 / 8 * parrot.width * parrot.height
    with Image.open(path) as image:
        assert (image.format, image.size, image.mode) == ("GCX", parrot.size, "RGB")
        assert image.get_format_mimetype() == "image/x-gcx"
        assert np.array_equal(np.asarray(image), gcodec.decode(path).picture.to_array())


def test_what_was_left_out_of_a_file_is_put_back(parrot: Image.Image, tmp_path: Path) -> None:
    """By imageio too, whose words are the same."""
    pytest.importorskip("gcodec_lossless")
    small, rest = tmp_path / "small.gcx", tmp_path / "rest.gcx"
    photo = parrot.crop((40, 30, 72, 54))
    photo.save(small, embed="ntc", quality=0.5)
    photo.save(rest, embed="lossless", companions=[small], apart=True)
    with Image.open(rest) as image:
        image.reconstruct(companions=[small])  # type: ignore[attr-defined]
        assert image.convert("RGB").tobytes() == photo.tobytes()
    with Image.open(rest) as image, pytest.raises(GcxError, match=r"companions=\[FILE\] in Python"):
        image.load()
    imageio = pytest.importorskip("imageio.v3")
    import gcodec_doors.imageio  # noqa: F401

    again = imageio.imread(rest, companions=[small])
    assert np.array_equal(again, np.asarray(photo))


def test_size_and_mode_are_known_without_decoding(webp: bytes) -> None:
    file = gcx.read(webp)
    broken = gcx.write(gcx.File(file.header, [gcx.Segment(gcx.MAIN, b"no WebP")]))
    image = Image.open(io.BytesIO(broken))
    assert (image.size, image.mode) == ((128, 96), "RGB")
    with pytest.raises(GcxError, match="payload of 'webp'") as failed:
        image.load()
    assert isinstance(failed.value.__cause__, PayloadError)


def test_the_suggestion_of_the_file_is_followed_and_another_may_be_asked_for(
    parrot: Image.Image,
) -> None:
    buffer = io.BytesIO()
    parrot.save(buffer, "GCX", embed="webp", quality=0.2, suggest=("bridge", {"steps": 1}))
    data = buffer.getvalue()

    def decoded(name: str | None) -> np.ndarray:
        return gcodec.decode(data, name).picture.to_array()

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), decoded(None))
    preview = Image.open(io.BytesIO(data)).reconstruct("preview")  # type: ignore[attr-defined]
    assert np.array_equal(np.asarray(preview), decoded("preview"))
    assert not np.array_equal(decoded("preview"), decoded(None))
    with pytest.raises(GcxError, match="decoded already"):
        preview.reconstruct("flow")


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16", "1", "P", "CMYK"])
def test_modes(parrot: Image.Image, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.asarray(parrot.convert("L")).astype(np.uint16) * 257)
    else:
        image = parrot.convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(parrot.convert("L"))
    buffer = io.BytesIO()
    image.save(buffer, "GCX", embed="jxl" if mode == "I;16" else "webp", quality=0.8)
    found = Image.open(buffer)
    due = {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode)
    assert found.mode == due
    loaded = found.copy()
    assert loaded.mode == due
    ours = gcodec.decode(buffer.getvalue()).picture.to_pil()
    assert ours.mode == due and ours.tobytes() == loaded.tobytes()
    if "A" in mode:
        assert np.array_equal(loaded.getchannel("A"), image.getchannel("A"))


def test_a_profile_travels(parrot: Image.Image) -> None:
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = lab.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")
    image = parrot.copy()
    image.info["icc_profile"] = swapped
    buffer = io.BytesIO()
    image.save(buffer, "GCX", embed="webp", quality=0.3)
    assert Image.open(buffer).info["icc_profile"] == swapped


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"embed": "nothing"}, "no installed embedding is called 'nothing'"),
        ({"embed": "ntc", "bytes": 20}, "20 bytes are too few"),
        ({"embed": "webp", "quality": 80}, "quality is from 0 to 1"),
        ({"embed": "webp", "compress_level": 3}, "no option 'compress_level'"),
        ({"embed": "webp", "bpp": 1, "quality": 0.5}, "not several"),
    ],
)
def test_a_save_that_fails_leaves_what_was_there(
    parrot: Image.Image, tmp_path: Path, words: dict[str, object], said: str
) -> None:
    path = tmp_path / "old.gcx"
    path.write_bytes(b"what was there")
    with pytest.raises(GcxError, match=said):
        parrot.save(path, **words)
    assert path.read_bytes() == b"what was there"
    with pytest.raises(GcxError, match=said):
        parrot.save(str(tmp_path / "new"), "gcx", **words)
    assert [p.name for p in tmp_path.iterdir()] == ["old.gcx"]


def test_other_formats_are_saved_as_before(parrot: Image.Image, tmp_path: Path) -> None:
    parrot.save(tmp_path / "parrot.png", compress_level=1)
    assert Image.open(tmp_path / "parrot.png").tobytes() == parrot.tobytes()
    with pytest.raises(ValueError, match="unknown file extension"):
        parrot.save(tmp_path / "parrot.nothing")


def test_what_is_damaged_or_beyond_the_limits_says_so(webp: bytes) -> None:
    with pytest.raises(GcxError):
        Image.open(io.BytesIO(webp[:40]))
    file = gcx.read(webp)

    def of_size(side: int) -> io.BytesIO:
        header = gcx.Header(file.header.identity, gcx.Size(side, side), {})
        huge = gcx.Limits(pixels=1 << 32)
        return io.BytesIO(gcx.write(gcx.File(header, file.segments), limits=huge))

    with pytest.raises(GcxError, match="over the limit"):
        Image.open(of_size(60000))
    with pytest.raises(Image.DecompressionBombError):
        Image.open(of_size(14000))
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(io.BytesIO(b"\xc7 something else"))


def test_what_was_cut_short_is_shown_where_pillow_is_told_so(
    cut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GcxError):
        Image.open(io.BytesIO(cut))
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    due = gcodec.decode(cut, partial=True).picture
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(cut))), due.to_array())


def test_files_are_closed_copied_and_converted_like_any(webp: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.gcx"
    path.write_bytes(webp)
    with Image.open(path) as image:
        small = image.convert("L").resize((32, 24))
    assert small.size == (32, 24)
    again = pickle.loads(pickle.dumps(Image.open(path)))
    assert again.tobytes() == Image.open(path).tobytes()
    Image.open(path).verify()
    with Image.open(path) as image:
        image.save(path, embed="webp", quality=0.1)  # over itself
    with Image.open(path) as image:
        assert image.size == (128, 96)


def test_loaded_anew_it_wraps_nothing_twice() -> None:
    code = (
        "import importlib, gcodec_doors.pillow as door; from PIL import Image; first = Image.Image.save;"
        "importlib.reload(door); assert Image.Image.save is first"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
