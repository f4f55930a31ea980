"""`tokens` as a user meets it, with the shipped weights."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import gcodec_formats as gcx
from gcodec.errors import ModelDamaged, ModelMissing
from gcodec.interfaces import Setup, Size
from gcodec.models import Model, ModelStore
from gcodec.models.networks import open_space
from gcodec.pictures import Picture
from gcodec.pipeline.decoding import decode
from gcodec.pipeline.encoding import encode
from gcodec.pipeline.ratecontrol import Target
from gcodec.pipeline.stage1 import open_stage1
from gcodec.run import Run
from gcodec.signals import Latent
from gcodec.testing import EmbeddingConformance
from gcodec_ldm.tokens.embedding import Tokens

SIZE = Size(256, 384)


class TestTokens(EmbeddingConformance):
    name = "tokens"
    signal_tolerance = 1e-3  # float networks


@pytest.fixture(scope="module")
def photo(kodim23: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 [3, 256, 384] in [0, 1]."""
    return kodim23[:, 128:384, 192:576].copy()


@pytest.fixture(scope="module")
def model() -> Model:
    return ModelStore.installed().find("base/tokens")


def tokens_of(model: Model, complete: bool = True) -> Tokens:
    return Tokens(Setup(Run(), {"complete": complete}, model))


def latent_of(embedding: Tokens, layers: tuple[bytes, ...]) -> Latent:
    (latent,) = embedding.decode(layers, SIZE)
    assert isinstance(latent, Latent)
    return latent


def test_more_tokens_say_more_and_the_signal_says_how_much(
    model: Model, photo: NDArray[np.float32]
) -> None:
    """Completed or not: the latent errs less and less, and by about what its step states."""
    whole, holes = tokens_of(model), tokens_of(model, complete=False)
    analysed = whole.analyse(photo)
    original = open_space(Run().models.find("base/autoencoder"), Run()).encode(photo)
    for embedding in (whole, holes):
        errors = []
        for quality in (0.0, 0.35, 0.6, 0.75, 0.9, 1.0):
            latent = latent_of(embedding, embedding.encode(analysed, quality))
            errors.append(float(np.sqrt(np.square(latent.values - original).mean())))
            assert 0.5 < errors[-1] / (latent.step / 12**0.5) < 2
        assert all(b < 1.03 * a for a, b in pairwise(errors))
        assert errors[-1] < 0.5 * errors[0]


def test_what_is_drawn_gives_back_detail_of_which_nothing_was_sent(
    model: Model, photo: NDArray[np.float32]
) -> None:
    """At the end of the first level no token of 16x16 samples is known: holes are smooth, what is drawn is rougher."""
    whole, holes = tokens_of(model), tokens_of(model, complete=False)
    analysed = whole.analyse(photo)
    count = 8 * 12
    values = [
        latent_of(embedding, analysed.encode(count, complete)).values[8:]  # channels of detail
        for embedding, complete in ((whole, True), (holes, False))
    ]
    assert values[0].std() > 1.2 * values[1].std()


def test_a_file_is_as_large_as_it_may_be(photo: NDArray[np.float32]) -> None:
    for limit in (40, 200, 900):
        data = encode(Picture(photo), "tokens", target=Target(bytes=limit)).data
        assert limit - 8 <= len(data) <= limit


def test_a_file_that_is_cut_short_is_a_picture(photo: NDArray[np.float32]) -> None:
    """At any byte: its whole layers are those of the whole file."""
    data = encode(Picture(photo), "tokens", target=Target(quality=0.9)).data
    whole = open_stage1(data).main
    counts = set()
    for cut in range(160, len(data), 97):
        part = open_stage1(data[:cut], partial=True).main
        assert part.layers == whole.layers[: len(part.layers)]
        part.embedding.symbols(part.layers, SIZE)
        counts.add(len(part.layers))
    assert len(counts) > 4


def test_the_seed_decides_what_is_drawn(photo: NDArray[np.float32]) -> None:
    pictures = []
    for seed in (0, 0, 1):
        run = Run(seed=seed)
        data = encode(Picture(photo), "tokens", target=Target(quality=0.5), run=run).data
        pictures.append(decode(data, "preview").picture.pixels)
    assert np.array_equal(*pictures[:2])
    assert np.abs(pictures[2] - pictures[0]).mean() > 0.01


def test_nothing_at_all_is_a_picture(photo: NDArray[np.float32]) -> None:
    """Without tokens the file is its head: of holes alone comes one gray, completed they are a picture of some sort."""
    pictures = []
    for complete in (True, False):
        options = {"complete": complete}
        made = encode(Picture(photo), "tokens", target=Target(quality=0), options=options)
        assert len(made.data) <= 22
        pictures.append(decode(made.data, "preview").picture.pixels)
    assert np.abs(pictures[0] - pictures[1]).mean() > 0.05


def test_models_of_another_kind_are_refused(model: Model, tmp_path: Path) -> None:
    weights = "diffusion_pytorch_model.safetensors"
    (tmp_path / weights).write_bytes((model.folder / weights).read_bytes())

    def of(**changed: object) -> Model:
        (tmp_path / "config.json").write_text(json.dumps({**model.config, **changed}))
        return Model("x", "0" * 64, tmp_path)

    levels = model.config["levels"]
    for changed in (
        {"levels": levels[:3]},
        {"levels": [{**levels[0], "digits": [8, 8, 8]}, *levels[1:]]},
        {"levels": [*levels[:3], {**levels[3], "digits": [16, 8]}]},
        {"levels": []},
        {"levels": [{**levels[0], "model": ""}, *levels[1:]]},
        {"levels": [*levels[:3], {**levels[3], "side": 0}]},
        {"levels": [{**level, "side": -level["side"]} for level in levels]},
        {"levels": [{**levels[0], "side": "8"}, *levels[1:]]},
        {"levels": [{**levels[0], "sharp": 8.5}, *levels[1:]]},
        {"levels": [{**levels[0], "digits": [1 << 20, 1 << 20]}, *levels[1:]]},
        {"levels": [{**levels[0], "model": 5}, *levels[1:]]},
        {"error": []},
        {"error": [[float("nan")] * 2] * 5},
        {"error": [[-1.0] * 2] * 5},
    ):
        with pytest.raises(ModelDamaged, match="tokens"):
            tokens_of(of(**changed))
    with pytest.raises(ModelMissing):
        tokens_of(of(levels=[{**levels[0], "model": "0" * 64}, *levels[1:]]))


def test_codebooks_that_do_not_go_with_the_levels_are_refused(
    model: Model, photo: NDArray[np.float32], tmp_path: Path
) -> None:
    weights = "diffusion_pytorch_model.safetensors"
    (tmp_path / weights).write_bytes((model.folder / weights).read_bytes())
    levels = model.config["levels"]
    for changed in (
        [{**level, "side": 2 * level["side"]} for level in levels],
        [{**levels[0], "model": levels[1]["model"]}, *levels[1:]],
    ):
        (tmp_path / "config.json").write_text(json.dumps({**model.config, "levels": changed}))
        with pytest.raises(ModelDamaged, match="level 0"):
            tokens_of(Model("x", "0" * 64, tmp_path)).analyse(photo)


def test_the_file_says_that_it_is_progressive(photo: NDArray[np.float32]) -> None:
    assert gcx.read(encode(Picture(photo), "tokens").data).progressive
