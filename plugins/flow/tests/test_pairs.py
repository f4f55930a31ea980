"""Training pairs: real codecs, true errors, held-out photographs kept apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gcodec_flow import pairs
from gcodec_flow.tiles import FloatArray


@pytest.fixture
def photographs(photo: FloatArray, tmp_path: Path) -> Path:
    """Two photographs; the first is one that is held out."""
    octets = np.rint(photo.transpose(1, 2, 0) * 255).astype(np.uint8)
    for k, image in enumerate((octets, octets[:, ::-1])):
        Image.fromarray(image).save(tmp_path / f"{k}.avif", quality=90, speed=10)
    return tmp_path


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, *extra: str) -> dict[str, np.ndarray]:
    out = folder / "out"
    words = ["pairs", "--images", str(folder), "--out", str(out), "--codecs", "jpeg,webp", *extra]
    monkeypatch.setattr("sys.argv", [*words, "--encodings", "4", "--crops", "2", "--size", "64"])
    pairs.main()
    return {name: np.load(out / f"{name}.npy") for name in ("x", "y", "mse", "image")}


@pytest.mark.parametrize(("extra", "index"), [((), 1), (("--held-out",), 0)])
def test_pairs_come_from_their_own_photographs(
    photographs: Path, monkeypatch: pytest.MonkeyPatch, extra: tuple[str, ...], index: int
) -> None:
    arrays = made(photographs, monkeypatch, *extra)
    assert arrays["x"].shape == arrays["y"].shape == (8, 64, 64, 3)
    assert set(arrays["image"]) == {index}
    whole = np.asarray(Image.open(photographs / f"{index}.avif").convert("RGB"))
    for crop in arrays["x"]:
        places = (
            whole[top : top + 64, left : left + 64]
            for top in range(0, whole.shape[0] - 63, pairs.GRID)
            for left in range(0, whole.shape[1] - 63, pairs.GRID)
        )
        assert any(np.array_equal(crop, place) for place in places)


def test_a_preview_resembles_its_original_within_the_stated_error(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = made(photographs, monkeypatch)
    for x, y, mse in zip(arrays["x"], arrays["y"], arrays["mse"], strict=True):
        assert 0 < pairs.squared_error(x, y) < 10 * mse < 0.1


def test_the_same_seed_makes_the_same_pairs(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = made(photographs, monkeypatch), made(photographs, monkeypatch)
    assert all(np.array_equal(first[name], second[name]) for name in first)
