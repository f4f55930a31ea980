"""Whole files or none: what is there stays there until the new file is complete."""

from __future__ import annotations

import errno
import os
import stat
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gcodec import files
from gcodec.errors import ImageError, OutputError, OutputExists
from gcodec.files import atomic_write
from gcodec.pictures import Picture, load_image, save_image
from gcodec_formats import Size


def photo() -> Picture:
    return Picture(np.random.default_rng(5).random((3, 13, 17), np.float32))


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("mine")
    with pytest.raises(OutputExists):
        save_image(photo(), path)
    assert path.read_text() == "mine"
    save_image(photo(), path, force=True)
    assert load_image(path).size == Size(13, 17)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    for path, text in (
        (tmp_path / "no" / "a.png", "does not exist"),
        (tmp_path / "a.xyz", r"'\.xyz' names no format"),
        (tmp_path / "a", "names no format"),
    ):
        with pytest.raises(OutputError, match=text):
            save_image(photo(), path)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match="folder"):
        save_image(photo(), tmp_path / "folder.png", force=True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(errno.ENOSPC, "full")])
@pytest.mark.parametrize("existing", [False, True])
def test_a_failed_write_leaves_everything_as_it_was(
    tmp_path: Path, error: Any, existing: bool
) -> None:
    path = tmp_path / "a.bin"
    if existing:
        path.write_bytes(b"before")
    expected = OutputError if isinstance(error, OSError) else error
    with pytest.raises(expected) as caught, atomic_write(path, force=True) as file:
        file.write(b"half")
        raise error
    if expected is OutputError:
        assert "the disk is full" in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == (["a.bin"] if existing else [])
    assert not existing or path.read_bytes() == b"before"


def test_a_name_taken_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    with pytest.raises(OutputExists), atomic_write(path) as file:
        file.write(b"late")
        path.write_bytes(b"early")
    assert path.read_bytes() == b"early" and len(list(tmp_path.iterdir())) == 1


def test_permissions_follow_the_umask_and_links_are_followed(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with atomic_write(tmp_path / "a.bin") as file:
            file.write(b"1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o644
    link = tmp_path / "link.bin"
    link.symlink_to("a.bin")
    with atomic_write(link, force=True) as file:
        file.write(b"2")
    assert link.is_symlink() and (tmp_path / "a.bin").read_bytes() == b"2"


def test_a_device_is_written_to_directly() -> None:
    save_image(photo(), Path(os.devnull), format="png")
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OutputError, match="the disk is full"):
        save_image(photo(), Path("/dev/full"), format="png")


def test_a_source_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LARGEST_INPUT", 5 << 20)
    with pytest.raises(ImageError, match="longer than"):
        load_image("/dev/zero")
    assert files.read_bounded(BytesIO(bytes(5 << 20)), "x") == bytes(5 << 20)
    with pytest.raises(ImageError, match="longer than"):
        files.read_bounded(BytesIO(bytes((5 << 20) + 1)), "x")


def test_no_more_than_2_gib_are_read() -> None:
    class Endless(BytesIO):
        asked = 0
        part = bytes(1 << 20)

        def read(self, size: int | None = -1) -> bytes:
            self.asked += 1
            return self.part[:size]

    stream = Endless()
    with pytest.raises(ImageError, match="x: it is longer than 2 GiB"):
        files.read_bounded(stream, "x")
    assert stream.asked == 2048 + 1
