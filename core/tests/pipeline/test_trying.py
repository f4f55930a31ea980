"""A sender that tries several files: it sends the best of them by the metric, and never a worse one than without."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sample_codecs
import support

import gcodec
from gcodec import Target, Trials, decode, encode
from gcodec.errors import (
    InvalidOption,
    ModelMissing,
    NoPath,
    TargetTooSmall,
    UnknownPlugin,
    UsageError,
)
from gcodec.pipeline.encoding import check_encoding
from gcodec.pipeline.mixing import measured
from gcodec.plugin import MetricSpec
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_formats import read
from gcodec_formats import registry as numbers

if TYPE_CHECKING:
    from gcodec.pictures import Picture

pytestmark = pytest.mark.usefixtures("installed")

TARGET = Target(bytes=200)
GRAIN = {"amount": 0.1}


def trials(count: int, judge: str = "grain", **more: Any) -> Trials:
    options = GRAIN if judge == "grain" else {}
    return Trials(count, judge, **{"options": options, "metric": "psnr", **more})


def psnr(photo: Picture, data: bytes) -> float:
    spec = registry().named(MetricSpec, "psnr")
    return measured(spec, photo.pixels, decode(data, "grain", options=GRAIN).picture.pixels)


def test_more_tries_are_never_worse_and_one_is_the_file_without(photo: Picture) -> None:
    plain = encode(photo, "tiny", target=TARGET)
    found = [encode(photo, "tiny", target=TARGET, trials=trials(n)) for n in (1, 2, 5, 12)]
    assert found[0].data == plain.data and plain.judged is None
    values = [psnr(photo, made.data) for made in found]
    assert values == sorted(values) and values[-1] > values[0]
    for made, value, count in zip(found, values, (1, 2, 5, 12), strict=True):
        assert made.judged is not None
        # What is said of a file is what its receiver gets.
        assert (made.judged.chosen, made.judged.plain) == (value, values[0])
        assert (made.judged.metric, made.judged.tried) == ("psnr", count)
        assert len(made.data) <= 200
    assert encode(photo, "tiny", target=TARGET, trials=trials(12)).data == found[-1].data
    assert read(found[-1].data).header.extensions[numbers.SEED] in range(1, 12)


def test_seeds_go_on_from_the_one_that_was_asked_for(photo: Picture) -> None:
    run = gcodec.Run(seed=2**64 - 1)
    made = encode(photo, "tiny", target=TARGET, trials=trials(4), run=run)
    assert read(made.data).header.extensions.get(numbers.SEED, 0) in {2**64 - 1, 0, 1, 2}
    assert made.judged is not None and made.judged.tried == 4


def test_an_alternative_of_the_embedding_is_sent_where_it_is_nearer(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = encode(photo, "tiny", target=TARGET).data
    asked: list[Collection[str]] = []

    def alternatives(self: Any, analysis: Any, heard: Collection[str]) -> Iterator[Any]:
        asked.append(heard)
        yield analysis * np.float32(0)
        yield analysis * np.float32(2)

    monkeypatch.setattr(sample_codecs.Tiny, "analyse", lambda self, pixels: pixels / 2)
    monkeypatch.setattr(sample_codecs.Tiny, "alternatives", alternatives)
    made = encode(photo, "tiny", target=TARGET, trials=trials(3, "preview"))
    assert made.data == good
    assert asked == [{"preview"}]
    dark = encode(photo, "tiny", target=TARGET, trials=trials(2, "preview")).data
    assert dark == encode(photo, "tiny", target=TARGET).data != good


def test_what_fits_is_sent_where_the_file_without_trials_is_too_large(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = sample_codecs.Tiny.encode

    def padded(self: Any, analysis: Any, quality: float) -> tuple[bytes, ...]:
        (layer,) = original(self, analysis, quality)
        return (layer + bytes(300),) if analysis.mean() > 0.1 else (layer,)

    monkeypatch.setattr(sample_codecs.Tiny, "encode", padded)
    with pytest.raises(TargetTooSmall):
        encode(photo, "tiny", target=TARGET, trials=trials(2))
    monkeypatch.setattr(sample_codecs.Tiny, "alternatives", lambda self, a, heard: iter([a / 100]))
    made = encode(photo, "tiny", target=TARGET, trials=trials(3))
    assert made.judged is not None
    assert (made.judged.plain, made.judged.tried) == (None, 2)


def test_beside_a_companion_the_seed_stays(photo: Picture) -> None:
    other = encode(photo, "test/named", target=Target(quality=0)).data
    made = encode(photo, "tiny", companions=[other], trials=trials(8))
    assert made.judged is not None and made.judged.tried == 1
    assert made.data == encode(photo, "tiny", companions=[other]).data


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"count": 0}, UsageError),
        ({"count": 1.5}, UsageError),
        ({"judge": "nobody"}, UnknownPlugin),
        ({"judge": "fussy"}, NoPath),
        ({"options": {"amount": 2}}, InvalidOption),
        ({"metric": "nix"}, UnknownPlugin),
    ],
)
def test_trials_that_cannot_be(
    photo: Picture, asked: dict[str, Any], error: type[Exception]
) -> None:
    how: dict[str, Any] = {"count": 2, "judge": "grain", **asked}
    with pytest.raises(error):
        encode(photo, "tiny", trials=Trials(**how))


def test_a_judge_that_nothing_leads_to_is_said_before_a_file_is_made(
    photo: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside companions nothing is said: what leads to it may be theirs."""
    monkeypatch.setattr(sample_codecs.Tiny, "encode", lambda *_: pytest.fail("a file was made"))
    with pytest.raises(NoPath, match="'fussy' cannot decode 'tiny'"):
        encode(photo, "tiny", trials=trials(2, "fussy"))
    with pytest.raises(ModelMissing, match="test/none"):
        check_encoding("tiny", {}, None, trials(2, "heavy"), Run())
    check_encoding("tiny", {}, None, trials(2, "fussy"), Run(), companions=True)


def test_the_command_writes_the_best_and_says_how_good_it_is(
    pictures: Path, site: Path, tmp_path: Path
) -> None:
    words = ["encode", pictures / "photo.png", "-o", "a.gcx", "--embed", "tiny", "--bytes", "200"]
    tries = ["--tries", "6", "--judge", "grain:amount=0.1", "--metric", "psnr"]
    done = support.gcodec(*words, *tries, "--json", site=[site], cwd=tmp_path)
    judged = json.loads(support.succeeds(done))["judged"]
    assert judged["metric"] == "psnr" and judged["tried"] == 6
    assert judged["chosen"] > judged["plain"]
    suggested = ["--tries", "6", "--suggest", "grain:amount=0.1", "--metric", "psnr", "--force"]
    done = support.gcodec(*words, *suggested, site=[site], cwd=tmp_path)
    assert "as the best of 6 (without trying:" in support.succeeds(done)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--tries", "3"], "--judge"),
        (["--judge", "grain"], "--tries"),
        (["--metric", "psnr"], "--tries"),
        (["--tries", "0", "--judge", "grain"], "--tries"),
    ],
)
def test_options_that_say_half(
    pictures: Path, site: Path, tmp_path: Path, words: list[str], part: str
) -> None:
    photo = pictures / "photo.png"
    done = support.gcodec("encode", photo, "-o", tmp_path / "a.gcx", *words, site=[site])
    support.fails(done, 2, part)
    assert not (tmp_path / "a.gcx").exists()
