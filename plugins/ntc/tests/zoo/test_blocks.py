"""The zoo's layers against their formulas, on weights for which these can be worked out by hand."""

from __future__ import annotations

import math
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from gcodec_ntc.zoo.blocks import Attention, Down, Gdn, Residual, Up, conv, deconv, subpixel

M = TypeVar("M", bound=nn.Module)


def flat(*channels: float, side: int = 4) -> Tensor:
    """A picture each of whose channels has one value."""
    return torch.tensor(channels).view(1, -1, 1, 1).expand(1, -1, side, side).contiguous()


def emptied(module: M) -> M:
    """All weights and biases zero; of normalizations beta stays one."""
    for name, parameter in module.named_parameters():
        if not name.endswith("beta"):
            nn.init.zeros_(parameter)
    return module.requires_grad_(False)


def passing(layer: nn.Conv2d, bias: float = 0.0) -> None:
    """Make it hand on what it is given, plus `bias`."""
    nn.init.dirac_(layer.weight)
    assert layer.bias is not None
    nn.init.constant_(layer.bias, bias)


def test_gdn_divides_by_the_root_of_weighted_squares_and_its_inverse_multiplies() -> None:
    x = flat(2.0, -3.0)
    for inverse in (False, True):
        layer = Gdn(2, inverse).requires_grad_(False)
        layer.beta.copy_(torch.tensor([1.0, 4.0]))
        layer.gamma.copy_(torch.tensor([[0.5, 0.0], [0.25, 2.0]]))
        norms = math.sqrt(1 + 0.5 * 4), math.sqrt(4 + 0.25 * 4 + 2 * 9)
        power = 1 if inverse else -1
        expected = flat(2 * norms[0] ** power, -3 * norms[1] ** power)
        torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(
    ("layer", "side"),
    [
        (conv(1, 2), 4),
        (conv(1, 2, 3), 4),
        (conv(1, 2, 3, 1), 8),
        (deconv(1, 2), 16),
        (subpixel(1, 2), 16),
    ],
)
def test_sizes_are_kept_halved_or_doubled(layer: nn.Module, side: int) -> None:
    assert layer(torch.zeros(1, 1, 8, 8)).shape == (1, 2, side, side)


def test_a_residual_block_adds_what_two_leaky_layers_make() -> None:
    block = emptied(Residual(1))
    passing(block.conv2)
    assert block.conv1.bias is not None
    for bias, added in ((5.0, 5.0), (-2.0, -2.0 * 0.01 * 0.01)):
        nn.init.constant_(block.conv1.bias, bias)
        torch.testing.assert_close(block(flat(3.0)), flat(3.0 + added))


def test_the_blocks_that_change_the_size_add_their_two_ways() -> None:
    down, up = emptied(Down(1, 1)), emptied(Up(1))
    passing(down.skip, bias=1.0)
    passing(down.conv2)
    assert down.conv1.bias is not None
    nn.init.constant_(down.conv1.bias, -2.0)
    torch.testing.assert_close(down(flat(3.0)), flat(4.0 - 0.02, side=2))
    passing(up.conv, bias=0.5)
    for way, bias in ((up.subpel_conv, -2.0), (up.upsample, 7.0)):
        nn.init.constant_(way[0].bias, bias)
    torch.testing.assert_close(up(flat(3.0)), flat(0.5 - 0.02 + 7, side=8))


def test_attention_adds_one_branch_in_the_measure_of_the_other() -> None:
    """Units of zero weights are relu(x), three of them too; the gate is the sigmoid of the last bias."""
    attention = emptied(Attention(2))
    nn.init.constant_(attention.conv_b[3].bias, math.log(3))
    torch.testing.assert_close(attention(flat(2.0, -2.0)), flat(2 + 2 * 0.75, -2.0))
    # What a unit's convolutions make is added before it is cut off at zero.
    nn.init.constant_(attention.conv_a[0].conv[4].bias, 1.0)
    torch.testing.assert_close(attention(flat(2.0, -0.5)), flat(2 + 3 * 0.75, -0.5 + 0.5 * 0.75))
