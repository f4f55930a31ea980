"""``gcodec mix``: files, records and the fresh process."""

from __future__ import annotations

import json
from pathlib import Path

import support


def test_names_with_a_vendor_make_no_folders(pictures: Path, site: Path, tmp_path: Path) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "test/named,tiny", "--recon", "preview,grain", "-o", "out"]
    done = support.gcodec(*words, "--json", site=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pairs = [f"{e}.{r}" for e in ("test-named", "tiny") for r in ("preview", "grain")]
    expected = {f"photo.{pair}.{suffix}" for pair in pairs for suffix in ("png", "json")}
    expected |= {"photo.test-named.gcx", "photo.tiny.gcx"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == expected
    for record in json.loads(done.stdout):
        assert record["bytes"] == (tmp_path / record["file"]).stat().st_size
        assert json.loads((tmp_path / record["record"]).read_bytes()) == record


def test_an_option_reaches_every_plugin_that_has_it(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny", "--recon", "grain", "--quality", "1", "--json"]
    grainy, clean = (
        json.loads(support.gcodec(*words, *more, site=[site], cwd=folder).stdout)[0]["psnr"]
        for folder, more in (
            (_folder(tmp_path / "a"), ("--amount", "0.5")),
            (_folder(tmp_path / "b"), ("--amount", "0")),
        )
    )
    assert grainy < clean - 10


def test_a_failure_of_the_fresh_process_is_told_in_one_line(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    photo = next(pictures.glob("photo.png"))
    words = ["mix", photo, "--embed", "tiny", "--recon", "heavy", "-o", "out"]
    done = support.gcodec(*words, site=[site], cwd=tmp_path)
    assert done.returncode == 12
    assert len(done.stderr.splitlines()) == 1 and b"test/none" in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.tiny.gcx"]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path
