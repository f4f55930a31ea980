"""`rate_variable`: eq. 11 of its paper, on a denoiser whose answer is known, and the photograph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from gcodec.interfaces import Setup, Size
from gcodec.models.networks import open_space
from gcodec.pictures import psnr
from gcodec.pipeline.stage2 import checked
from gcodec.run import Run
from gcodec.signals import Latent, by_type
from gcodec_flow.plugin import gcodec_reconstructors
from gcodec_flow.rate_variable import RateVariable

FloatArray = NDArray[np.float32]


def made(**options: object) -> RateVariable:
    spec = next(s for s in gcodec_reconstructors() if s.name == "rate_variable")
    run = Run()
    model = run.models.find(spec.model or "")
    return RateVariable(Setup(run, checked(spec, options).options, model))


def test_widths_fall_by_the_ratio_and_end_at_none() -> None:
    t = 1 / (1 + 12**0.5)  # bins of width 1
    grid = made(steps=3, ratio=0.5).grid(t)
    widths = [12**0.5 * t / (1 - t) for t in grid]
    assert widths == pytest.approx([1.0, 0.5, 0.25, 0.0])
    assert made().grid(0.0) == [0.0]


def test_steps_are_those_of_the_paper() -> None:
    """x_{i+1} = x_i + (1 - q_{i+1}/q_i) (x0-hat - x_i), and with noise + a (eps - d)."""
    x_0, x, eps = torch.tensor([0.3]), torch.tensor([1.1]), torch.tensor([-0.7])

    def known(x_t: Tensor, t: float, s: float) -> Tensor:
        return x_0

    grid = [1 / 3, 1 / 5, 0.0]
    q, q_1 = (12**0.5 * t / (1 - t) for t in grid[:2])
    still = made(beta=0.0).solve(known, (1 - grid[0]) * x, grid[:2], lambda i: eps)
    assert float(still) == pytest.approx(float(x + (1 - q_1 / q) * (x_0 - x)))
    stirred = made(beta=0.1).solve(known, (1 - grid[0]) * x, grid[:2], lambda i: eps)
    d = (x_0 - x) / q
    assert float(stirred) == pytest.approx(float(still + 0.1 * q**0.5 * (eps - d)))
    # The last step arrives, whatever was stirred up.
    assert float(made(beta=0.1).solve(known, x, grid, lambda i: eps)) == pytest.approx(0.3)


def test_it_is_nearer_to_the_picture_than_the_quantized_latent(photo: FloatArray) -> None:
    small = np.ascontiguousarray(photo[:, 40:136, 60:188])
    run = Run()
    space = open_space(run.models.find("base/autoencoder"), run)
    values = (np.rint(space.encode(small) / 1.5) * 1.5).astype(np.float32)
    size = Size(*small.shape[1:])
    drawn = made(beta=0.0).reconstruct(by_type([Latent(values, "base", 1.5)]), size)
    assert psnr(small, drawn) > psnr(small, space.decode(values, size)) + 0.1
