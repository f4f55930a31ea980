"""A training of a few steps on a tiny model: it resumes exactly, exports, and the export codes what was trained."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from gcodec_ntc.codec import Codec
from gcodec_ntc.entropy_model import EntropyConfig
from gcodec_ntc.export import WEIGHTS, export, logistic_rows, scale_of
from gcodec_ntc.integer import LEVELS, SCALES
from gcodec_ntc.photos import Photos, pack
from gcodec_ntc.training import Model, Recipe, crops, held_out, qualities, train
from gcodec_ntc.transform import TransformConfig, border_filter

RECIPE = Recipe(
    steps=4,
    entropy_steps=1,
    cooldown=1,
    warmup=1,
    batch=2,
    crop=64,
    held_out=2,
    evaluate_every=2,
    transform=TransformConfig(
        channels=24, analysis_width=8, latent_width=8, sample_width=4, knots=3
    ),
    entropy=EntropyConfig(
        groups=(4, 4, 8, 8), hyper=4, hyper_width=8, features=4, width=8, reduced=(4, 4), knots=3
    ),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(6):
        coarse = rng.integers(0, 256, (8, 9 + i, 3), np.uint8)
        Image.fromarray(coarse).resize((96, 80), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return train(RECIPE, data, out), out


def test_photographs_survive_packing(data, tmp_path):
    pack(data, tmp_path)
    photos = Photos(tmp_path)
    assert photos.names == [f"{i}.png" for i in range(6)]
    for i in range(6):
        assert (photos[i] == np.asarray(Image.open(data / f"{i}.png"))).all()


def test_an_interrupted_training_ends_where_a_whole_one_does(trained, data, tmp_path):
    whole, _ = trained
    shortened = dataclasses.replace(RECIPE, steps=2)
    # The rates of step 0 and 1 must be those of the whole run: cool down after both.
    shortened = dataclasses.replace(shortened, cooldown=1)
    train(shortened, data, tmp_path)
    resumed = train(RECIPE, data, tmp_path)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_batches_depend_on_seed_and_step_alone(data, tmp_path):
    pack(data, tmp_path)
    photos = Photos(tmp_path)
    members, aside = held_out(photos, RECIPE)
    assert sorted([*members, *aside]) == list(range(6))
    assert torch.equal(crops(photos, members, RECIPE, 7), crops(photos, members, RECIPE, 7))
    assert not torch.equal(crops(photos, members, RECIPE, 7), crops(photos, members, RECIPE, 8))
    drawn = torch.stack([qualities(RECIPE, step) for step in range(200)])
    assert ((drawn[:, 0] < 0.5) & (drawn[:, 1] >= 0.5)).all()  # stratified


def test_an_untrained_model_is_the_lapped_transform(data, tmp_path):
    """Without quantization all kept coefficients give the picture back; the filter's gain is Tran's."""
    recipe = dataclasses.replace(RECIPE, transform=TransformConfig(channels=768, knots=3))
    recipe = dataclasses.replace(recipe, entropy=EntropyConfig(groups=(16, 48, 96, 608), knots=3))
    pack(data, tmp_path)
    photos = Photos(tmp_path)
    x = crops(photos, np.arange(6), recipe, 0)
    model = Model(recipe)
    model.initialise(x, recipe.transform)
    with torch.no_grad():
        y = model.analysis(x)
        back = (model.synthesis.samples(y) + 127.5) / 255
    assert torch.allclose(back, x, atol=1e-4)
    pre, norms = border_filter()
    assert norms.min() > 0.8
    assert torch.allclose(pre.sum(1), torch.ones(16), atol=1e-5)  # a constant stays one


def test_the_export_codes_what_was_trained(trained, tmp_path):
    model, out = trained
    export(RECIPE, out, out, tmp_path, count=4)
    from safetensors.numpy import load_file

    config = json.loads((tmp_path / "config.json").read_text())
    codec = Codec(config, load_file(tmp_path / WEIGHTS))
    pixels = Photos(out)[0][:48, :80].transpose(2, 0, 1).astype(np.float32) / 255
    level = 200
    seen = []
    analysed = codec.analyse(pixels)
    y = codec.quantize(analysed, level, lambda visit, symbols: seen.append(visit))
    q = torch.tensor([level / (LEVELS - 1)])
    with torch.no_grad():
        v = model.scaled(model.analysis(torch.from_numpy(pixels)[None]), q)
        z = model.entropy.hyper_latent(v, q)
        mean, _ = model.entropy.prior(q)
        hyper = model.entropy.hyper_features((z - mean).round() + mean, q, 3, 5)
        mean, log_scale = model.entropy.heads[0](q, hyper=hyper)
    first = seen[1]
    wanted = mean[0].permute(1, 2, 0).flatten(0, 1).numpy()[first.positions]
    index = ((log_scale[0] + 5) * 6).permute(1, 2, 0).flatten(0, 1).numpy()[first.positions]
    assert np.abs(first.mean / 16 - wanted).max() <= 1 / 16
    assert np.abs(first.index - index).max() < 0.6
    payload = codec.encode(analysed, level)
    assert (codec.read(payload, 48, 80)[3] == y).all()


def test_starting_tables_are_logistic():
    for index in (0, 30, SCALES - 1):
        rows = logistic_rows(scale_of(index))
        assert rows.sum() == pytest.approx(1)
        assert (rows[1:-1:2] == rows[2:-1:2]).all()
    b = scale_of(42)
    assert logistic_rows(b)[0] == pytest.approx(np.tanh(1 / (4 * b)))
