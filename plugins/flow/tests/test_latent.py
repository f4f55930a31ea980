"""`latent_flow`: what it is given decides what it draws, tiles or not, and the file's seed decides the sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gcodec.builtin.edges import edge_strength
from gcodec.diffusion.sampling import sample
from gcodec.diffusion.tiles import noise, tiles
from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_space
from gcodec.pictures import psnr
from gcodec.pipeline.stage2 import checked
from gcodec.run import Run
from gcodec.signals import Latent, Preview, Sketch, by_type
from gcodec_flow.latent import LatentFlow
from gcodec_flow.plugin import gcodec_reconstructors

FloatArray = NDArray[np.float32]


@pytest.fixture(scope="module")
def latent_flow() -> Callable[..., LatentFlow]:
    """latent_flow(seed=..., option=...): the reconstructor with its defaults but for what is given."""
    (spec,) = (s for s in gcodec_reconstructors() if s.name == "latent_flow")

    def make(seed: int = 0, dtype: str = "float32", **options: Any) -> LatentFlow:
        run = Run(seed=seed, dtype=dtype)
        assert spec.model is not None
        return LatentFlow(Setup(run, checked(spec, options).options, run.models.find(spec.model)))

    return make


@pytest.fixture(scope="module")
def small(photo: FloatArray) -> FloatArray:
    return np.ascontiguousarray(photo[:, 40:240, 60:284])


def size_of(pixels: FloatArray) -> Size:
    return Size(*pixels.shape[1:])


@pytest.mark.parametrize("steps", [1, 2, 4, 6])
def test_it_stays_with_the_preview(
    latent_flow: Callable[..., LatentFlow],
    small: FloatArray,
    through_jpeg: Callable[[FloatArray, int], Preview],
    steps: int,
) -> None:
    """A sample of P(X|Y) lies as far from the picture as theory has it: at most about twice the preview's error."""
    preview = through_jpeg(small, 15)
    drawn = latent_flow(steps=steps).reconstruct(by_type([preview]), size_of(small))
    error = float(np.square(drawn - small).mean())
    assert error < 2.2 * preview.mse
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_the_more_is_known_the_nearer_it_is(
    latent_flow: Callable[..., LatentFlow],
    small: FloatArray,
    through_jpeg: Callable[[FloatArray, int], Preview],
) -> None:
    space = open_space(ModelStore.installed().find("base/autoencoder"), Run())
    latent = space.encode(small)
    fine = Latent(np.round(latent / 0.2) * 0.2, "base", 0.2)
    sketch = Sketch(edge_strength(small))
    flow = latent_flow(steps=2)
    results = [
        psnr(small, flow.reconstruct(by_type([signal]), size_of(small)))
        for signal in (sketch, through_jpeg(small, 8), through_jpeg(small, 40), fine)
    ]
    assert results == sorted(results)
    assert results[-1] > 29


def test_the_seed_chooses_the_sample(
    latent_flow: Callable[..., LatentFlow],
    small: FloatArray,
    through_jpeg: Callable[[FloatArray, int], Preview],
) -> None:
    signals = by_type([through_jpeg(small, 10)])
    one, again, other = (
        latent_flow(seed=seed, steps=2).reconstruct(signals, size_of(small)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert float(np.square(one - other).mean()) > 1e-6


@pytest.mark.parametrize(
    ("grid", "told"),
    [([1, 0], [1]), ([1, 0.5, 0], [0.5] * 2), ([1, 0.875, 0.75, 0.625, 0.5, 0], [0] * 4 + [0.5])],
)
def test_a_distilled_network_is_told_how_long_its_steps_are(
    latent_flow: Callable[..., LatentFlow],
    small: FloatArray,
    through_jpeg: Callable[[FloatArray, int], Preview],
    grid: list[float],
    told: list[float],
) -> None:
    """`base/denoiser` was distilled for 1, 2 and 4 steps; of any other number the last alone is such a step."""
    signals, size = by_type([through_jpeg(small, 10)]), size_of(small)
    flow = latent_flow(steps=len(told))
    known = flow.denoiser.condition(signals, size)
    (whole,) = tiles(*(side // 8 for side in size), 128, 16)
    eps = flow.there(noise(flow.setup.run.randomness, whole.window, flow.space.channels))

    def drawn(lengths: list[float]) -> FloatArray:
        def x0(x_t: torch.Tensor, t: float, s: float) -> torch.Tensor:
            return flow.denoiser.x0(x_t, 1 - t, t, known, lengths[grid.index(t)])

        latent = sample(x0, eps, grid)[0].numpy()
        return np.clip(flow.space.decode(latent, size), 0, 1)

    answer = flow.reconstruct(signals, size)
    np.testing.assert_allclose(answer, drawn(told), atol=1e-5)
    assert np.abs(answer - drawn([0.0] * len(told))).max() > 0.01


def test_tiles_show_no_seam(
    latent_flow: Callable[..., LatentFlow],
    photo: FloatArray,
    through_jpeg: Callable[[FloatArray, int], Preview],
) -> None:
    """Where two tiles meet, columns differ from their neighbours no more than in a picture made in one piece."""
    signals = by_type([through_jpeg(photo, 10)])
    whole, tiled = (
        latent_flow(steps=1, tile=tile).reconstruct(signals, size_of(photo)) for tile in (1024, 256)
    )
    assert not np.array_equal(whole, tiled)
    one, two = (np.abs(np.diff(x, axis=2)).mean((0, 1)) for x in (whole, tiled))
    # The picture is 400 samples wide, three tiles of 224: they overlap from 96 to 320.
    excess = (two - one)[96:320]
    assert excess.max() < 0.15 * one.mean()


def test_half_precision_is_near(
    latent_flow: Callable[..., LatentFlow],
    small: FloatArray,
    through_jpeg: Callable[[FloatArray, int], Preview],
) -> None:
    signals = by_type([through_jpeg(small, 15)])
    single, half = (
        latent_flow(steps=1, dtype=dtype).reconstruct(signals, size_of(small))
        for dtype in ("float32", "bfloat16")
    )
    assert psnr(single, half) > 38
