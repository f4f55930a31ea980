"""The checked-in recipes: each is what its trainer knows, and trains for three steps at a small size."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gcodec.errors import GcodecError
from gcodec.plugin import TrainerSpec
from gcodec.registry import load_object, registry
from gcodec_train import Plan, load_recipe
from gcodec_train._recipe import check_tables

FOLDER = Path(__file__).resolve().parents[1] / "plugins" / "base" / "recipes"
RECIPES = [
    path for path in sorted(FOLDER.glob("*.toml")) if "task" in tomllib.loads(path.read_text())
]

#: By task: what makes three steps of its recipe quick.
SMALL = {
    "flow": [
        *(f"network.{name}" for name in ("channels=[8, 8, 8]", "blocks=[1, 1, 1]", "embedding=8")),
        *("data.batch=2", "data.held_out=1"),
        *(f"pairs.classic.{name}" for name in ("encodings=2", "crops=2", "size=64")),
        *(f"pairs.ntc.{name}" for name in ("encodings=1", "crops=2", "size=64")),
        "perceptual.start=1",
    ],
    "autoencoder": [
        *(f"network.{name}" for name in ("width=16", "blocks=1", "fine_width=8", "fine_blocks=1")),
        *("linear.steps=2", "data.batch=1", "data.crop=64", "data.held_out=1"),
    ],
    "ntc": [
        *(f"transform.{n}=8" for n in ("analysis_width", "latent_width", "sample_width")),
        *("entropy.width=8", "entropy.features=4", "data.batch=1", "data.crop=64"),
        *("data.held_out=1", "export.tables=2"),
    ],
    "ntc_linear": ["data.batch=1", "data.crop=64", "data.held_out=1", "export.tables=2"],
    "codebook": [
        *("network.width=16", "network.blocks=2"),
        *("data.batch=2", "data.crop=64", "data.held_out=1"),
    ],
    "denoiser": [
        *("unet.block_out_channels=[32, 32, 32]", "unet.attention_head_dim=8"),
        *("data.batch=3", "data.crop=64", "data.held_out=1"),
        *('conditions.previews=["jpeg", "ntc"]', "student.start=1", "student.share=2"),
    ],
    "one_step": [
        *("unet.block_out_channels=[32, 32, 32]", "unet.attention_head_dim=8"),
        *("data.batch=2", "data.crop=64", "data.held_out=1"),
        *('conditions.previews=["jpeg", "ntc"]', "teacher.steps=2"),
    ],
    "uqdm": [
        *("network.width=8", "network.passed=4", "network.restore=[4, 8, 8]"),
        *("data.batch=1", "data.crop=64", "data.held_out=1"),
    ],
    "lossless": [
        *("network.trunk=[8, 8]", "network.head=[8, 8]", "data.parts=1", "data.rows=8"),
        *("data.columns=16", "data.batch=64", "data.held_out=1", 'network.begin=""'),
    ],
    "latent_entropy": [
        *("entropy.width=8", "entropy.features=4", "entropy.hyper_width=8"),
        *("data.batch=2", "data.crop=64", "data.held_out=1", "export.tables=2"),
    ],
    "perco": [
        *("network.width=8", "network.inside=8"),
        *("data.batch=16", "data.variants=2", "data.held_out=1"),
    ],
    "tokens": [
        *("network.width=8", "network.inside=8", "space.residuals=[[4, 2]]"),
        *("data.batch=16", "data.variants=2", "data.held_out=1"),
    ],
}

#: By task: figures that it must have come to.
FIGURES = {
    "flow": {"loss", "lpips", "held_out.classic.mse", "held_out.ntc.lpips"},
    "autoencoder": {"loss", "lpips", "held_out.psnr"},
    "ntc": {"loss", "bpp", "held_out.psnr_0.6"},
    "ntc_linear": {"loss", "bits", "held_out.bpp_32", "held_out.bpp_1"},
    "codebook": {"loss", "held_out.of_variance", "held_out.entropy"},
    "denoiser": {"loss", "consistency", "held_out.preview.lpips_after_4", "held_out.tokens.mse"},
    "one_step": {"loss", "consistency", "held_out.preview.lpips", "held_out.tokens.squared"},
    "uqdm": {"loss", "log_mse", "held_out.psnr_0", "held_out.bpp_lossless"},
    "latent_entropy": {"loss", "bits", "held_out.plain_0.50", "held_out.anchored_1.00"},
    "perco": {"loss", "base-16", "held_out.base-32"},
    "tokens": {"loss", "level0", "held_out.level2"},
}


def test_there_are_recipes() -> None:
    if not FOLDER.is_dir():
        pytest.skip("not a checkout")
    assert RECIPES


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_what_its_trainer_knows(path: Path) -> None:
    recipe = load_recipe(path)
    spec = registry().named(TrainerSpec, recipe["task"])
    trainer = load_object(spec.name, spec.implementation)
    check_tables(recipe, {**(trainer.tables or recipe), "plan": Plan}, path)


@pytest.mark.parametrize(
    "path", [path for path in RECIPES if load_recipe(path)["task"] in SMALL], ids=lambda p: p.stem
)
def test_a_recipe_trains(
    path: Path, gcodec: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    from PIL import Image

    from gcodec_eval.metrics.weights import LPIPS, find

    recipe = load_recipe(path)
    try:
        weights = find(LPIPS).parent
    except GcodecError as error:
        pytest.skip(str(error))
    photos = tmp_path / "photos"
    photos.mkdir()
    with Image.open(Path(__file__).resolve().parent / "images" / "kodim23.png") as whole:
        for n in range(3):
            whole.crop((250 * n, 100, 250 * n + 208, 308)).save(photos / f"{n}.png")
    settings = [*SMALL[recipe["task"]], "plan.steps=3"]
    done = gcodec(
        *("train", path, "--data", photos, "--out", tmp_path / "out", "--device", "cpu"),
        *("--threads", 1, "--json", *(word for s in settings for word in ("--set", s))),
        GCODEC_METRICS=str(weights),
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["step"], said["steps"]) == (3, 3)
    assert said["figures"].keys() >= FIGURES[recipe["task"]]
    assert "warning" not in done.stderr
    written = {p.name for p in (tmp_path / "out" / "model").iterdir()}
    assert written >= {"config.json", "recipe.toml", "training.toml", "data.csv"}
