"""The prior of tokens: exact, the same as what was trained, and causal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gcodec.entropy import PRECISION
from gcodec.entropy.integers import Layer
from gcodec_ldm.digits import Visit, below, digits_of, frequencies
from gcodec_ldm.perco.network import PriorNetwork
from gcodec_ldm.perco.prior import NEIGHBOURS, OUTSIDE, Prior

LEVELS = (5, 3, 2)


@pytest.fixture(scope="module")
def network() -> PriorNetwork:
    """An untrained one, its numbers larger than at the start, so that it has opinions."""
    torch.manual_seed(0)
    made = PriorNetwork(LEVELS, 24, 16)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.5)
    return made


def prior_of(network: PriorNetwork) -> Prior:
    tensors = {k: np.ascontiguousarray(v) for k, v in network.tensors("x").items()}
    return Prior(network.levels, tensors, "x")


def cost(prior: Prior, tokens: np.ndarray) -> np.ndarray:
    """Bits of each token, flat; checks on the way that each digit is asked for once."""
    digits = digits_of(tokens, LEVELS).reshape(-1, len(LEVELS))
    bits = np.zeros_like(digits, np.float64)
    seen = np.zeros_like(digits)

    def visit(batch: Visit) -> np.ndarray:
        row = np.arange(len(batch.positions))
        chosen = digits[batch.positions, batch.digit]
        at = batch.positions, batch.digit
        bits[at] = PRECISION - np.log2(batch.frequencies[row, chosen])
        seen[at] += 1
        return chosen

    assert np.array_equal(prior.code(*tokens.shape, visit), tokens)
    assert (seen == 1).all()
    return bits.sum(1)


def neighbours_of(tokens: np.ndarray) -> torch.Tensor:
    h, w = tokens.shape
    found = [
        tokens[y + dy, x + dx] if 0 <= y + dy < h and 0 <= x + dx < w else OUTSIDE
        for y in range(h)
        for x in range(w)
        for dy, dx in NEIGHBOURS
    ]
    return torch.tensor(found).view(h * w, -1)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (7, 11)])
def test_bits_are_those_of_the_network_that_was_trained(
    network: PriorNetwork, size: tuple[int, int]
) -> None:
    tokens = np.random.default_rng(1).integers(0, 30, size).astype(np.int32)
    found = cost(prior_of(network), tokens)
    with torch.no_grad():
        wanted = network(neighbours_of(tokens), torch.from_numpy(tokens.ravel()).long()).numpy()
    assert np.abs(found - wanted).max() < 0.06
    assert found.std() > 0.5 or found.size == 1


def test_any_order_of_summation_gives_the_same(
    network: PriorNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof of exactness at work: multiply with the inputs in another order."""
    tokens = np.random.default_rng(2).integers(0, 30, (6, 8)).astype(np.int32)
    straight = cost(prior_of(network), tokens)
    rng = np.random.default_rng(3)

    def permuted(self: Layer, x: np.ndarray, level: int) -> np.ndarray:
        order = rng.permutation(x.shape[1])
        return x[:, order] @ self.weight[order] + self.at(level)

    monkeypatch.setattr(Layer, "__call__", permuted)
    assert np.array_equal(cost(prior_of(network), tokens), straight)


def test_what_comes_later_does_not_change_what_a_token_costs(network: PriorNetwork) -> None:
    prior = prior_of(network)
    tokens = np.random.default_rng(4).integers(0, 30, (6, 9)).astype(np.int32)
    before = cost(prior, tokens).reshape(6, 9)
    tokens[3, 4] = (tokens[3, 4] + 7) % 30
    after = cost(prior, tokens).reshape(6, 9)
    touched = {(3 - dy, 4 - dx) for dy, dx in NEIGHBOURS} | {(3, 4)}
    changed = {(int(y), int(x)) for y, x in np.argwhere(before != after)}
    assert changed <= touched
    assert len(changed) > 8


def test_frequencies_are_a_distribution_in_proportion_to_powers_of_two() -> None:
    logits = np.array([[0.0, 1.0, -2.0, 5.0], [0.0, 0.0, 0.0, 0.0], [-4000.0, 0.0, 4000.0, 0.0]])
    made = frequencies(below(logits * (1 << 13), 3))
    assert (made.sum(1) == 1 << PRECISION).all()
    assert made.min() >= 1
    exact = np.exp2(logits[0]) / np.exp2(logits[0]).sum()
    assert made[0] / 2**PRECISION == pytest.approx(exact, rel=1e-4)
    assert np.ptp(made[1]) <= 4
    assert made[2].argmax() == 2
    assert made[2, 0] < 32  # 2^-20


def test_its_table_is_the_same_wherever_it_is_computed() -> None:
    """2**x of any mathematical library is right to 1e-9 here, and no entry is that near to where rounding turns."""
    values = [2.0 ** (20 - j / 64) for j in range(20 * 64 + 1)]
    assert min(abs(value % 1 - 0.5) for value in values) > 1e-3


def test_tensors_that_do_not_fit_are_refused(network: PriorNetwork) -> None:
    tensors = {k: np.ascontiguousarray(v) for k, v in network.tensors("x").items()}
    with pytest.raises(ValueError, match=r"x\.first is"):
        Prior((5, 3, 3), tensors, "x")
    with pytest.raises(KeyError):
        Prior(LEVELS, tensors, "y")
