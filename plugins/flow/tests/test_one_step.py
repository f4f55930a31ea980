"""`one_step`: one call, begun where the file says, on a denoiser that writes down what it is asked, and on photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gcodec.builtin.edges import edge_strength
from gcodec.errors import InvalidOption
from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore
from gcodec.models.networks import Condition, Denoiser, open_space
from gcodec.pictures import psnr
from gcodec.pipeline.stage2 import checked
from gcodec.run import Run
from gcodec.signals import Latent, Noisy, Preview, Signal, Sketch, Text, by_type
from gcodec_flow.one_step import OneStep
from gcodec_flow.plugin import gcodec_reconstructors

FloatArray = NDArray[np.float32]
Way = Literal["state", "noise"]

SIZE = Size(16, 24)
#: What the file says of x_0, and how far it errs: sigma = 0.5 in every channel, so that t = 1/3.
C = np.full((32, 2, 3), 0.6, np.float32)
SIGMA, T = 0.5, 1 / 3


class Asked(Denoiser):
    """Answers `answer`, and keeps the questions."""

    space, sees, few = "base/autoencoder", ("latent/base", "sketch", "text"), (1,)
    answer = torch.full((1, 32, 2, 3), 0.25)

    def __init__(self, way: Way) -> None:
        self.one_call = way
        self.calls: list[tuple[Tensor, float, float, float]] = []
        self.told: set[str] = set()

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        self.told = set(signals)
        return Condition()

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        known = any(signal.kind == "latent" for signal in signals.values())
        return (C if known else 0 * C), np.full(32, SIGMA if known else 1, np.float32)

    def x0(
        self, x_t: Tensor, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Tensor:
        self.calls.append((x_t, alpha_t, sigma_t, step))
        return self.answer


def made(seed: int = 0, **options: Any) -> OneStep:
    spec = next(s for s in gcodec_reconstructors() if s.name == "one_step")
    run = Run(seed=seed)
    model = run.models.find(spec.model or "")
    return OneStep(Setup(run, checked(spec, options).options, model))


def around(denoiser: Denoiser, **options: Any) -> OneStep:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gcodec.diffusion.latents.open_denoiser", lambda model, run: denoiser)
        return made(**options)


def asked(
    way: Way, *signals: Signal, **options: Any
) -> tuple[tuple[Tensor, float, float, float], set[str]]:
    """The one question to a denoiser of this way, and the signals that it was conditioned on."""
    denoiser = Asked(way)
    reconstructor = around(denoiser, **options)
    picture = reconstructor.reconstruct(by_type(signals), SIZE)
    expected = reconstructor.space.decode(denoiser.answer[0].numpy(), SIZE)
    np.testing.assert_allclose(picture, expected, atol=1e-6)
    (call,) = denoiser.calls
    return call, denoiser.told


def test_what_is_known_is_a_state_of_its_own_error() -> None:
    call, told = asked("state", Latent(C, "base", 1.0), Text("a bird"))
    x_t, alpha, sigma, step = call
    assert (alpha, sigma, step) == pytest.approx((1 - T, T, T))
    np.testing.assert_allclose(x_t[0], (1 - T) * C, rtol=1e-6)
    assert told == {"text"}  # the latent is in the state already


def test_from_noise_it_is_the_first_step_of_a_schedule_of_one() -> None:
    (x_t, alpha, sigma, step), told = asked("noise", Latent(C, "base", 1.0))
    assert (alpha, sigma, step) == (0, 1, 1)
    assert 0.8 < float(x_t.std()) < 1.2
    assert told == {"latent/base"}


def test_the_user_may_say_otherwise() -> None:
    (x_t, *_), told = asked("noise", Latent(C, "base", 1.0), start="state")
    np.testing.assert_allclose(x_t[0], (1 - T) * C, rtol=1e-6)
    assert told == set()
    (x_t, _, sigma, _), _ = asked("state", Latent(C, "base", 1.0), time=0.5)
    assert sigma == 0.5
    np.testing.assert_allclose(x_t[0], 0.5 * C, rtol=1e-6)


@pytest.mark.parametrize("option", ["time", "noise"])
def test_what_is_of_a_state_asks_for_one(option: str) -> None:
    with pytest.raises(InvalidOption, match="--start noise"):
        around(Asked("noise"), start="noise", **{option: 0.5})
    assert around(Asked("noise"), **{option: 0.5}).way == "state"


def test_noise_on_top_makes_the_state_noisier_and_belongs_to_the_seed() -> None:
    """Both errors add up: sqrt(0.5^2 + (2 x 0.5)^2) = 1.118, and the state is that of a time of such noise."""
    questions = [
        asked("state", Latent(C, "base", 1.0), noise=2.0, seed=seed)[0] for seed in (1, 1, 2)
    ]
    x_t, alpha, sigma, _ = questions[0]
    assert sigma / alpha == pytest.approx(SIGMA * 5**0.5)
    added = x_t[0].numpy() / alpha - C
    assert 0.8 < float(added.std()) < 1.2
    assert torch.equal(x_t, questions[1][0])
    assert not torch.equal(x_t, questions[2][0])


def test_a_noisy_state_is_where_it_is() -> None:
    x = np.full((32, 2, 3), 0.3, np.float32)
    (x_t, alpha, sigma, step), told = asked("noise", Noisy(x, "base", 0.8, 0.6))
    assert (alpha, sigma, step) == pytest.approx((0.8 / 1.4, 0.6 / 1.4, 0.6 / 1.4))
    np.testing.assert_allclose(x_t[0], x / 1.4, rtol=1e-6)
    assert told == set()


def test_where_nothing_is_known_of_x0_it_begins_at_noise() -> None:
    (_, alpha, sigma, _), told = asked("state", Sketch(np.zeros((1, *SIZE), np.float32)))
    assert (alpha, sigma) == (0, 1)
    assert told == {"sketch"}


def test_a_preview_is_changed_by_no_more_than_its_latent_is(photo: FloatArray) -> None:
    """What the latent cannot hold of the preview stays: with the preview's own latent for answer, all of it."""
    small = np.ascontiguousarray(photo[:, 40:150, 60:190])  # no multiples of 8
    size = Size(*small.shape[1:])
    space = open_space(ModelStore.installed().find("base/autoencoder"), Run())
    denoiser = Asked("noise")
    denoiser.estimate = lambda signals, size: (space.encode(small), np.ones(32, np.float32))  # type: ignore[method-assign]
    denoiser.answer = torch.from_numpy(space.encode(small))[None]
    shown = around(denoiser).reconstruct(by_type([Preview(small, 0.001)]), size)
    np.testing.assert_allclose(shown, small, atol=1e-5)
    assert psnr(small, space.decode(space.encode(small), size)) < 45


def test_an_exact_preview_comes_back(photo: FloatArray) -> None:
    small = np.ascontiguousarray(photo[:, :40, :56])
    shown = made().reconstruct(by_type([Preview(small, 0.0)]), Size(40, 56))
    np.testing.assert_array_equal(shown, small)


@pytest.fixture(scope="module")
def small(photo: FloatArray) -> FloatArray:
    return np.ascontiguousarray(photo[:, 40:240, 60:284])


def test_it_stays_with_the_preview(
    small: FloatArray, through_jpeg: Callable[[FloatArray, int], Preview]
) -> None:
    preview = through_jpeg(small, 15)
    shown = made().reconstruct(by_type([preview]), Size(*small.shape[1:]))
    assert float(np.square(shown - small).mean()) < 1.5 * preview.mse
    assert not np.array_equal(shown, preview.pixels)


def test_tiles_show_no_seam(
    photo: FloatArray, through_jpeg: Callable[[FloatArray, int], Preview]
) -> None:
    signals, size = by_type([through_jpeg(photo, 10)]), Size(*photo.shape[1:])
    whole, tiled = (made(tile=tile).reconstruct(signals, size) for tile in (1024, 256))
    assert not np.array_equal(whole, tiled)
    one, two = (np.abs(np.diff(x, axis=2)).mean((0, 1)) for x in (whole, tiled))
    assert (two - one)[96:320].max() < 0.15 * one.mean()


def test_a_sketch_beside_a_preview_counts(
    small: FloatArray, through_jpeg: Callable[[FloatArray, int], Preview]
) -> None:
    """Beside a preview it is a condition of its own: the picture is another one, and no worse than a little."""
    preview, size = through_jpeg(small, 8), Size(*small.shape[1:])
    plain = made().reconstruct(by_type([preview]), size)
    drawn = made().reconstruct(by_type([preview, Sketch(edge_strength(small))]), size)
    assert not np.array_equal(plain, drawn)
    assert psnr(small, drawn) > psnr(small, plain) - 0.5
