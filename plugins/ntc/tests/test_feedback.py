"""The encoder's second choice: its step is that of the functions latents stand for, and it pays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gcodec.entropy.integers import LEVELS
from gcodec.entropy.mean_scale import lerp
from gcodec_ntc.feedback import Feedback
from gcodec_ntc.networks import Networks


@pytest.fixture(scope="module")
def linear(model):
    """Latents in steps [1, C, h, w] to samples of 0 to 1, without the synthesis's networks."""
    synthesis = Networks(model.config, model.tensors()).synthesis

    def made(y: torch.Tensor, level: int) -> torch.Tensor:
        q = torch.tensor([level / (LEVELS - 1)])
        return synthesis.samples(y * torch.exp2(lerp(synthesis.ungain, q))[:, :, None, None]) / 255

    return made


@pytest.mark.parametrize(("height", "width"), [(48, 80), (33, 47), (5, 3)])
def test_a_step_is_the_gradient_over_the_norms(model, linear, height, width):
    level, (h, w) = 140, (-(-height // 16), -(-width // 16))
    rng = np.random.default_rng(1)
    error = rng.normal(0, 0.1, (3, height, width)).astype(np.float32)
    y = torch.zeros(1, 320, h, w, requires_grad=True)
    shown = linear(y, level)[0, :, :height, :width]
    (slope,) = torch.autograd.grad((shown * torch.from_numpy(error)).sum() * 255**2, y)
    found = Feedback(model.config, model.tensors())
    zero = np.zeros((h * w, 320), np.float32)
    norms = found.weights(level) * (600 * (16 / 600) ** (level / 255)) ** 2
    wanted = -slope[0].flatten(1).T.numpy() / norms
    moved = zero.copy()
    found.move(moved, zero, error, level, 1)
    np.testing.assert_allclose(moved, wanted, atol=1e-3)


def test_weights_are_squared_norms_in_steps(model, linear):
    level = 60
    found = Feedback(model.config, model.tensors()).weights(level)
    step = 600 * (16 / 600) ** (level / 255)
    for channel in (0, 7, 100, 319):
        y = torch.zeros(1, 320, 3, 3)
        y[0, channel, 1, 1] = 1
        energy = (linear(y, level) * 255).square().sum().item()
        assert found[channel] == pytest.approx(energy / step**2, rel=1e-3)


@pytest.mark.parametrize("level", [100, 150, 220])
def test_later_choices_have_less_error_in_no_more_bytes(ntc, photograph, level):
    codec = ntc._codec
    analysed = codec.analyse(photograph[:, :144])
    plain = codec.seen(analysed, level, codec.stream(analysed, level))
    found = codec.better(analysed, level, plain)
    assert len(found.stream) <= len(plain.stream)
    assert found.mse < 0.995 * plain.mse
    assert len(codec.encode(analysed, level)) == codec.size(analysed, level) - len(
        plain.stream
    ) + len(found.stream)


def test_where_nothing_better_is_found_the_first_choice_stays(ntc, picture, monkeypatch):
    codec = ntc._codec
    analysed = codec.analyse(picture[:, :32, :32])
    stream = codec.stream(analysed, 130)
    worse = replace(codec.seen(analysed, 130, stream), mse=0.0)
    assert codec.better(analysed, 130, worse) is worse
    monkeypatch.setattr(Feedback, "move", lambda self, wanted, *seen: wanted.__imul__(3))
    payload = codec.encode(analysed, 130)
    assert payload[2:] == stream
    preview, mse = codec.decode(payload, 32, 32)
    assert np.square(preview - picture[:, :32, :32]).mean() == pytest.approx(mse, rel=0.04)
