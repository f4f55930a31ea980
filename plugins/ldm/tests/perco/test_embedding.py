"""`perco` as a user meets it: two grids, a caption, small files, damage."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gcodec.errors import InvalidOption, ModelDamaged, ModelMissing, PayloadError
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.models.networks import Codebook, open_codebook, open_space
from gcodec.pictures import Picture
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.run import Run
from gcodec.signals import Text, Tokens
from gcodec.testing import EmbeddingConformance
from gcodec_ldm.perco.embedding import Perco
from gcodec_ldm.perco.learned import LEVELS

WORDS = "two parrots, one red and one blue, before dark leaves"


class TestPerco(EmbeddingConformance):
    name = "perco"


@pytest.fixture(scope="module")
def photo(kodim23: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [3, 256, 384] in [0, 1]."""
    return kodim23[:, 128:384, 192:576].copy()


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore.installed().find("base/perco")


def perco(model: Model, text: str = "") -> Perco:
    return Perco(Setup(Run(), {"text": text, "captioner": ""}, model))


@pytest.fixture(scope="module")
def plain(model: Model) -> Perco:
    return perco(model)


def error(book: Codebook, tokens: NDArray[np.int32], latent: NDArray[np.float32]) -> float:
    _, h, w = latent.shape
    return float(np.square(book.dequantize(tokens, (h, w))[0] - latent).sum())


def test_low_qualities_take_the_coarse_grid_and_high_ones_the_fine(
    plain: Perco, photo: NDArray[np.float32]
) -> None:
    size, analysis = Size(256, 384), plain.analyse(photo)
    grids, lengths = [], []
    for level in range(0, LEVELS, 3):
        layers = plain.encode(analysis, level / (LEVELS - 1))
        tokens, _ = plain.decode(layers, size)
        assert isinstance(tokens, Tokens)
        grids.append((tokens.space, *tokens.indices.shape))
        lengths.append(len(layers[0]))
    assert grids[0] == ("base-32", 8, 12)
    assert grids[-1] == ("base-16", 16, 24)
    assert grids == sorted(grids, reverse=True)
    assert lengths[-1] > 3 * lengths[0]


def test_dearer_tokens_are_left_out_where_the_latent_hardly_suffers(
    plain: Perco, model: Model, photo: NDArray[np.float32]
) -> None:
    """On either grid, from the nearest tokens' error and less than their fixed length to fewer bytes still."""
    run, size, analysis = Run(), Size(256, 384), plain.analyse(photo)
    latent = open_space(run.models.find("base/autoencoder"), run).encode(photo)
    for which, row in enumerate(model.config["codebooks"]):
        book = open_codebook(run.models.find(row["model"]), run)
        nearest = book.quantize(latent)
        best = error(book, nearest, latent)
        lengths, errors = [], []
        for level in range(which * LEVELS // 2, (which + 1) * LEVELS // 2, 5):
            layers = plain.encode(analysis, level / (LEVELS - 1))
            tokens, _ = plain.decode(layers, size)
            assert isinstance(tokens, Tokens)
            lengths.append(len(layers[0]))
            errors.append(error(book, tokens.indices, latent))
        assert lengths == sorted(lengths)
        assert all(b < 1.005 * a for a, b in pairwise(errors))
        assert errors[-1] < 1.005 * best
        assert 1.03 * errors[-1] < errors[0] < 1.4 * best
        assert lengths[0] < 0.87 * lengths[-1]
        # Ten bits are the fixed length; the middle of kodim23 is as hard as pictures get.
        assert 8 * lengths[-1] < (9.5, 8)[which] * nearest.size


def test_a_caption_costs_its_bytes_and_none_costs_nothing(
    plain: Perco, model: Model, photo: NDArray[np.float32]
) -> None:
    told = perco(model, WORDS)
    analysis, size = plain.analyse(photo), Size(256, 384)
    without = plain.encode(analysis, 0.3)
    layers = told.encode(replace(analysis, caption=told.analyse(photo).caption), 0.3)
    assert len(without) == 1
    assert layers[0] == without[0]
    assert 5 < len(layers[1]) < len(WORDS) / 2
    # The decoder was told nothing.
    for made, words in ((without, ""), (layers, WORDS)):
        _, text = plain.decode(made, size)
        assert isinstance(text, Text)
        assert text.value == words
    assert plain.symbols(layers, size) == plain.symbols(without, size) + WORDS.encode()


def test_captions_that_cannot_be_sent_are_refused(model: Model) -> None:
    for text in ("a" * 5000, "\ud800"):
        with pytest.raises(InvalidOption, match="4096"):
            perco(model, text)


def test_hostile_layers(plain: Perco, photo: NDArray[np.float32]) -> None:
    size = Size(256, 384)
    (tokens,) = plain.encode(plain.analyse(photo), 0.4)
    cases = [(), (tokens, b""), (tokens, b"\xff" * 20), (tokens, b"a", b"b"), (tokens + b"\0",)]
    for layers in cases:
        with pytest.raises(PayloadError, match="perco"):
            plain.decode(layers, size)
    for other in (Size(288, 384), Size(1, 1), Size(2048, 2048)):
        with pytest.raises(PayloadError):
            plain.decode((tokens,), other)


def test_a_photograph_of_kodaks_size_takes_few_bytes(kodim23: NDArray[np.float32]) -> None:
    """From the file alone to a picture of the same scene, at less than a hundredth of a bit per pixel."""
    made = encode(Picture(kodim23), "perco", target=Target(quality=0.35))
    assert len(made.data) < 0.01 * 768 * 512 / 8
    pixels = decode(made.data, "preview").picture.pixels
    assert np.square(pixels - kodim23).mean() < 0.007


def test_a_model_is_needed_and_must_be_the_right_one(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        Perco(Setup(Run(), {"text": "", "captioner": ""}))
    weights = "diffusion_pytorch_model.safetensors"
    (tmp_path / weights).write_bytes((model.folder / weights).read_bytes())

    def of(config: dict) -> Model:
        (tmp_path / "config.json").write_text(json.dumps(config))
        return Model("x", "0" * 64, tmp_path)

    rows = model.config["codebooks"]
    for wrong in (
        [{**rows[0], "levels": [8, 8, 8]}, rows[1]],
        [{**rows[0], "side": 0}, rows[1]],
        [{**rows[0], "levels": [1 << 20, 1 << 20]}, rows[1]],
        [],
    ):
        with pytest.raises(ModelDamaged, match="perco"):
            perco(of({"codebooks": wrong}))
    with pytest.raises(ModelMissing):
        perco(of({"codebooks": [{**rows[0], "model": "0" * 64}, rows[1]]}))
