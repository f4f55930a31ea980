"""What latent samplers share, on a denoiser that says what it was asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gcodec.diffusion.latents import from_noisy, guided
from gcodec.interfaces import Size
from gcodec.models.networks import Condition, Denoiser
from gcodec.signals import Noisy, Signal

FloatArray = NDArray[np.float32]


class Constant(Denoiser):
    """x0-hat is what the condition holds, plus the length of step that it is told."""

    space, sees = "none", ()

    def condition(self, signals: Mapping[str, Signal], size: Size) -> Condition:
        raise NotImplementedError

    def estimate(self, signals: Mapping[str, Signal], size: Size) -> tuple[FloatArray, FloatArray]:
        raise NotImplementedError

    def x0(
        self, x_t: Tensor, alpha_t: float, sigma_t: float, condition: Condition, step: float = 0.0
    ) -> Tensor:
        assert alpha_t + sigma_t == pytest.approx(1)
        return condition.globals["value"] + step


def condition(value: float) -> Condition:
    return Condition({}, {"value": torch.tensor([value])})


@pytest.mark.parametrize(("guidance", "expected"), [(0.0, 1.0), (1.0, 3.0), (2.5, 6.0)])
def test_guidance_goes_from_the_unconditional_to_the_conditional_and_beyond(
    guidance: float, expected: float
) -> None:
    denoise = guided(Constant(), [condition(3)], [condition(1)], guidance)
    assert denoise(torch.zeros(1), 0.5, 0.25).item() == expected


def test_guidance_of_one_asks_for_nothing_unconditional() -> None:
    assert guided(Constant(), [condition(3)], [], 1.0)(torch.zeros(1), 0.5, 0.25).item() == 3


def test_the_denoiser_is_told_how_long_the_step_is() -> None:
    denoise = guided(Constant(), [condition(3)], [], 1.0, lambda step: 10 * step)
    assert denoise(torch.zeros(1), 0.75, 0.25).item() == 8


def test_each_of_several_pictures_has_a_condition_of_its_own() -> None:
    denoise = guided(Constant(), [condition(3), condition(5)], [condition(1), condition(2)], 2.0)
    assert denoise(torch.zeros(2), 0.5, 0.25).tolist() == [5, 8]


def test_a_state_of_any_path_is_put_on_the_rectified_flow() -> None:
    x_0, eps = np.full((1, 1, 1), 2, np.float32), np.full((1, 1, 1), -1, np.float32)
    start = from_noisy(Noisy(0.8 * x_0 + 0.6 * eps, "base", 0.8, 0.6))
    assert start.t == pytest.approx(0.6 / 1.4)
    assert start.x_t is not None
    np.testing.assert_allclose(start.x_t, (1 - start.t) * x_0 + start.t * eps, rtol=1e-6)
