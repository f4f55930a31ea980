"""Names that are odd, and words that cannot be meant: a row, or one line."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click import UsageError
from click.testing import CliRunner
from data_sets import contents, data_of, picture, report, without

import gcodec
from gcodec.errors import ModelMissing, NoPath
from gcodec.plugin import ReconstructorSpec, hookimpl
from gcodec_batch._command import command

Batch = Callable[..., CompletedProcess[str]]
QUICK = ("--embed", "jpeg", "--quality", "0.3")
TRIES = ("--tries", "2", "--judge", "preview")


@pytest.mark.parametrize("kind", [(), ("--tars",)], ids=["tree", "tars"])
def test_members_of_any_name(tmp_path: Path, batch: Batch, kind: tuple[str, ...]) -> None:
    """Nothing is written outside, nothing is lost unsaid, and one name that cannot be stops no other."""
    data, other = data_of(picture(0)), data_of(picture(1))
    members = [
        ("../../out.png", data),
        ("a/../b.png", data),
        (".hidden.png", data),
        ("._ok.png", data),
    ]
    members += [("ok.png", data), ("ok.png", other), ("./c/d.png", data), ("\udcff.png", data)]
    members += [
        ("n" * 300 + ".png", data),
        ("ok." + "x" * 120, b"beside"),
        ("n" * 300 + "/e.png", data),
    ]
    (tmp_path / "in").mkdir()
    with tarfile.open(tmp_path / "in/some.tar", "w") as tar:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    made = batch("encode", "in", "deep/out", *QUICK, *kind, "--json")
    assert "Traceback" not in made.stderr
    found = report(made)
    assert found["passed_over"] == [
        f"some.tar/{name}"
        for name in ("../../out.png", "._ok.png", ".hidden.png", "a/../b.png", "ok.png")
    ]
    assert {path.parts[len(tmp_path.parts)] for path in tmp_path.rglob("*.gcx")} <= {"deep"}
    if kind:
        assert (made.returncode, found["count"], found["failed"]) == (0, 5, 0)
        with tarfile.open(tmp_path / "deep/out/00000.tar") as tar:
            assert f"0000000004.{'x' * 120}" in tar.getnames()
        return
    assert (made.returncode, found["count"], found["failed"]) == (21, 5, 2)
    assert list(contents(tmp_path / "deep/out")) == [
        "some.tar/\\udcff.gcx",
        "some.tar/c/d.gcx",
        "some.tar/ok.gcx",
    ]
    rows = pq.read_table(tmp_path / "deep/out/rows.parquet").to_pylist()
    failed = [row for row in rows if row["status"] != "success"]
    assert all("cannot be a name here" in row["error"] and row["bytes"] is None for row in failed)
    assert batch("encode", "in", "deep/out", *QUICK, *kind, "--retry").returncode == 21


def test_files_of_any_name(tmp_path: Path, batch: Batch) -> None:
    photos = tmp_path / "photos"
    (photos / "a.gcx").mkdir(parents=True)
    for name in (b"a.png", b"a.gcx/b.png", b"\xff.png", b"cut\xfe.png", b"two\nlines.png"):
        path = photos / os.fsdecode(name)
        try:
            path.write_bytes(data_of(picture(0))[: 100 if name.startswith(b"cut") else None])
        except OSError:
            pytest.skip("this file system has names of Unicode alone")
    made = batch("encode", "photos", "out", *QUICK)
    assert made.returncode == 21
    assert "\\udcfe.png" in made.stderr and "Traceback" not in made.stderr
    names = list(contents(tmp_path / "out"))
    assert names == ["\\udcff.gcx", "a.gcx/b.gcx", "a.png.gcx", "two\nlines.gcx"]
    again = batch("encode", "photos", "out", *QUICK, "--retry")
    assert "4 of 5" in again.stdout, again.stderr
    back = batch("decode", "out", os.fsdecode(b"back\xff"), "--json")
    assert back.returncode == 0, back.stderr
    assert len(list((tmp_path / os.fsdecode(b"back\xff")).rglob("*.png"))) == 4


@pytest.mark.parametrize("source", ["files", "files/**/*.gcx", "file://{}/files"])
def test_a_destination_in_the_source_is_no_input(tmp_path: Path, batch: Batch, source: str) -> None:
    """Nor are the rows of other runs there a reason to warn."""
    (tmp_path / "files/sub").mkdir(parents=True)
    pq.write_table(pa.table({"key": ["of another run"]}), tmp_path / "files/sub/rows.parquet")
    for name in "0.gcx", "sub/1.gcx":
        (tmp_path / "files" / name).write_bytes(gcodec.encode(data_of(picture(0)), "jpeg").data)
    words = ("transcode", source.format(tmp_path), "files/again", *QUICK, "--json")
    for now in 2, 0:
        made = batch(*words)
        assert made.returncode == 0, made.stderr
        assert (report(made)["count"], report(made)["made_now"]) == (2, now)
        assert not made.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_pipes_and_sockets_are_passed_over_and_named(tmp_path: Path, batch: Batch) -> None:
    """Whoever read them would wait for ever."""
    (tmp_path / "in").mkdir()
    picture(0).save(tmp_path / "in/0.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    os.mkfifo(tmp_path / "in/pipe.tar")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "in/socket.png"))
        made = batch("encode", "in", "out", *QUICK, "--json")
        assert report(made)["passed_over"] == ["pipe.png", "pipe.tar", "socket.png"]
        assert (made.returncode, report(made)["count"]) == (0, 1)
        assert "in: 3 passed over" in made.stderr
    alone = batch("encode", "in/pipe.png", "out2", *QUICK)
    assert alone.returncode == 7
    assert "nothing in it can be taken; passed over: pipe.png\n" in alone.stderr


def test_rows_and_files_of_others_are_in_the_way_too(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows/rows.parquet").write_bytes(b"somebody's own")
    (tmp_path / "above").mkdir()
    (tmp_path / "above/a b").write_bytes(b"a file where a folder should be")
    for folder, name in ("rows", "rows.parquet"), ("above", "a b"):
        before = (tmp_path / folder / name).read_bytes()
        made = batch("encode", photos, folder, *QUICK)
        assert made.returncode == 8
        assert f"{name} is there, and no run made it" in made.stderr
        assert (tmp_path / folder / name).read_bytes() == before
        assert [path.name for path in (tmp_path / folder).iterdir()] == [name]


def test_a_pipe_where_a_file_was_is_refused_by_name(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    """Nobody reads it: the run would wait for ever. So would one whose rows are a pipe."""
    batch("encode", photos, "out", *QUICK)
    before = contents(tmp_path / "out")
    for name in "0.gcx", "rows.parquet":
        (tmp_path / "out" / name).unlink()
        os.mkfifo(tmp_path / "out" / name)
        made = batch("encode", photos, "out", *QUICK)
        assert made.returncode == 8
        assert f"cannot write out/{name}: something that is no file" in made.stderr
        (tmp_path / "out" / name).unlink()
    batch("encode", photos, "out", *QUICK)
    assert contents(tmp_path / "out").keys() == before.keys()
    assert contents(tmp_path / "out")["0.gcx"] == before["0.gcx"]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--recon", "preview", "--realism", "0.5"), 2),
        (("--recon", "preview", "--model", "base/ntc"), 2),
        (("--recon", "flow", "--realism", "3"), 2),
        (("--recon", "flow", "--model", "nosuch"), 9),
        (("--recon", "flow", "--model", "base/ntc"), 9),
        (("--recon", "flow", "--via", "nosuch"), 3),
        (("--recon", "preview", "--via", "edges"), 5),
        (("--recon", "flow", "--device", "cuda:99"), 2),
    ],
)
def test_what_every_input_would_fail_by_is_said_at_once(
    tmp_path: Path, batch: Batch, words: tuple[str, ...], status: int
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/0.gcx").write_bytes(gcodec.encode(data_of(picture(0)), "jpeg").data)
    made = batch("decode", "files", "out", *words)
    assert made.returncode == status
    assert len(made.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_models_folder_is_the_same_from_everywhere(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    from gcodec.models import ModelStore

    (tmp_path / "weights").symlink_to(ModelStore.installed(()).find("base/ntc").folder)
    words = ("encode", photos / "a b", "out", "--embed", "ntc", "--json", "--model")
    first = batch(*words, "weights")
    assert report(first)["made_now"] == 2, first.stderr
    assert report(batch(*words, tmp_path / "weights"))["made_now"] == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("nothing-there", "out"), 7, "cannot be read"),
        (("empty", "out"), 7, "nothing in it can be taken"),
        (("photos", "photos/0.png"), 8, "cannot write"),
        (("photos", "out", "--shard-size", "0"), 2, "shard-size"),
        (("photos", "out", "--patience", "nan"), 2, "finite"),
        (("photos", "out", "--picture-seconds", "0"), 2, "picture-seconds"),
        (("photos", "out", "--together", "2"), 2, "--together"),
        (("photos", ""), 2, "need a name"),
        (("photos", "out", "--model", "nosuch"), 9, "nosuch"),
        (("photos", "out", "--model", "base/flow"), 9, "not the weights of `ntc`"),
        (("photos", "out", "--embed", "webp", "--model", "base/ntc"), 2, "'webp' has no weights"),
        (("photos", "out", *TRIES, "--metric", "nosuch"), 3, "no installed metric"),
        (("photos", "out", *TRIES, "--metric", "lpips"), 13, "its weights are not at hand"),
        (("photos", "out", "--apart"), 2, "ntc has none here; leave --apart out"),
        (("photos", "out", "--companions", "photos", "--apart"), 2, "ntc does not notice"),
        (("photos", "out", "--companions", "nosuch"), 2, "companions"),
        (("photos", "out", "--companions", "photos", "--tars"), 2, "leave --tars or"),
        (("photos", "out", "--device", "cuda:99"), 2, "a device that torch has here"),
        (("", "out"), 2, "need a name"),
        (("photos", "out", "--embed", "nosuch"), 3, "nosuch"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    photos: Path, tmp_path: Path, batch: Batch, words: tuple[str, ...], status: int, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    made = batch("encode", *words)
    assert made.returncode == status
    assert said in made.stderr
    assert len(made.stderr.strip().splitlines()) == 1
    if status == 7:
        assert not (tmp_path / "out").exists()


def nowhere(name: str, model: str | None = None) -> object:
    """A plugin with one reconstructor, `acme/NAME`, to which no signal leads, or whose weights are nowhere."""

    class Nowhere:
        GCODEC_INTERFACE = 1

        @hookimpl
        def gcodec_reconstructors(self) -> list[ReconstructorSpec]:
            needs = (("preview",),) if model else (("tokens/nowhere",),)
            return [ReconstructorSpec(f"acme/{name}", "for tests", "a:b", needs, model=model)]

    return Nowhere()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("encode", "--embed", "jpeg", "--tries", "2", "--judge", "acme/none"), NoPath),
        (("encode", "--embed", "jpeg", "--tries", "2", "--judge", "acme/bare"), ModelMissing),
        (("decode", "--recon", "acme/bare"), ModelMissing),
    ],
    ids=["no path to the judge", "no weights of the judge", "no weights"],
)
def test_a_reconstructor_that_no_input_would_reach_is_said_at_once(
    photos: Path, tmp_path: Path, words: tuple[str, ...], error: type[Exception]
) -> None:
    asked = [words[0], str(photos), str(tmp_path / "out"), *words[1:]]
    with gcodec.register(nowhere("none")), gcodec.register(nowhere("bare", "acme/bare"), name="b"):
        made = CliRunner().invoke(command, asked, standalone_mode=False)
    assert isinstance(made.exception, error)
    assert not (tmp_path / "out").exists()


def test_without_a_verb_it_is_one_line() -> None:
    made = CliRunner().invoke(command, [], standalone_mode=False)
    assert isinstance(made.exception, UsageError)
    assert "Missing command" in str(made.exception) and "Usage" not in str(made.exception)


@pytest.mark.parametrize(
    ("package", "source", "said"),
    [
        ("pyarrow", "photos", "it needs pyarrow, which is not installed: pip install pyarrow"),
        ("fsspec", "s3://bucket/photos", "pip install 'gcodec-batch[remote]'"),
        ("s3fs", "s3://bucket/photos", "pip install 'gcodec-batch[s3]'"),
        ("s3fs", "simplecache::s3://bucket/photos", "pip install 'gcodec-batch[s3]'"),
        ("aiohttp", "https://localhost/0.tar", "pip install 'gcodec-batch[http]'"),
    ],
)
def test_a_package_that_is_missing_is_named(
    photos: Path,
    tmp_path: Path,
    batch: Batch,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    source: str,
    said: str,
) -> None:
    if package in ("s3fs", "aiohttp"):
        pytest.importorskip("fsspec")
    without(package, tmp_path, monkeypatch)
    made = batch("encode", source, "out", *QUICK)
    assert made.returncode == 4, made.stderr
    (line,) = made.stderr.strip().splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()
