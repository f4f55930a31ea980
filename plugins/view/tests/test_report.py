"""`gcodec report` and what it reads; the page itself is not needed for that."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from results import crop, mixed

import gcodec
import gcodec_formats as gcx
from gcodec.errors import UnknownPlugin, UsageError
from gcodec.plugin import CommandSpec
from gcodec.registry import Registry
from gcodec.testing import CommandConformance
from gcodec.testing._processes import run_gcodec
from gcodec_view import _parts
from gcodec_view._records import read
from gcodec_view._reporting import report

GOLDEN = Path(__file__).parents[3] / "tests/golden"


class TestReport(CommandConformance):
    name = "report"
    failing: ClassVar[Mapping[Sequence[str], int]] = {
        (): 2,
        ("nowhere",): 7,
        (".",): 2,
        (".", "-o", "nowhere/report.html"): 8,
        (".", "--originals", "nowhere"): 2,
        (".", "--prefixes", "0"): 2,
    }


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of which the document alone is real."""
    folder = tmp_path / "page"
    for place in ("one-file", "serve"):
        (folder / place).mkdir(parents=True)
    source = Path(__file__).parents[1] / "page/src/report/report.html"
    shutil.copyfile(source, folder / "one-file/report.html")
    for name in (
        "index.html",
        "one-file/report.css",
        "one-file/report.js",
        "serve/index.html",
    ):
        (folder / name).write_text(f"/* {name} */")
    monkeypatch.setattr(_parts, "_PAGE", folder)


def parts(document: bytes) -> dict[str, bytes]:
    """What lies in a page, by name."""
    holders = re.findall(rb'data-part="([^"]*)"[^>]*>([^<]*)</script>', document)
    return {name.decode(): gzip.decompress(base64.b64decode(packed)) for name, packed in holders}


def table(document: bytes) -> Any:
    return json.loads(parts(document)["report.json"])


@pytest.mark.usefixtures("built")
def test_every_record_is_in_it_with_its_picture_and_its_file(tmp_path: Path) -> None:
    first, second = crop(tmp_path / "first.png"), crop(tmp_path / "second.png", left=200)
    mixed(tmp_path / "a", first, 0.2)
    mixed(tmp_path / "a", second, 0.2)
    mixed(tmp_path / "b", first, 0.6)
    made = report(read([tmp_path / "a", tmp_path / "b"]))
    held, found = parts(made), table(made)
    assert [one["name"] for one in found["pictures"]] == ["first.png", "second.png"]
    assert [(p["picture"], p["values"]["psnr"]) for p in found["points"]] == [
        (0, 24.0),
        (1, 24.0),
        (0, 32.0),
    ]
    for point, folder in zip(found["points"], "aab", strict=True):
        for kept in (point["file"], point["decoded"]):
            data = (tmp_path / folder / kept["name"]).read_bytes()
            assert held[kept["part"]] == data
            assert hashlib.sha256(data).hexdigest() == kept["sha256"]
        assert point["bpp"] == 8 * point["bytes"] / (128 * 96)
    assert held[found["pictures"][0]["part"]] == first.read_bytes()
    assert {m["name"]: m["rises"] for m in found["metrics"]} == {
        "psnr": True,
        "ms_ssim": True,
        "lpips": False,
    }


@pytest.mark.usefixtures("built")
def test_names_are_no_markup_and_nothing_is_fetched(tmp_path: Path) -> None:
    original = crop(tmp_path / '"><script>alert(1)<|script>.png')
    mixed(tmp_path / "a", original)
    made = report(read([tmp_path / "a"]))
    assert b"<script>alert" not in made and table(made)["pictures"][0]["name"] == original.name
    assert not re.search(rb"https?://|src=(?!\")|@import|connect-src", made)
    assert b"default-src 'none'" in made and b"unsafe-inline" not in made


@pytest.mark.usefixtures("built")
def test_what_no_browser_shows_is_kept_as_samples(tmp_path: Path) -> None:
    original = tmp_path / "photo.tiff"
    picture = gcodec.load_image(crop(tmp_path / "photo.png"))
    gcodec.save_image(picture, original)
    mixed(tmp_path / "a", original)
    made = report(read([tmp_path / "a"]))
    kept = parts(made)[table(made)["pictures"][0]["part"]]
    assert (gcodec.load_image(kept).to_array() == picture.to_array()).all()


def test_the_commands_make_the_same_file(tmp_path: Path) -> None:
    """Those of a real mix, options of plugins and all; run as they stand, they give the same bytes."""
    original = crop(tmp_path / "a photo.png")
    words = ("--embed", "webp:effort=2", "--recon", "preview", "--bpp", "0.9", "-o", "mixed")
    assert run_gcodec("mix", original.name, *words, cwd=tmp_path).returncode == 0
    (row,) = read([tmp_path / "mixed"], tmp_path)
    commands = ["encode", original.name, "-o", "again.gcx", *row.encode_words]
    assert run_gcodec(*commands, cwd=tmp_path).returncode == 0
    assert row.file is not None and row.decoded is not None
    assert (tmp_path / "again.gcx").read_bytes() == row.file.read_bytes()
    done = run_gcodec("decode", "again.gcx", *row.decode_words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again, before = (
        gcodec.load_image(tmp_path / "again.decoded.png"),
        gcodec.load_image(row.decoded),
    )
    assert (again.to_array() == before.to_array()).all()


@pytest.mark.usefixtures("built")
def test_what_is_copied_is_one_word_for_a_shell_where_it_is_one_name(tmp_path: Path) -> None:
    original = crop(tmp_path / "$(touch gone) 'x'.png")
    mixed(tmp_path / "a", original)
    (point,) = table(report(read([tmp_path / "a"])))["points"]
    assert shlex.split(point["commands"][0])[2] == original.name


@pytest.mark.usefixtures("built")
def test_pictures_of_prefixes_are_those_of_a_receiver(tmp_path: Path) -> None:
    data = (GOLDEN / "uqdm.gcx").read_bytes()
    size = gcx.read(data).header.size
    original = crop(tmp_path / "photo.png", width=size.width, height=size.height)
    mixed(tmp_path / "a", original, data=data, embedding="uqdm")
    made = report(read([tmp_path / "a"]), prefixes=1)
    (point,) = table(made)["points"]
    ((prefix),) = point["prefixes"]
    wanted = gcodec.decode(data[: prefix["end"]], "preview", partial=True).picture
    assert prefix["end"] < len(data)
    seen = gcodec.load_image(parts(made)[prefix["part"]])
    assert (seen.to_array() == wanted.to_array()).all()


def test_a_record_names_nothing_but_what_lies_beside_it(tmp_path: Path) -> None:
    """A folder from elsewhere cannot ask for a picture of this machine's."""
    original, secret = crop(tmp_path / "photo.png"), crop(tmp_path / "secret.png", left=0)
    mixed(tmp_path / "a", original, reconstruction=str(secret))
    with pytest.raises(UsageError, match=r"a/secret.png is missing"):
        read([tmp_path / "a"])


def test_a_record_tells_the_receiver_nothing_but_how_to_decode(tmp_path: Path) -> None:
    words = ["--recon", "preview", "-o", str(tmp_path / "taken")]
    mixed(tmp_path / "a", crop(tmp_path / "photo.png"), decode_words=words)
    with pytest.raises(UsageError, match="decode_words"):
        read([tmp_path / "a"])


def test_what_a_record_lacks_is_said_in_words(tmp_path: Path) -> None:
    place = mixed(tmp_path / "a", crop(tmp_path / "photo.png"))
    record = json.loads(place.read_text("utf-8"))
    del record["encode_words"]
    place.write_text(json.dumps(record), "utf-8")
    with pytest.raises(UsageError, match=r"of this version: it has no 'encode_words'$"):
        read([tmp_path / "a"])


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    original = crop(tmp_path / "photo.png")
    mixed(tmp_path / "a", original)
    moved = tmp_path / "moved"
    moved.mkdir()
    original.rename(moved / original.name)
    with pytest.raises(UsageError, match="--originals"):
        read([tmp_path / "a"])
    assert len(read([tmp_path / "a"], moved)) == 1
    (tmp_path / "b").mkdir()
    (tmp_path / "b/other.json").write_text("[1]")
    with pytest.raises(UsageError, match="holds nothing"):
        read([tmp_path / "b"])


@pytest.mark.parametrize(
    "words", [("mix", "photos/a.png"), ("eval", "photos", "--metrics", "psnr")]
)
def test_mix_and_eval_make_one_at_once(tmp_path: Path, words: Sequence[str]) -> None:
    if not (Path(_parts.__file__).parent / "page/one-file/report.html").exists():
        pytest.skip("the page is not built: make page")
    (tmp_path / "photos").mkdir()
    crop(tmp_path / "photos/a.png")
    more = ("--embed", "webp", "--recon", "preview", "--bpp", "0.9", "-o", "out", "--json")
    done = run_gcodec(*words, *more, "--report", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)  # and nothing else
    (point,) = table((tmp_path / "page.html").read_bytes())["points"]
    again = run_gcodec(*words, *more, "--report", "page.html", cwd=tmp_path)
    assert again.returncode == 8 and "--force" in again.stderr
    forced = run_gcodec(*words, *more, "--report", "page.html", "--force", cwd=tmp_path)
    assert forced.returncode == 0, forced.stderr
    assert (point["embedding"], point["reconstructor"]) == ("webp", "preview")
    assert point["commands"][0].startswith("gcodec encode a.png ")


def test_without_the_plugin_it_is_said_before_any_work(tmp_path: Path) -> None:
    crop(tmp_path / "a.png")
    words = ("mix", "a.png", "--embed", "webp", "--recon", "preview", "--report", "page.html")
    done = run_gcodec("--without", "gcodec-view", *words, cwd=tmp_path)
    assert done.returncode == 4 and "gcodec-view is switched off" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    with pytest.raises(UnknownPlugin, match="pip install gcodec-view"):
        Registry(()).named(CommandSpec, "report")
