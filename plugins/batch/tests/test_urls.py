"""Sources and shards at URLs, and what clouds, archives and caches say that cannot be."""

from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import ClassVar

import pytest
from data_sets import contents, data_of, picture, report, rows, write_tar

from gcodec.errors import ImageError, OutputError, UsageError
from gcodec_batch._remote import names_at
from gcodec_batch._sources import Item, find, read_item

Batch = Callable[..., CompletedProcess[str]]
QUICK = ("--embed", "jpeg", "--quality", "0.3")


def test_urls(photos: Path, tmp_path: Path, batch: Batch) -> None:
    pytest.importorskip("fsspec")
    write_tar(photos / "more.tar", {"0.png": data_of(picture(0)), "1.png": data_of(picture(1))})
    made = batch("encode", f"file://{photos}", "out", *QUICK, "--json")
    assert (report(made)["count"], report(made)["failed"]) == (9, 1)
    found = contents(tmp_path / "out")
    assert found["0.gcx"] == found["more.tar/0.gcx"]
    refused = batch("encode", "nothing://x/y", "out2", *QUICK)
    assert refused.returncode == 2
    assert len(refused.stderr.strip().splitlines()) == 1


SHARDS = ("--tars", "--shard-size", "3", "--state", "state")


def test_shards_at_a_url(photos: Path, tmp_path: Path, batch: Batch) -> None:
    pytest.importorskip("fsspec")
    url, there = f"file://{tmp_path}/bucket/coded", tmp_path / "bucket/coded"
    batch("encode", photos, "local", *QUICK, *SHARDS[:3])
    made = batch("encode", photos, url, *QUICK, *SHARDS, "--json", jobs=2)
    assert (made.returncode, report(made)["dest"]) == (21, url)
    assert contents(there) == contents(tmp_path / "local")
    for number in range(3):
        rows_here, rows_there = (
            tmp_path / f"state/{number:05d}.parquet",
            there / f"{number:05d}.parquet",
        )
        assert rows_here.read_bytes() == rows_there.read_bytes()
    assert not list(tmp_path.glob("state/*.tar"))
    # Nothing again; what is no longer there, again; what failed, when asked, with the rest of its shard fetched.
    assert report(batch("encode", photos, url, *QUICK, *SHARDS, "--json"))["made_now"] == 0
    (there / "00001_stats.json").unlink()
    assert report(batch("encode", photos, url, *QUICK, *SHARDS, "--json"))["made_now"] == 3
    (there / "00000.tar").unlink()
    assert report(batch("encode", photos, url, *QUICK, *SHARDS, "--json"))["made_now"] == 3
    assert contents(there) == contents(tmp_path / "local")
    picture(6).save(photos / "cut.png")
    mended = batch("encode", photos, url, *QUICK, *SHARDS, "--update", "--json")
    assert (mended.returncode, report(mended)["made_now"]) == (0, 1)
    assert json.loads((there / "00002_stats.json").read_text())["failed"] == 0
    with tarfile.open(there / "00002.tar") as tar:
        assert len(tar.getnames()) == 2 * len(rows(there / "00002.parquet"))


def test_what_a_url_does_not_take(photos: Path, tmp_path: Path, batch: Batch) -> None:
    pytest.importorskip("fsspec")
    url = f"file://{tmp_path}/bucket"

    def refused(*words: str, status: int) -> str:
        made = batch("encode", photos, *words, *QUICK)
        assert made.returncode == status, made.stderr
        (line,) = made.stderr.strip().splitlines()[-1:]
        assert not (tmp_path / "file:").exists()
        return line

    assert "add --tars" in refused(url, status=2)
    assert "add --state FOLDER" in refused(url, "--tars", status=2)
    assert "--state is for a DEST that is a URL" in refused("out", "--state", "state", status=2)
    # Of one process alone: nobody else sees what its workers put there.
    assert "it is not there" in refused("memory://x", *SHARDS, status=8)
    batch("encode", photos, url, *QUICK, *SHARDS[:3], "--state", "first")
    line = refused(url, *SHARDS[:3], "--state", "second", status=8)
    assert "it holds 00000.tar, of another run" in line
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "bucket" / "y").mkdir()
    (tmp_path / "bucket" / "y" / "00000.parquet").mkdir()  # found out by a worker
    line = refused(f"{url}/y", *SHARDS[:3], "--state", "fourth", status=8)
    assert f"cannot write {url}/y/00000.parquet" in line
    assert "cannot write file://" in refused(
        f"file://{tmp_path}/file/x", *SHARDS[:3], "--state", "third", status=8
    )


def test_whatever_a_cloud_raises_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    class Cloud(MemoryFileSystem):  # type: ignore[misc]
        protocol = "cloud"
        store: ClassVar[dict[str, object]] = {}

        def isdir(self, path: str) -> bool:
            raise RuntimeError("no credentials")

        def cat_file(self, path: str, **how: object) -> bytes:
            raise RuntimeError("the line\nis dead")

    fsspec.register_implementation("cloud", Cloud, clobber=True)
    with pytest.raises(ImageError, match="cloud://a: cannot be listed: RuntimeError: no cred"):
        find("cloud://a", bool)
    with pytest.raises(ImageError, match="nothing is there"):
        find("memory://nothing", bool)
    for place in ("file", "cloud://a/0.png"), ("part", "cloud://a/0.tar", 0, 4):
        with pytest.raises(ImageError, match=r"0\.png: cannot be read: RuntimeError: the"):
            read_item(Item("0.png", place, ""))


def test_a_url_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    """Some kinds of URL need more than was said, and some archives are none."""
    pytest.importorskip("fsspec")
    (tmp_path / "no.zip").write_bytes(b"no archive")
    with pytest.raises(UsageError, match="dir://x: AttributeError: "):
        find("dir://x", bool)
    with pytest.raises(UsageError, match="BadZipFile"):
        find(f"zip://0.png::{tmp_path}/no.zip", bool)
    with pytest.raises(ImageError, match="nothing is there"):
        find(f"zip://0.png::{tmp_path}/nowhere.zip", bool)
    with pytest.raises(OutputError, match="No such file"):
        names_at(f"zip://out::{tmp_path}/nowhere.zip")


def test_pictures_in_an_archive_at_a_url(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    for name in "first.zip", "other.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("a/0.png", name)
    items = [
        item
        for name in ("first.zip", "other.zip")
        for item in find(f"zip://a::{tmp_path}/{name}", is_png).items
    ]
    assert [item.name for item in items] == ["0.png", "0.png"]
    assert [read_item(item) for item in items] == [b"first.zip", b"other.zip"]
    assert items[0].stamp != items[1].stamp  # of one length
    # Kept here as they come; the archive itself may lie in another.
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(tmp_path / "first.zip", "in/first.zip")
    for source in (
        f"filecache::zip://a::{tmp_path}/first.zip",
        f"zip://a::simplecache::file://{tmp_path}/first.zip",
        f"simplecache::zip://a/*.png::zip://in/first.zip::{tmp_path}/outer.zip",
    ):
        (item,) = find(source, is_png).items
        assert (item.name, read_item(item)) == ("0.png", b"first.zip")


def is_png(name: str) -> bool:
    return name.endswith(".png")
