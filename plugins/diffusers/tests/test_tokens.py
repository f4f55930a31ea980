"""Tokens: every index is valid, and what they say of a picture is what the codebook claims."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gcodec.errors import InvalidArgument
from gcodec_diffusers.codebook import LatentCodebook
from gcodec_diffusers.space import LappedSpace
from gcodec_diffusers.tokens import ScalarCodebook

FloatArray = NDArray[np.float32]


def test_indices_and_levels_are_one_to_one() -> None:
    """Quantizing gives exactly the index whose levels are nearest, for every entry."""
    network = LatentCodebook([1.0] * 4, levels=(5, 3, 2), stride=2, width=8, blocks=0)
    seen: list[torch.Tensor] = []
    network.expand = lambda codes: seen.append(codes) or codes  # type: ignore[assignment, func-returns-value]
    every = torch.arange(30)[None, :, None]
    network.dequantize(every)
    (codes,) = seen
    assert len({tuple(column) for column in codes[0, :, :, 0].T.tolist()}) == 30
    network.bounded = lambda z: codes + 0.4 * torch.tensor([1.0, -1, 1])[:, None, None]  # type: ignore[assignment]
    assert torch.equal(network.quantize(torch.zeros(1, 4, 2, 2)), every)


def test_rounding_passes_gradients_and_stays_within_the_levels() -> None:
    network = LatentCodebook([1.0] * 4, levels=(4, 3), stride=2, width=8, blocks=2)
    z = 100 * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    soft = network.bounded(z).detach()
    assert float(soft.min()) >= -0.5 and bool((soft.amax((0, 2, 3)) <= network.levels - 0.5).all())
    network(z).square().mean().backward()
    gradient = network.encoder[1].weight.grad
    assert gradient is not None and float(gradient.abs().max()) > 0


def test_tokens_tell_most_of_a_photograph(
    space: LappedSpace, book: ScalarCodebook, photo: FloatArray
) -> None:
    """Ten bits for 16x16 samples: under two thirds of the variance is left, and about what is claimed."""
    latent = space.encode(photo)
    indices = book.quantize(latent)
    assert indices.shape == (12, 16) and indices.dtype == np.int32
    assert indices.min() >= 0 and indices.max() < book.entries == 1024
    estimate, error = book.dequantize(indices, latent.shape[1:])
    left = np.square(estimate - latent).mean()
    assert left < 0.66 * np.square(latent).mean()
    assert 0.3 < left / np.square(error).mean() < 3


def test_sides_that_are_no_multiple(
    space: LappedSpace, book: ScalarCodebook, photo: FloatArray
) -> None:
    latent = np.ascontiguousarray(space.encode(photo)[:, :5, :7])
    indices = book.quantize(latent)
    assert indices.shape == (3, 4)
    estimate, _ = book.dequantize(indices, (5, 7))
    assert estimate.shape == latent.shape


def test_tokens_that_cannot_be_are_refused(book: ScalarCodebook) -> None:
    for indices in (np.full((2, 2), 1024, np.int32), np.full((2, 2), -1, np.int32)):
        with pytest.raises(ValueError, match=r"0\.\.1023"):
            book.dequantize(indices, (4, 4))
    with pytest.raises(ValueError, match="tokens where"):
        book.dequantize(np.zeros((2, 3), np.int32), (4, 4))


def test_no_token_stands_for_a_latent_that_is_no_number(
    space: LappedSpace, book: ScalarCodebook, photo: FloatArray
) -> None:
    latent = space.encode(photo)
    latent[3, 2, 1] = np.nan
    with pytest.raises(InvalidArgument, match="not finite"):
        book.quantize(latent)


def test_the_same_tokens_with_any_number_of_threads(
    space: LappedSpace, book: ScalarCodebook, photo: FloatArray
) -> None:
    latent, threads = space.encode(photo), torch.get_num_threads()
    try:
        made = []
        for count in (1, 2):
            torch.set_num_threads(count)
            made.append(book.quantize(latent))
    finally:
        torch.set_num_threads(threads)
    # A latent exactly between two levels may go either way; it is the sender's choice alone.
    assert np.mean(made[0] != made[1]) < 0.01
    assert book.space == "base/autoencoder" and book.name == "base-16"
