"""Inputs that have a companion each: which file it is, and what becomes of them where it changes or is gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from data_sets import contents, data_of, picture, report

import gcodec

Batch = Callable[..., CompletedProcess[str]]


def test_what_a_companion_lacks_is_encoded_and_decoded_with_it(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    pytest.importorskip("gcodec_lossless")
    for name in "cut.png", "1.png", "2.png", "3.png":
        (photos / name).unlink()
    (photos / "0.png").write_bytes(data_of(picture(0, 24)))
    batch("encode", photos, "small", "--embed", "ntc", "--quality", "0.5")
    lossless = ("--embed", "lossless", "--companions", "small", "--apart")
    made = batch("encode", photos, "rest", *lossless)
    assert made.returncode == 0, made.stderr
    alone = gcodec.encode(
        photos / "0.png", "lossless", companions=[tmp_path / "small/0.gcx"], apart=True
    )
    assert (tmp_path / "rest/0.gcx").read_bytes() == alone.data
    made = batch("decode", "rest", "again", "--companions", "small", "--together", "2")
    assert made.returncode == 0, made.stderr
    for name in "0.png", "a b/same.png":
        again = tmp_path / "again" / (f"{name}.png" if "same" in name else name)
        assert gcodec.load_image(again).to_pil() == gcodec.load_image(photos / name).to_pil()
    # Of two inputs that are called alike none takes the other's.
    (tmp_path / "small/a b/same.png.gcx").rename(tmp_path / "small/a b/same.gcx")
    made = batch("encode", photos, "other", *lossless)
    assert made.returncode == 21 and "small/a b/same.png.gcx" in made.stderr
    (tmp_path / "small/0.gcx").unlink()
    lone = batch("decode", "rest/0.gcx", "lone", "--companions", "small")
    assert lone.returncode == 21 and "small/0.gcx: cannot be read" in lone.stderr


def test_a_companion_that_changes_is_as_an_input_that_changes(
    photos: Path, tmp_path: Path, batch: Batch
) -> None:
    (photos / "cut.png").unlink()
    small, out = tmp_path / "small", tmp_path / "out"
    small.mkdir()
    for number in "012":
        (small / f"{number}.gcx").write_bytes(
            gcodec.encode(photos / f"{number}.png", "jpeg", target=gcodec.Target(quality=0.1)).data
        )
    words = ("encode", str(photos / "[0-3].png"), "out", "--embed", "webp", "--companions", "small")
    first = batch(*words)
    assert first.returncode == 21 and "companion" in first.stderr and "small/3.gcx" in first.stderr
    before = contents(out)
    assert report(batch(*words, "--json"))["made_now"] == 0
    better = gcodec.encode(photos / "0.png", "jpeg", target=gcodec.Target(quality=0.6)).data
    (small / "0.gcx").write_bytes(better)
    (small / "3.gcx").write_bytes(gcodec.encode(photos / "3.png", "jpeg").data)
    (small / "1.gcx").unlink()
    refused = batch(*words)
    assert refused.returncode == 2
    assert "with other inputs or companions: 0 are new, 2 changed, 0 gone (0.png" in refused.stderr
    taken = batch(*words, "--update", "--json")
    assert (taken.returncode, report(taken)["made_now"]) == (0, 2)
    after = contents(out)
    assert {name for name in after if before.get(name) != after[name]} == {"0.gcx", "3.gcx"}
    alone = gcodec.encode(photos / "0.png", "webp", companions=[better])
    assert after["0.gcx"] == alone.data
    assert report(batch(*words, "--json"))["made_now"] == 0
