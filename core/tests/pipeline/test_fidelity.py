"""Fidelity maps: what they add up to, how they are written, and whose there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from support import fails

from gcodec.errors import InvalidArgument, OutputError, OutputExists, Unmeasured
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.fidelity import expected_error, fidelity_of, saving_fidelity
from gcodec.signals import Preview

if TYPE_CHECKING:
    from gcodec.pictures import Picture

LAW = (0, 0, 0.2, 0.1, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0)


def save(error: Any, target: Path) -> None:
    with saving_fidelity(error, target):
        pass


def half_busy(height: int, width: int) -> Any:
    """Flat on the left, noise on the right."""
    pixels = np.full((3, height, width), 0.5, np.float32)
    noise = np.random.default_rng(1).uniform(0, 1, (3, height, width // 2))
    pixels[:, :, width - width // 2 :] = noise
    return pixels


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 2), (64, 96)])
def test_what_a_preview_is_said_to_err_adds_up_to_what_it_states(size: tuple[int, int]) -> None:
    preview = Preview(half_busy(*size), 0.003)
    error = expected_error(preview, preview.pixels, LAW)
    assert (error.shape, error.dtype) == (size, np.float32)
    assert np.mean(error**2) == pytest.approx(0.003 * 255**2, rel=1e-4)


def test_it_errs_more_where_it_is_busy_and_where_something_was_put_into_it() -> None:
    preview = Preview(half_busy(64, 96), 0.003)
    error = expected_error(preview, preview.pixels, LAW)
    assert error[:, 60:].min() > 1.5 * error[:, :35].max()
    made = preview.pixels.copy()
    made[:, 20:40, 10:30] += 0.1
    more = expected_error(preview, made, LAW)
    assert more[30, 20] == pytest.approx(np.hypot(error[30, 20], 25.5), rel=1e-3)
    np.testing.assert_allclose(more[:, 60:], error[:, 60:])


def test_what_is_stated_may_be_off_by_a_factor() -> None:
    preview = Preview(half_busy(64, 96), 0.003)
    twice = expected_error(preview, preview.pixels, (1, *LAW[1:]))
    assert np.mean(twice**2) == pytest.approx(2 * 0.003 * 255**2, rel=1e-4)


def test_lossless_is_said_to_be_exact() -> None:
    preview = Preview(half_busy(20, 30), 0.0)
    assert not expected_error(preview, preview.pixels, LAW).any()


def test_a_map_is_a_picture_of_16_bits_or_an_array(tmp_path: Path) -> None:
    error = np.array([[0, 0.5, 1.25], [3, 200, 255.999]], np.float32)
    save(error, tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), error)
    save(error, tmp_path / "a.PNG")
    with Image.open(tmp_path / "a.PNG") as image:
        assert "256 to a level of 8 bits" in image.info["gcodec:fidelity"]
        np.testing.assert_allclose(np.asarray(image) / 256, error, atol=1 / 256)
    with pytest.raises(OutputExists):
        save(error, tmp_path / "a.npy")
    with pytest.raises(OutputError, match=r"\.png or \.npy"):
        save(error, tmp_path / "a.jpg")


def test_of_an_embedding_that_nobody_measured_there_is_none(
    gcodec: Callable[..., CompletedProcess[bytes]],
    photo: Picture,
    installed: object,
    tmp_path: Path,
) -> None:
    data = encode(photo, "tiny").data
    with pytest.raises(Unmeasured, match="'tiny'") as caught:
        decode(data, fidelity=True)
    with pytest.raises(InvalidArgument, match="another size"):
        fidelity_of(data, photo.pixels[:, 1:])
    assert (caught.value.embedding, caught.value.own) == ("tiny", False)
    file = tmp_path / "a.gcx"
    file.write_bytes(data)
    words = ("decode", file, "-o", tmp_path / "a.png", "--fidelity-map")
    fails(gcodec(*words, tmp_path / "map.png"), 22, "tiny")
    fails(gcodec(*words, tmp_path / "map.jpg"), 8, ".npy")
    fails(gcodec(*words, tmp_path / "a.png"), 2, "of its own")
    fails(gcodec(*words, ""), 2, "a name")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gcx"]
