"""`gcodec view` as people run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

from gcodec.errors import OutputError
from gcodec_view import _parts
from gcodec_view._writing import one_file, write_folder

GOLDEN = Path(__file__).parents[3] / "tests/golden"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of which only the names are right."""
    folder = tmp_path / "page"
    for place in ("one-file", "serve"):
        (folder / place).mkdir(parents=True)
    source = Path(__file__).parents[1] / "page/src/index.html"
    (folder / "index.html").write_text(source.read_text("utf-8"), "utf-8")
    for name in (
        "page.css",
        "page.mjs",
        "worker.mjs",
        "one-file/page.js",
        "one-file/worker.js",
        "one-file/report.html",
        "serve/index.html",
    ):
        (folder / name).write_text(f"/* {name} */")
    (folder / _parts.RUNTIME).write_bytes(b"\0asm")
    monkeypatch.setattr(_parts, "_PAGE", folder)
    return folder


def test_it_serves_until_ctrl_c(tmp_path: Path) -> None:
    if not (Path(_parts.__file__).parent / "page/index.html").exists():
        pytest.skip("the page is not built: make page")
    photo = tmp_path / "a photo.gcx"
    photo.write_bytes((GOLDEN / "webp.gcx").read_bytes())
    with subprocess.Popen(
        [sys.executable, "-m", "gcodec", "view", "--no-browser", str(photo)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout
        ends = threading.Timer(60, process.kill)  # whatever fails below
        ends.start()
        address = process.stdout.readline().strip()
        place, _, query = address.partition("?")
        with urlopen(address) as answer:
            assert b"<title>GCX" in answer.read()
        assert query == "src=files/0/a%2520photo.gcx"  # an address inside an address
        with urlopen(f"{place}files/0/a%20photo.gcx") as answer:
            assert answer.read() == photo.read_bytes()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
        ends.cancel()
    assert process.returncode == 0
    assert errors == "Ctrl-C ends it.\n"


@pytest.mark.usefixtures("built")
def test_networks_are_inside_only_where_they_are_needed() -> None:
    webp, ntc = ((GOLDEN / f"{name}.gcx").read_bytes() for name in ("webp", "ntc"))
    assert b"models/" not in one_file({"a.gcx": webp})
    both = one_file({"a.gcx": webp, "b.gcx": ntc})
    assert b"models/ntc/" in both and b"models/bridge/" in both
    assert b"models/autoencoder/" not in both
    assert b"models/autoencoder/" in one_file({})
    assert b"models/" not in one_file(
        {"broken.gcx": ntc[:20]}
    )  # the page says what is wrong with it


@pytest.mark.usefixtures("built")
def test_the_name_of_a_file_is_no_markup() -> None:
    page = one_file({'"><script>alert(1)</script>.gcx': b"x"})
    assert b"<script>alert" not in page


@pytest.mark.usefixtures("built")
def test_one_file_fetches_nothing() -> None:
    page = one_file({}).decode()
    assert "default-src 'none'" in page and "connect-src" not in page
    assert "unsafe-inline" not in page and 'src="page' not in page and 'href="page' not in page


@pytest.mark.usefixtures("built")
def test_a_folder_is_new_and_whole(tmp_path: Path) -> None:
    assert write_folder(tmp_path / "site", {"a b.gcx": b"x"}) == ["index.html?src=a%2520b.gcx"]
    names = {path.name for path in (tmp_path / "site").rglob("*")}
    assert {"index.html", "a b.gcx", "synthesis.onnx"} <= names and not {
        "one-file",
        "serve",
    } & names
    with pytest.raises(OutputError):
        write_folder(tmp_path / "site", {})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_page_that_is_not_built_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parts, "_PAGE", tmp_path)
    with pytest.raises(_parts.UnusablePlugin, match="make page"):
        _parts.page()
