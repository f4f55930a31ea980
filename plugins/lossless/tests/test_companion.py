"""With a companion, `lossless` sends what that does not say; who has another companion, or none, is told so in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gcodec
from gcodec.errors import FormatError, PayloadError, TargetTooSmall, UsageError
from gcodec.pictures import save_image
from gcodec.testing import pictures
from gcodec.testing._processes import run_gcodec

rng = np.random.default_rng(5)
SIDE = 80


@pytest.fixture(scope="module")
def octets(kodim23: Any) -> NDArray[np.uint8]:
    """uint8 [80, 80, 3]: a parrot's face, without an origin: a Photo CD's last digits are lost in noise."""
    part = kodim23[:, 140 : 140 + SIDE, 460 : 460 + SIDE].transpose(1, 2, 0) * 255
    return np.rint(part + rng.normal(size=part.shape)).clip(0, 255).astype(np.uint8)


def picture(samples: NDArray[Any]) -> gcodec.Picture:
    return gcodec.Picture.from_array(np.ascontiguousarray(samples), layout="HWC")


def small(shown: gcodec.Picture, quality: float = 0.6, embedding: str = "ntc") -> bytes:
    return gcodec.encode(shown, embedding, target=gcodec.Target(quality=quality)).data


def rest(shown: gcodec.Picture, companion: bytes, quality: float = 1.0) -> bytes:
    target = gcodec.Target(quality=quality)
    return gcodec.encode(shown, "lossless", target=target, companions=[companion], apart=True).data


@pytest.mark.parametrize("quality", [0.5, 0.75])
def test_both_together_are_about_as_large_as_one_alone(
    octets: NDArray[np.uint8], quality: float
) -> None:
    shown = picture(octets)
    companion, alone = small(shown, quality), gcodec.encode(shown, "lossless").data
    missing = rest(shown, companion)
    assert len(missing) < len(alone) - len(companion) / 3
    assert len(missing) + len(companion) < 1.1 * len(alone)
    found = gcodec.decode(missing, companions=[companion]).picture
    assert np.array_equal(found.to_array("uint8"), octets)


def test_one_that_saves_nothing_is_not_used_and_that_is_said(octets: NDArray[np.uint8]) -> None:
    shown, alone = (
        picture(octets[:24, :40]),
        gcodec.encode(picture(octets[:24, :40]), "lossless").data,
    )
    other = small(picture(octets[50:74, :40]), 0.7)
    with pytest.warns(UserWarning, match="it was not used, and the file decodes without it"):
        missing = rest(shown, other)
    assert missing == alone
    found = gcodec.decode(missing).picture
    assert np.array_equal(found.to_array("uint8"), octets[:24, :40])
    with pytest.warns(UserWarning, match="made without a companion"):
        found = gcodec.decode(missing, companions=[other]).picture
    assert np.array_equal(found.to_array("uint8"), octets[:24, :40])
    with pytest.warns(UserWarning, match="it was not used"):
        whole = gcodec.encode(shown, "lossless", companions=[other], digest=True).data
    assert len(alone) + len(other) / 2 < len(whole) <= len(alone) + len(other) + 16
    gcodec.verify(whole)  # inside, it is the sender's to say


def test_of_a_large_picture_parts_tell_which_law_the_whole_is_coded_under(
    octets: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, good = picture(octets[:64]), small(picture(octets[:64]), 0.75)
    wanted = rest(shown, good)
    monkeypatch.setattr("gcodec_lossless.codec._LEAST", 8)
    monkeypatch.setattr("gcodec_lossless.codec._CLEAR", 0)
    assert rest(shown, good) == wanted
    with pytest.warns(UserWarning, match="it was not used"):
        found = rest(shown, small(picture(octets[16:]), 0.75))
    assert found == gcodec.encode(shown, "lossless").data


def test_a_size_is_kept_by_what_is_missing(octets: NDArray[np.uint8], tmp_path: Path) -> None:
    """The companion is apart, so its bytes are not among those asked for; samples err by as much as that takes."""
    shown = picture(octets[:32, :40])
    companion = small(shown)
    whole = len(rest(shown, companion))
    lengths = []
    for target in (gcodec.Target(bytes=whole), gcodec.Target(bpp=3.0), gcodec.Target(bytes=400)):
        made = gcodec.encode(shown, "lossless", target=target, companions=[companion], apart=True)
        limit = target.limit(32 * 40)
        assert limit is not None
        assert len(made.data) <= limit
        found = gcodec.decode(made.data, companions=[companion]).picture.to_array("uint8")
        most = np.abs(found.astype(int) - octets[:32, :40]).max()
        assert most == round(15 * (1 - made.quality))
        lengths.append(len(made.data))
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == whole
    with pytest.raises(TargetTooSmall) as caught:
        target = gcodec.Target(bytes=30)
        gcodec.encode(shown, "lossless", target=target, companions=[companion], apart=True)
    assert caught.value.smallest <= lengths[-1]
    assert "companion" not in str(caught.value)


def test_inside_it_is_one_file_that_holds_both(octets: NDArray[np.uint8]) -> None:
    shown = picture(octets[:32, :40])
    companion = small(shown)
    whole = gcodec.encode(shown, "lossless", companions=[companion], digest=True).data
    apart = rest(shown, companion)
    assert len(apart) < len(whole) - len(companion) // 2
    assert np.array_equal(gcodec.decode(whole).picture.to_array("uint8"), octets[:32, :40])
    gcodec.verify(whole)
    with pytest.raises(UsageError, match="inside; give none"):
        gcodec.decode(whole, companions=[companion])


@pytest.mark.filterwarnings("ignore:the companion would save nothing")  # of one pixel it does not
@pytest.mark.filterwarnings("ignore:the file was made without a companion")
@pytest.mark.parametrize("kind", ["gray", "deep", "near", "origin", "row", "one", "tall"])
def test_every_kind_comes_back(octets: NDArray[np.uint8], kodim23: Any, kind: str) -> None:
    part: NDArray[Any] = octets[:17, :38]
    if kind == "gray":
        part = part[..., 1:2]
    elif kind == "deep":
        grain = rng.integers(-200, 200, part.shape)
        part = np.clip(part * 257.0 + grain, 0, 65535).astype(np.uint16)
    elif kind == "origin":
        part = np.rint(kodim23[:, 200:240, 460:500].transpose(1, 2, 0) * 255).astype(np.uint8)
    elif kind in ("row", "one"):
        part = part[:1, : 38 if kind == "row" else 1]
    elif kind == "tall":
        part = part.transpose(1, 0, 2)
    shown = picture(part)
    companion = small(shown)
    missing = rest(shown, companion, 0.8 if kind == "near" else 1.0)
    found = gcodec.decode(missing, companions=[companion]).picture.to_array(str(part.dtype))
    apart = np.abs(found.astype(int).reshape(part.shape) - part.astype(int)).max()
    assert apart == (3 if kind == "near" else 0)


@pytest.mark.filterwarnings("ignore:the companion would save nothing")
@pytest.mark.filterwarnings("ignore:the file was made without a companion")
def test_of_a_smooth_companion_and_of_one_beyond_40_decibels(octets: NDArray[np.uint8]) -> None:
    shown = picture(octets[:24, :24])
    for quality in (0.0, 0.95):
        companion = small(shown, quality)
        found = gcodec.decode(rest(shown, companion), companions=[companion]).picture
        assert np.array_equal(found.to_array("uint8"), octets[:24, :24])


def test_a_fresh_process_decodes_it(octets: NDArray[np.uint8], tmp_path: Path) -> None:
    save_image(picture(octets[:32, :40]), tmp_path / "photo.png")
    for words in (
        ("encode", "photo.png", "--embed", "ntc", "--bpp", "0.9", "-o", "small.gcx"),
        (
            *("encode", "photo.png", "--embed", "lossless", "--companion", "small.gcx"),
            *("--apart", "-o", "rest.gcx"),
        ),
        ("decode", "rest.gcx", "--companion", "small.gcx", "-o", "again.png"),
        ("verify", "rest.gcx", "--companion", "small.gcx"),
    ):
        done = run_gcodec(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    done = run_gcodec("decode", "rest.gcx", "-o", "lone.png", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (10, 1)
    (tmp_path / "cut.gcx").write_bytes((tmp_path / "small.gcx").read_bytes()[:-3])
    for status, said, companions in (
        (20, "companion cut.gcx: ", ["cut.gcx"]),
        (7, "companion none.gcx: ", ["none.gcx"]),
        (2, "companion small.gcx: another", ["small.gcx", "small.gcx"]),
    ):
        words = [word for name in companions for word in ("--companion", name)]
        done = run_gcodec("decode", "rest.gcx", *words, "-o", "lone.png", cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (status, 1)
        assert said in done.stderr
    assert not (tmp_path / "lone.png").exists()
    found = gcodec.load_image(tmp_path / "again.png").to_array("uint8")
    assert np.array_equal(found, octets[:32, :40])


def test_a_session_takes_it_too(octets: NDArray[np.uint8]) -> None:
    shown = picture(octets[:16, :20])
    companion = small(shown)
    with gcodec.Session() as session:
        missing = session.encode(shown, "lossless", companions=[companion], apart=True).data
        twice = session.decode([missing, missing], companions=[companion], together=2)
    assert all(np.array_equal(one.picture.to_array("uint8"), octets[:16, :20]) for one in twice)


def test_another_companion_and_none_are_told_apart(octets: NDArray[np.uint8]) -> None:
    shown = picture(octets[:24, :24])
    companion = small(shown)
    missing = rest(shown, companion)
    with pytest.raises(PayloadError, match="is not in the file; decode it with that, an `ntc`"):
        gcodec.decode(missing)
    with pytest.raises(PayloadError, match="made with another companion"):
        gcodec.decode(missing, companions=[small(shown, 0.3)])
    with pytest.raises(PayloadError, match="made with another companion"):
        gcodec.decode(missing, companions=[small(picture(octets[30:54, :24]))])
    with pytest.raises(PayloadError, match="decode it with that, an `ntc`"):
        gcodec.decode(missing, companions=[small(shown, 0.6, "webp")])
    with pytest.raises(UsageError, match="companion 1 is of a picture of 20x24"):
        gcodec.decode(missing, companions=[small(picture(octets[:24, :20]))])
    with pytest.raises(FormatError):
        gcodec.decode(missing, companions=[companion[:-3]])
    for cut in (missing[:-3], missing[: len(missing) // 2]):
        with pytest.raises(FormatError):
            gcodec.decode(cut, companions=[companion])


def test_what_cannot_be_built_on_is_refused_by_name(octets: NDArray[np.uint8]) -> None:
    shown = picture(octets[:24, :24])
    with pytest.raises(UsageError, match="cannot build on a companion of `webp`"):
        gcodec.encode(shown, "lossless", companions=[small(shown, 0.6, "webp")])


def test_companions_are_left_out_only_where_that_is_noticed(octets: NDArray[np.uint8]) -> None:
    shown = picture(octets[:24, :24])
    with pytest.raises(UsageError, match="uqdm does not notice where they are missing"):
        gcodec.encode(shown, "uqdm", companions=[small(shown)], apart=True)
    with pytest.raises(UsageError, match="lossless has none here"):
        gcodec.encode(shown, "lossless", apart=True)


def test_print_is_still_listed_by_its_colours() -> None:
    page = gcodec.Picture.from_array(pictures.photograph(40, 24)).to_array("uint8") // 80 * 80
    shown = picture(page)
    companion = small(shown, 0.3)
    with pytest.warns(UserWarning, match="it was not used"):
        missing = rest(shown, companion)
    assert missing == gcodec.encode(shown, "lossless").data
    found = gcodec.decode(missing).picture
    assert np.array_equal(found.to_array("uint8"), page)
