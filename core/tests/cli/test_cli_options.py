"""Options of plugins on the command line: ``name:option=value``, beside flags that are for all that have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import support
from PIL import Image

GRAINS = ("grain:amount=0", "grain:amount=0.5", "grain")


def samples(picture: Path) -> bytes:
    with Image.open(picture) as image:
        return image.tobytes()


@pytest.fixture
def photo_file(pictures: Path) -> Path:
    return pictures / "photo.png"


def test_mix_compares_settings_of_one_plugin(photo_file: Path, site: Path, tmp_path: Path) -> None:
    words = ["--embed", "tiny:levels=2,tiny:levels=256", "--recon", ",".join(GRAINS)]
    words += ["--amount", "0.5", "-o", "out", "--json"]
    done = support.gcodec("mix", photo_file, *words, site=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = {(r["embedding"], r["reconstructor"]): r for r in json.loads(done.stdout)}
    assert list(records) == [(e, r) for e in ("tiny:levels=2", "tiny:levels=256") for r in GRAINS]
    for (e, r), record in records.items():
        name = f"out/photo.{e}.{r}.png".replace(":", "-")
        assert record["reconstruction"] == name
        assert (tmp_path / name).is_file() and (tmp_path / record["file"]).is_file()
    assert len({path.read_bytes() for path in (tmp_path / "out").glob("*.gcx")}) == 2
    # The flag is for those that say nothing themselves.
    none, half, flag = (records["tiny:levels=256", r]["psnr"] for r in GRAINS)
    assert flag == half != none


def test_what_a_name_says_itself_wins_over_the_flag(
    photo_file: Path, site: Path, tmp_path: Path
) -> None:
    files = {
        "both": ["--embed", "tiny:levels=2", "--levels", "256"],
        "notation": ["--embed", "tiny:levels=2"],
        "flag": ["--embed", "tiny", "--levels", "256"],
    }
    for name, words in files.items():
        words = ["encode", str(photo_file), "-o", f"{name}.gcx", *words]
        support.succeeds(support.gcodec(*words, site=[site], cwd=tmp_path))
    both, notation, flag = ((tmp_path / f"{name}.gcx").read_bytes() for name in files)
    assert both == notation != flag


def test_decode_and_suggestions_take_options_with_the_name(
    photo_file: Path, site: Path, tmp_path: Path
) -> None:
    def run(*words: object) -> None:
        support.succeeds(support.gcodec(*words, site=[site], cwd=tmp_path))

    run("encode", photo_file, "--embed", "tiny", "-o", "plain.gcx")
    run("encode", photo_file, "--embed", "tiny", "--suggest", "grain:invert=true", "-o", "told.gcx")
    run("decode", "plain.gcx", "-o", "asked.png", "--recon", "grain:invert=true")
    run("decode", "plain.gcx", "-o", "flag.png", "--recon", "grain", "--invert")
    run("decode", "told.gcx", "-o", "told.png")
    run("decode", "plain.gcx", "-o", "grain.png", "--recon", "grain")
    run("decode", "plain.gcx", "-o", "dial.png", "--recon", "grain:realism=0", "--realism", "1")
    run("decode", "plain.gcx", "-o", "preview.png", "--recon", "preview")
    made = {name: samples(tmp_path / f"{name}.png") for name in ("asked", "flag", "told")}
    assert made["asked"] == made["flag"] == made["told"] != samples(tmp_path / "grain.png")
    assert samples(tmp_path / "dial.png") == samples(tmp_path / "preview.png")


REFUSED = {
    "encode photo.png --embed tiny:levels=1": "option 'levels' of 'tiny' is 1",
    "encode photo.png --embed tiny:levels": "option 'levels' of 'tiny' is ''",
    "encode photo.png --embed tiny:lvls=2": "'tiny' has no option 'lvls' (it has: levels)",
    "encode photo.png --embed tiny:levels=2:force=1": "'tiny' has no option 'force'",
    "encode photo.png --embed tiny:": "'tiny' has no option ''",
    "encode photo.png --embed tiny --suggest grain:amount=2": "option 'amount' of 'grain' is 2.0",
    "mix photo.png --embed tiny --recon grain:invert=perhaps": "it must be true or false",
    "mix photo.png --embed tiny,tiny": "--embed names tiny twice",
    "mix photo.png --embed tiny --recon ,": "--recon names no plugin",
}


@pytest.mark.parametrize(("words", "line"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    words: str, line: str, photo_file: Path, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(photo_file.read_bytes())
    done = support.gcodec(*words.split(), site=[site], cwd=tmp_path)
    said = done.stderr.decode()
    assert (done.returncode, said.count("\n")) == (2, 1), said
    assert line in said
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]
