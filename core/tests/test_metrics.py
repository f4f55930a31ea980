"""Distances: known values, and a clear refusal where there is none."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path

import numpy as np
import pytest

from gcodec import metrics
from gcodec.errors import MetricUnavailable

RNG = np.random.default_rng(3)


def image(side: int, height: int | None = None) -> np.ndarray:
    y, x = np.mgrid[0 : height or side, 0:side] / side
    planes = [0.5 + 0.3 * np.sin(9 * x + c) * np.cos(7 * y - c) for c in range(3)]
    return np.stack(planes).astype(np.float32)


def test_psnr_of_one_level_is_48_13_db() -> None:
    a = np.full((3, 8, 8), 100 / 255, np.float32)
    assert metrics.psnr(a, a) == math.inf
    assert metrics.psnr(a, a + np.float32(1 / 255)) == pytest.approx(48.1308, abs=1e-4)
    # Only what a saved picture shows counts: less than half a level is nothing.
    assert metrics.psnr(a, a + np.float32(0.4 / 255)) == math.inf


def test_psnr_of_black_and_white_is_zero() -> None:
    assert metrics.psnr(np.zeros((3, 4, 5), np.float32), np.ones((3, 4, 5), np.float32)) == 0


def test_ms_ssim_orders_pictures_and_is_one_for_equal_ones() -> None:
    pytest.importorskip("pytorch_msssim")
    a = image(176, 161)
    noise = RNG.normal(size=a.shape).astype(np.float32)
    assert metrics.ms_ssim(a, a) == pytest.approx(1, abs=1e-6)
    less, more = (metrics.ms_ssim(a, np.clip(a + s * noise, 0, 1)) for s in (0.02, 0.1))
    assert 0 < more < less < 1


def test_ms_ssim_refuses_small_pictures() -> None:
    with pytest.raises(MetricUnavailable, match="161 pixels each way") as caught:
        metrics.ms_ssim(image(160, 300), image(160, 300))
    assert caught.value.metric == "MS-SSIM" and caught.value.exit_status == 13


def test_lpips_without_weights_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GCODEC_METRICS", raising=False)
    with pytest.raises(MetricUnavailable, match="GCODEC_METRICS"):
        metrics.lpips(image(64), image(64))


def test_lpips_accepts_only_the_pinned_weights(tmp_path: Path) -> None:
    with pytest.raises(MetricUnavailable, match="No such file"):
        metrics.lpips(image(64), image(64), weights=tmp_path)
    (tmp_path / metrics.LPIPS_FILE).write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(MetricUnavailable, match=found):
        metrics.lpips(image(64), image(64), weights=tmp_path)


def test_lpips_refuses_small_pictures() -> None:
    with pytest.raises(MetricUnavailable, match="31 pixels"):
        metrics.lpips(image(30), image(30))


@pytest.mark.skipif(not os.environ.get("GCODEC_METRICS"), reason="GCODEC_METRICS is not set")
def test_lpips_is_the_packages_own_network() -> None:
    """The heads inside the package lpips must be those of the pinned file; distances order pictures."""
    torch = pytest.importorskip("torch")
    lpips = pytest.importorskip("lpips")
    network = metrics.lpips_network(Path(os.environ["GCODEC_METRICS"]))
    package = Path(lpips.__file__).parent / "weights" / "v0.1" / "alex.pth"
    for name, tensor in torch.load(package, map_location="cpu", weights_only=True).items():
        assert torch.equal(network.state_dict()[name], tensor), name
    a = image(96)
    noise = RNG.normal(size=a.shape).astype(np.float32)
    assert metrics.lpips(a, a) == 0
    less, more = (metrics.lpips(a, np.clip(a + s * noise, 0, 1)) for s in (0.02, 0.1))
    assert 0 < less < more
