"""One update after the other: how far weights move, what their average forgets, what the gradient's norm is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import nn

from gcodec_train import Plan, Task
from gcodec_train._state import State


class Numbers(nn.Module):
    """Two weights that learn and one that does not."""

    def __init__(self) -> None:
        super().__init__()
        self.fast, self.slow = (nn.Parameter(torch.tensor([1.0])) for _ in range(2))
        self.still = nn.Parameter(torch.tensor([1.0]), requires_grad=False)


def state(**plan: object) -> State:
    settings = {"steps": 100, "lr": 0.5, "warmup": 0, **plan}
    task = SimpleNamespace(network=Numbers(), rates=lambda: {"slow": 0.1})
    return State(cast(Task, task), Plan(**settings))  # type: ignore[arg-type]


def update(made: State, fast: float = 1.0, slow: float = 0.0) -> dict[str, float]:
    """One update under a loss of these slopes."""
    network = cast(Numbers, made.network)
    return made.update({"loss": (fast * network.fast + slow * network.slow).sum()})


def test_the_rate_rises_from_the_first_step_and_falls_to_the_last() -> None:
    plan = Plan(steps=10, lr=1.0, warmup=4, decay=5)
    expected = [0.25, 0.5, 0.75, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]
    assert [plan.rate(step) for step in range(10)] == pytest.approx(expected)
    # Where Adam's moments began anew it rises again.
    assert [plan.rate(step, 6) for step in (6, 7)] == pytest.approx([0.25 * 0.8, 0.5 * 0.6])
    assert Plan(steps=10, lr=1.0, warmup=0).rate(9) == 1


def test_weights_move_by_their_own_rate() -> None:
    """Adam's first step is as long as its rate, whatever the slope."""
    made = state(warmup=4)
    update(made, fast=3.0, slow=-7.0)
    network = cast(Numbers, made.network)
    assert network.fast.item() == pytest.approx(1 - 0.5 * 0.25, abs=1e-5)
    assert network.slow.item() == pytest.approx(1 + 0.05 * 0.25, abs=1e-5)
    assert network.still.item() == 1
    assert made.step == 1


@pytest.mark.parametrize(
    ("ema", "decays"), [(0.999, (1 / 10, 2 / 11, 3 / 12)), (0.15, (0.1, 0.15, 0.15))]
)
def test_a_young_average_forgets_faster(ema: float, decays: tuple[float, ...]) -> None:
    made, mean = state(ema=ema), 1.0
    for decay in decays:
        update(made)
        now = cast(Numbers, made.network).fast.item()
        mean = decay * mean + (1 - decay) * now
        assert cast(Numbers, made.average).fast.item() == pytest.approx(mean, abs=1e-6)


def test_the_norm_is_that_before_clipping_and_what_is_learnt_from_that_after() -> None:
    made = state(clip=2.0)
    figures = update(made, fast=3.0, slow=4.0)
    assert figures == pytest.approx({"loss": 7.0, "gradient": 5.0})
    tensors = made.tensors()
    # Adam's first moment is a tenth of the gradient, which is 2 long.
    assert tensors["adam.exp_avg.fast"].item() == pytest.approx(0.1 * 1.2, rel=1e-4)
    assert tensors["adam.exp_avg.slow"].item() == pytest.approx(0.1 * 1.6, rel=1e-4)
    assert not any("still" in name for name in tensors if name.startswith("adam."))
