"""Training pairs: real codecs, true errors, the same however the making was interrupted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gcodec_flow import pairs
from gcodec_flow.pairs import Pairs, PairSet, make
from gcodec_train import Photos, packed

FloatArray = NDArray[np.float32]

SETTINGS = PairSet(codecs=("jpeg", "webp"), encodings=4, crops=2, size=64)


@pytest.fixture
def photos(photo: FloatArray, tmp_path: Path) -> Photos:
    """Three photographs; the last is smaller than a crop."""
    octets = np.rint(photo.transpose(1, 2, 0) * 255).astype(np.uint8)
    folder = tmp_path / "photographs"
    folder.mkdir()
    for k, image in enumerate((octets, octets[:, ::-1], octets[:50])):
        Image.fromarray(image).save(folder / f"{k}.png")
    return packed(folder, tmp_path / "cache")


def everything(made: Pairs) -> list[np.ndarray]:
    return [np.array(made.x), np.array(made.y), made.mse]


@pytest.mark.parametrize("index", [0, 1])
def test_pairs_come_from_their_own_photographs(photos: Photos, tmp_path: Path, index: int) -> None:
    made = make(photos, np.array([index, 2]), SETTINGS, 0, tmp_path / "pairs")
    assert made.x.shape == made.y.shape == (8, 64, 64, 3)
    whole = photos[index]
    for crop in made.x:
        places = (
            whole[top : top + 64, left : left + 64]
            for top in range(0, whole.shape[0] - 63, pairs.GRID)
            for left in range(0, whole.shape[1] - 63, pairs.GRID)
        )
        assert any(np.array_equal(crop, place) for place in places)


def test_a_preview_resembles_its_original_within_the_stated_error(
    photos: Photos, tmp_path: Path
) -> None:
    made = make(photos, np.array([0, 1]), SETTINGS, 0, tmp_path / "pairs")
    for x, y, mse in zip(made.x, made.y, made.mse, strict=True):
        assert 0 < pairs.squared_error(x, y) < 10 * mse < 0.1
    assert len(set(made.mse)) == 8


def test_an_interrupted_making_goes_on_and_ends_the_same(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = np.array([0, 1])
    whole = everything(make(photos, members, SETTINGS, 3, tmp_path / "whole"))
    encoded: list[str] = []

    def named(name: str) -> pairs.Codec:
        codec = codec_named(name)

        def counted(x: np.ndarray, u: float) -> np.ndarray:
            encoded.append(name)
            # The second photograph's encodings may run beside the first's.
            if stop and np.array_equal(x, photos[stop[0]]):
                raise KeyboardInterrupt
            return codec(x, u)

        return counted

    codec_named = pairs.codec_named
    monkeypatch.setattr(pairs, "codec_named", named)
    stop = [1]
    with pytest.raises(KeyboardInterrupt):
        make(photos, members, SETTINGS, 3, tmp_path / "parts")
    stop.clear()
    encoded.clear()
    parts = everything(make(photos, members, SETTINGS, 3, tmp_path / "parts"))
    assert all(map(np.array_equal, whole, parts))
    assert len(encoded) in (4, 8)
    encoded.clear()
    again = everything(make(photos, members, SETTINGS, 3, tmp_path / "parts"))
    assert all(map(np.array_equal, whole, again))
    assert not encoded


def test_other_settings_make_other_pairs(photos: Photos, tmp_path: Path) -> None:
    members = np.array([0])
    first = everything(make(photos, members, SETTINGS, 0, tmp_path / "pairs"))
    second = everything(make(photos, members, SETTINGS, 1, tmp_path / "pairs"))
    assert not np.array_equal(first[0], second[0])
    only = PairSet(codecs=("avif",), encodings=1, crops=3, size=32)
    assert make(photos, members, only, 0, tmp_path / "pairs").x.shape == (3, 32, 32, 3)


def test_other_weights_of_an_embedding_make_other_pairs(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gcodec_ntc")
    assert list(pairs.digests(("jpeg", "gcodec:ntc"))) == ["ntc"]
    settings = PairSet(codecs=("gcodec:ntc",), encodings=1, crops=1, size=32)
    for darker in (20, 20, 40):
        weights = {"ntc": str(darker)}
        monkeypatch.setattr(pairs, "digests", lambda codecs, weights=weights: weights)
        monkeypatch.setattr(
            pairs, "codec_named", lambda name, d=darker: lambda x, u: x // 2 + np.uint8(d)
        )
        made = make(photos, np.array([0]), settings, 0, tmp_path / "pairs")
        assert np.array_equal(made.y, made.x // 2 + np.uint8(darker))


@pytest.mark.parametrize(
    "wrong", [{"codecs": ("gif",)}, {"codecs": ()}, {"size": 40}, {"crops": 0}, {"share": 0.0}]
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PairSet(**{"codecs": ("jpeg",), **wrong})  # type: ignore[arg-type]


def test_photographs_smaller_than_a_crop_are_not_enough(photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no photograph is as large as a crop of 64x64"):
        make(photos, np.array([2]), SETTINGS, 0, tmp_path / "pairs")
