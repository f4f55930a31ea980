"""Tokens of fixed length: as many bits as the last index takes, and no other bytes mean anything."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.errors import ModelDamaged, PayloadError
from gcodec.interfaces import Size
from gcodec.models import Model, ModelStore
from gcodec.models.networks import Codebook, place_of
from gcodec.pictures import Picture
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.plugin import Codes, Place
from gcodec.run import Run
from gcodec_ldm.perco import learned
from gcodec_ldm.perco.fixed import FixedLength

SIZE = Size(40, 70)


class Numbers(Codebook):
    """One token for 2x2 latent positions: the rounded mean of the first channel."""

    name, space, stride = "numbers", "base/autoencoder", 2

    def __init__(self, entries: int) -> None:
        self.entries = entries

    def quantize(self, latent: NDArray[np.float32]) -> NDArray[np.int32]:
        _, h, w = latent.shape
        padded = np.pad(latent[0], ((0, h % 2), (0, w % 2)), mode="edge")
        means = padded.reshape(-(-h // 2), 2, -(-w // 2), 2).mean((1, 3))
        return np.clip(np.rint(means), 0, self.entries - 1).astype(np.int32)

    def dequantize(
        self, indices: NDArray[np.int32], shape: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.zeros((32, *shape), np.float32), np.ones(32, np.float32)


def coder(entries: int) -> FixedLength:
    model = ModelStore.installed().find("base/autoencoder")
    place = Place("base", "base/autoencoder", "d", (Codes("numbers", "c", alone=False),))
    made = FixedLength(model, place, Run())
    made.__dict__["_book"] = Numbers(entries)
    return made


@pytest.mark.parametrize(("entries", "bits"), [(2, 1), (11, 4), (16, 4), (17, 5), (8196, 14)])
def test_every_token_comes_back_in_the_bits_that_the_last_one_takes(
    entries: int, bits: int
) -> None:
    made = coder(entries)
    tokens = np.random.default_rng(entries).integers(entries, size=(3, 5), dtype=np.int32)
    tokens[1, 1] = entries - 1
    layer = made.encode(tokens, 0.5)
    assert len(layer) == -(-15 * bits // 8)
    name, found = made.decode(layer, SIZE)
    assert name == "numbers" and found.dtype == np.int32
    np.testing.assert_array_equal(found, tokens)
    assert made.encode(tokens, 1.0) == layer


def test_the_bytes_are_the_indices_row_by_row() -> None:
    tokens = np.arange(15, dtype=np.int32).reshape(3, 5)
    assert coder(16).encode(tokens, 0.5).hex() == "0123456789abcde0"


def test_a_pictures_tokens_are_those_of_its_latent() -> None:
    made = coder(16)
    pixels = np.linspace(0, 1, 3 * 40 * 70, dtype=np.float32).reshape(3, 40, 70)
    tokens = made.analyse(pixels)
    assert tokens.shape == (3, 5) and len(np.unique(tokens)) > 1
    np.testing.assert_array_equal(made.decode(made.encode(tokens, 0.5), SIZE)[1], tokens)


def test_hostile_layers() -> None:
    made = coder(11)
    layer = made.encode(np.full((3, 5), 10, np.int32), 0.5)
    for damaged, message in (
        (layer[:-1], "7 bytes for 3 x 5"),
        (layer + b"\0", "9 bytes"),
        (b"", "0 bytes"),
        (layer[:-1] + b"\xa1", "behind the last token"),
        (b"\xb0" + layer[1:], "token 11 of a codebook of 11"),
    ):
        with pytest.raises(PayloadError, match=message):
            made.decode(damaged, SIZE)
    with pytest.raises(PayloadError, match="for 3 x 6 tokens"):
        made.decode(layer, Size(48, 82))


@pytest.mark.parametrize("name", ["base/autoencoder", "base/denoiser"])
def test_a_model_without_tokens_says_what_to_do(name: str) -> None:
    model, store = ModelStore.installed().find(name), ModelStore.installed()
    place = place_of(model, store)
    assert isinstance(model, Model) and place is not None
    with pytest.raises(ModelDamaged, match=r"no hyper-encoder.*--recon perco"):
        FixedLength(model, place, Run())
    with pytest.raises(ModelDamaged, match=r"no hyper-encoder.*--recon perco"):
        encode(Picture(np.zeros((3, 8, 8), np.float32)), "perco", model=name)


def test_tokens_that_say_nothing_alone_are_not_chosen_by_their_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is cheapest would do as well as any."""
    numbers = Numbers(1024)
    monkeypatch.setattr(learned, "open_codebook", lambda model, run: numbers)
    picture = Picture(np.full((3, 64, 64), 0.5, np.float32))
    with pytest.raises(ModelDamaged, match="say nothing of the latent without a network"):
        encode(picture, "perco", target=Target(quality=1.0))
