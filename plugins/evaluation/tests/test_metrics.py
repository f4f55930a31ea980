"""Distances: known values, and a clear refusal where there is none."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import support

from gcodec.errors import MetricUnavailable
from gcodec.models import _torchvision_cpu
from gcodec_eval import metrics
from gcodec_eval.metrics import weights

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
    # More than half a level is a whole one.
    assert metrics.psnr(a, a + np.float32(0.6 / 255)) == pytest.approx(48.1308, abs=1e-4)


def test_psnr_of_black_and_white_is_zero() -> None:
    assert metrics.psnr(np.zeros((3, 4, 5), np.float32), np.ones((3, 4, 5), np.float32)) == 0


def test_ms_ssim_orders_pictures_and_is_one_for_equal_ones() -> None:
    pytest.importorskip("pytorch_msssim")
    a = image(176, 177)
    noise = RNG.normal(size=a.shape).astype(np.float32)
    assert metrics.ms_ssim(a, a) == pytest.approx(1, abs=1e-6)
    less, more = (metrics.ms_ssim(a, np.clip(a + s * noise, 0, 1)) for s in (0.02, 0.1))
    assert 0 < more < less < 1


def test_ms_ssim_of_two_flat_pictures_is_that_of_the_paper() -> None:
    """Wang, Simoncelli and Bovik 2003: only luminance differs, which counts on the coarsest scale, with weight 0.1333.

    l = (2 a b + C) / (a^2 + b^2 + C), C = (0.01 L)^2, for samples that go from 0 to L = 255.
    """
    pytest.importorskip("pytorch_msssim")
    a, b, c = 10, 30, (0.01 * 255) ** 2
    flat = [np.full((3, 176, 176), level / 255, np.float32) for level in (a, b)]
    expected = ((2 * a * b + c) / (a**2 + b**2 + c)) ** 0.1333
    assert metrics.ms_ssim(*flat) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", [(177, 191), (240, 241), (255, 255)])
def test_ms_ssim_of_odd_sides_is_not_higher(size: tuple[int, int]) -> None:
    """Padding makes two pictures alike: half a percent and more, which is a codec's progress of years."""
    pytest.importorskip("pytorch_msssim")
    a = image(*size)
    b = np.clip(a + 0.2 * np.random.default_rng(1).standard_normal(a.shape), 0, 1)
    b = b.astype(np.float32)
    height, width = (side // 16 * 16 for side in size)
    even = metrics.ms_ssim(a[:, :height, :width], b[:, :height, :width])
    assert metrics.ms_ssim(a, b) == pytest.approx(even, abs=1e-6)


def test_ms_ssim_refuses_small_pictures() -> None:
    with pytest.raises(MetricUnavailable, match="176 pixels each way") as caught:
        metrics.ms_ssim(image(175, 300), image(175, 300))
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


def test_patches_are_those_of_two_grids_half_a_patch_apart() -> None:
    a = image(768, 512)
    cut = metrics.patches(a)
    assert len(cut) == 2 * 3 + 1 * 2
    assert np.array_equal(cut[0], a[:, :256, :256])
    assert np.array_equal(cut[5], a[:, 256:512, 512:768])
    assert np.array_equal(cut[6], a[:, 128:384, 128:384])
    assert np.array_equal(cut[7], a[:, 128:384, 384:640])
    assert metrics.patches(image(255, 300)).shape == (0, 3, 256, 256)
    assert len(metrics.patches(image(64), 64)) == 1


def _needs(name: str) -> Any:
    """Import torchmetrics, which imports torchvision; or skip."""
    _torchvision_cpu.install()
    return pytest.importorskip(name)


def gaussians(count: int, shift: float = 0.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, 2048)).astype(np.float32)


def test_fid_of_shifted_features_is_the_square_of_the_shift() -> None:
    _needs("torchmetrics")
    a = gaussians(24)
    assert metrics.fid(a, a) == pytest.approx(0, abs=1e-3)
    # Means differ by 0.5 in each of 2048, covariances do not.
    assert metrics.fid(a, a + np.float32(0.5)) == pytest.approx(2048 * 0.25, rel=1e-3)


def test_fid_in_the_subspace_is_fid() -> None:
    module = _needs("torchmetrics.image.fid")
    torch = pytest.importorskip("torch")
    a, b = (gaussians(20, shift, seed)[:, :96] for shift, seed in ((0.0, 1), (0.2, 2)))
    network = torch.nn.Identity()
    network.num_features = 96
    library = module.FrechetInceptionDistance(feature=network)
    library.update(torch.from_numpy(a).double(), real=True)
    library.update(torch.from_numpy(b).double(), real=False)
    assert metrics.fid(a, b) == pytest.approx(float(library.compute()), rel=1e-6)


def test_kid_is_the_unbiased_estimate_over_all_features() -> None:
    """Binkowski et al. 2018, eq. 4, with the kernel (x.y / d + 1)^3, written out."""
    _needs("torchmetrics")
    a, b = gaussians(9), gaussians(9, 0.3, 2)

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x.astype(np.float64) @ y.T.astype(np.float64) / 2048 + 1) ** 3

    def off_diagonal(k: np.ndarray) -> float:
        return float(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))

    expected = off_diagonal(kernel(a, a)) + off_diagonal(kernel(b, b)) - 2 * kernel(a, b).mean()
    assert metrics.kid(a, b) == pytest.approx(expected, rel=1e-5)
    assert metrics.kid(gaussians(40), gaussians(40, seed=5)) == pytest.approx(0, abs=0.02)


def test_distances_of_sets_refuse_a_single_patch() -> None:
    _needs("torchmetrics")
    for metric in (metrics.fid, metrics.kid):
        with pytest.raises(MetricUnavailable, match="two patches"):
            metric(gaussians(1), gaussians(1))


def test_weights_are_found_in_folders_then_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"network"
    pinned = weights.Weights(
        "M",
        "a network",
        "m.bin",
        hashlib.sha256(data).hexdigest(),
        "pack_of_weights:in/m.pt",
        "ask",
    )
    monkeypatch.delenv("GCODEC_METRICS", raising=False)
    with pytest.raises(MetricUnavailable, match=r"m\.bin, ask"):
        weights.find(pinned)
    (tmp_path / "pack_of_weights" / "in").mkdir(parents=True)
    (tmp_path / "pack_of_weights" / "__init__.py").write_text("raise RuntimeError('imported')")
    packaged = tmp_path / "pack_of_weights" / "in" / "m.pt"
    packaged.write_bytes(data)
    with support.importable(tmp_path):
        assert weights.find(pinned) == packaged
        first, second = tmp_path / "first", tmp_path / "second"
        for folder in (first, second):
            folder.mkdir()
        (second / "m.bin").write_bytes(data)
        monkeypatch.setenv("GCODEC_METRICS", os.pathsep.join([str(first), str(second)]))
        assert weights.find(pinned) == second / "m.bin"
        (first / "m.bin").write_bytes(b"another")
        with pytest.raises(MetricUnavailable, match="another file than the one pinned"):
            weights.find(pinned)


def _has(wanted: weights.Weights) -> bool:
    try:
        weights.find(wanted)
    except MetricUnavailable:
        return False
    return True


@pytest.mark.skipif(not _has(weights.DISTS), reason="DISTS' weights are not there")
def test_dists_orders_pictures_and_is_zero_for_equal_ones() -> None:
    _needs("torchmetrics")
    torchvision_weight = (
        -0.5537
    )  # the first number of torchvision's VGG16, as printed in many places
    path = weights.find(weights.DISTS)
    first = pytest.importorskip("safetensors.numpy").load_file(path)["features.0.weight"]
    assert first[0, 0, 0, 0] == pytest.approx(torchvision_weight, abs=1e-4)
    a = image(64)
    noise = RNG.normal(size=a.shape).astype(np.float32)
    assert metrics.dists(a, a) == pytest.approx(0, abs=1e-6)
    less, more = (metrics.dists(a, np.clip(a + s * noise, 0, 1)) for s in (0.02, 0.1))
    assert 0 < less < more < 1


@pytest.mark.skipif(not _has(weights.INCEPTION), reason="Inception's weights are not there")
def test_inception_tells_noise_from_pictures() -> None:
    _needs("torchmetrics")
    a = image(128)
    noise = RNG.normal(size=a.shape).astype(np.float32)
    real, less, more = (
        metrics.features(metrics.patches(np.clip(a + s * noise, 0, 1), 64)) for s in (0, 0.02, 0.2)
    )
    assert real.shape == (5, 2048)
    assert 0 < metrics.fid(real, less) < metrics.fid(real, more)


def test_a_run_says_at_its_end_what_it_did_not_test() -> None:
    environment = {k: v for k, v in os.environ.items() if k != weights.WEIGHTS_VARIABLE}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "black",
    ]
    run = subprocess.run(words, capture_output=True, text=True, env=environment, check=True)
    assert "NOT TESTED: LPIPS" in run.stdout and "NOT TESTED: DISTS" in run.stdout
