"""What a user of `flow` relies on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from gcodec.diffusion.tiles import noise, tiles
from gcodec.errors import ModelDamaged
from gcodec.interfaces import Setup, Size
from gcodec.models import Model
from gcodec.pipeline.stage2 import checked
from gcodec.randomness import Randomness
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec_flow.network import load, preconditioning
from gcodec_flow.plugin import gcodec_reconstructors
from gcodec_flow.reconstructor import Bridge, Flow

FloatArray = NDArray[np.float32]

Maker = Callable[..., Flow]


def run(flow: Flow, preview: Preview) -> FloatArray:
    return flow.reconstruct({"preview": preview}, Size(*preview.pixels.shape[1:]))


def squared_error(a: FloatArray, b: FloatArray) -> float:
    return float(np.square(a - b).mean(dtype=np.float64))


@pytest.fixture(scope="module")
def preview(photo: FloatArray, through_jpeg: Callable[[FloatArray, int], Preview]) -> Preview:
    return through_jpeg(photo, 10)


@pytest.fixture(scope="module")
def sample(flow: Maker, preview: Preview) -> FloatArray:
    return run(flow(), preview)


def test_the_error_is_at_most_twice_the_previews(
    photo: FloatArray, preview: Preview, sample: FloatArray
) -> None:
    assert squared_error(sample, photo) <= 2 * preview.mse


def test_a_network_that_overshoots_does_not_err_more(
    flow: Maker, preview: Preview, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A perfect estimator lies as far from the preview as that errs (review, eq. 18): a longer residual is scaled back."""
    sampler = copy(flow())
    residual = np.random.default_rng(1).normal(0, 3, preview.pixels.shape).astype(np.float32)
    for factor, expected in ((1.0, 1.0), (0.1, 0.09)):
        monkeypatch.setattr(
            sampler, "residuals", lambda y, s, k=factor: residual[None] * np.float32(k)
        )
        middle = Preview(np.clip(preview.pixels, 0.3, 0.7), 1e-4)
        error = squared_error(run(sampler, middle), middle.pixels)
        assert error == pytest.approx(expected * middle.mse, rel=0.02)


def test_it_adds_something_and_stays_in_range(preview: Preview, sample: FloatArray) -> None:
    assert sample.dtype == np.float32 and sample.shape == preview.pixels.shape
    assert sample.min() >= 0 and sample.max() <= 1
    assert 0.02 * preview.mse < squared_error(sample, preview.pixels) <= 1.001 * preview.mse


def test_it_has_structure_and_is_no_noise(photo: FloatArray, preview: Preview, flow: Maker) -> None:
    """Detail of the photograph comes back: the one-step mean is closer to it than the preview."""
    assert squared_error(run(flow(steps=1), preview), photo) < 1.02 * preview.mse


def test_several_pictures_at_once_are_each_what_it_is_alone(flow: Maker, preview: Preview) -> None:
    """Tiles, errors of their own, and one that is whole already among them."""
    sampler = flow(steps=2, tile=256)
    mirrored = np.ascontiguousarray(preview.pixels[..., ::-1])
    several = [preview, Preview(preview.pixels, 0.0), Preview(mirrored, preview.mse / 4), preview]
    size = Size(*preview.pixels.shape[1:])
    made = sampler.reconstruct_all([{"preview": each} for each in several], size)
    for each, together in zip(several, made, strict=True):
        np.testing.assert_allclose(together, run(sampler, each), atol=2e-5)
    assert made[1] is preview.pixels


def test_the_same_seed_gives_the_same_sample_and_another_seed_another(
    flow: Maker, preview: Preview, sample: FloatArray
) -> None:
    np.testing.assert_array_equal(run(flow(seed=0), preview), sample)
    assert squared_error(run(flow(seed=1), preview), sample) > 1e-3 * preview.mse


CHILD = """
import sys
from pathlib import Path
import numpy as np, torch
from gcodec.interfaces import Setup
from gcodec.models import Model, ModelStore
from gcodec.run import Run
from gcodec.signals import Preview
from gcodec.pipeline.stage2 import checked
from gcodec_flow.reconstructor import Flow
folder, given, answer, threads, mse = sys.argv[1:]
torch.set_num_threads(int(threads))
setup = Setup(Run(models=ModelStore()), dict(steps=4, tile=1024),
              Model("base/flow", "", Path(folder)))
pixels = np.load(given)
np.save(answer, Flow(setup).reconstruct({"preview": Preview(pixels, float(mse))}, pixels.shape[1:]))
"""


def test_another_process_on_two_threads_agrees(
    preview: Preview, sample: FloatArray, model: Model, tmp_path: Path
) -> None:
    np.save(tmp_path / "preview.npy", preview.pixels)
    subprocess.run(
        [
            *(sys.executable, "-c", CHILD, model.folder, tmp_path / "preview.npy"),
            *(tmp_path / "answer.npy", "2", repr(preview.mse)),
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), sample, atol=1e-4)


def test_a_lossless_preview_is_returned_untouched(flow: Maker, photo: FloatArray) -> None:
    np.testing.assert_array_equal(run(flow(), Preview(photo, 0.0)), photo)


def test_a_nearly_lossless_preview_is_hardly_touched(flow: Maker, photo: FloatArray) -> None:
    mse = 1e-6
    assert squared_error(run(flow(), Preview(photo, mse)), photo) <= 1.001 * mse


@pytest.mark.parametrize("size", [(1, 1), (1, 37), (17, 3), (16, 16), (63, 130)])
def test_any_size(flow: Maker, photo: FloatArray, size: tuple[int, int]) -> None:
    pixels = np.ascontiguousarray(photo[:, : size[0], : size[1]])
    preview = Preview(np.clip(pixels + np.float32(0.01), 0, 1), 1e-3)
    answer = run(flow(steps=2), preview)
    assert answer.shape == (3, *size)
    assert np.isfinite(answer).all()
    assert squared_error(answer, preview.pixels) <= 1.001e-3


@pytest.mark.parametrize("t", [0.05, 0.25, 0.6, 1.0])
def test_the_network_corrects_what_is_known_of_a_residual_of_variance_one(t: float) -> None:
    """Karras et al. 2022, section 5, for x_t = (1 - t) r + t eps: input and target of the network have variance one."""
    r, eps = np.random.default_rng(2).normal(size=(2, 400_000))
    x_t = (1 - t) * r + t * eps
    skip, out, inside = (float(c) for c in preconditioning(torch.tensor([t])))
    assert np.std(inside * x_t) == pytest.approx(1, rel=0.01)
    # The best linear guess leaves an error that has nothing of x_t.
    left = r - skip * x_t
    assert abs(np.mean(left * x_t)) < 0.005
    assert np.std(left / out) == pytest.approx(1, rel=0.01)


def test_beyond_its_border_a_picture_goes_on_as_it_ends(flow: Maker, photo: FloatArray) -> None:
    """Sides that are no multiple of 16 are drawn as if the last row and column were repeated."""
    y = np.ascontiguousarray(photo[:, 100:137, 100:150])
    continued = np.pad(y, ((0, 0), (0, 11), (0, 14)), mode="edge")
    short, long = (flow(steps=2).residuals([pixels], [0.05])[0] for pixels in (y, continued))
    np.testing.assert_allclose(short, long[:, :37, :50], atol=1e-5)


def test_an_image_does_not_depend_on_what_is_far_to_the_right(
    flow: Maker, photo: FloatArray
) -> None:
    """Noise belongs to places in the image, so a narrower image gets the same."""
    narrow = next(tiles(64, 64, 256, 64))
    wide = next(tiles(64, 400, 256, 64))
    a, b = noise(Randomness(5), narrow.window, 3), noise(Randomness(5), wide.window, 3)
    np.testing.assert_array_equal(a, b[:, :, :64])
    (_, second) = tiles(64, 400, 256, 64)
    whole = noise(Randomness(5), next(tiles(64, 400, 512, 64)).window, 3)
    np.testing.assert_array_equal(
        noise(Randomness(5), second.window, 3), whole[:, :, second.left :]
    )


def test_tiles_leave_no_seams(flow: Maker, preview: Preview, sample: FloatArray) -> None:
    """The difference from the untiled answer is small and no steeper at seams than elsewhere."""
    tiled = run(flow(tile=256), preview)
    difference = tiled - sample
    # What the network sees beyond a tile matters little: 2e-7. Of tiles that overlap half as far this would be 9e-6.
    assert np.square(difference).mean() < 1.5e-6 * preview.mse
    # Tiles of at most 256 overlap in columns 160..239.
    step = np.abs(np.diff(tiled, axis=2)).mean(axis=(0, 1))
    untiled = np.abs(np.diff(sample, axis=2)).mean(axis=(0, 1))
    excess = (step - untiled) / untiled.mean()
    assert np.abs(excess).max() < 0.05


def damaged(model: Model, folder: Path, **changes: object) -> Model:
    tensors = load_file(model.folder / "diffusion_pytorch_model.safetensors")
    tensors |= {k: v for k, v in changes.items() if isinstance(v, np.ndarray)}
    tensors = {k: v for k, v in tensors.items() if k not in changes or changes[k] is not None}
    save_file(tensors, folder / "diffusion_pytorch_model.safetensors")
    config = dict(model.config) | {k: v for k, v in changes.items() if isinstance(v, str | float)}
    (folder / "config.json").write_text(json.dumps(config))
    return Model("base/flow", "", folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"_class_name": "UNet2DModel"},
        {"unheard_of": "setting"},
        {"tail.bias": None},
        {"surplus": np.zeros(3, np.float32)},
        {"tail.bias": np.zeros(7, np.float32)},
    ],
)
def test_weights_that_do_not_fit_are_refused(
    model: Model, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(ModelDamaged):
        load(damaged(model, tmp_path, **changes))


def test_a_model_that_does_not_say_where_its_steps_lie_is_refused(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.json").write_text('{"_class_name": "FlowUNet"}')
    setup = Setup(Run(), {"steps": 2}, Model("acme/flow", "", tmp_path))
    with pytest.raises(ModelDamaged, match=r"`flow`: its config\.json has no '_time_shift'"):
        Flow(setup)


def test_the_model_says_where_its_steps_lie(
    model: Model, flow: Maker, preview: Preview, tmp_path: Path
) -> None:
    """A shift of 3 spends the steps at high noise, of 1 evenly; one step goes all the way in any case."""
    moved = damaged(model, tmp_path, _time_shift=3.0)
    for steps in (1, 2):
        usual, shifted = (
            run(Flow(replace(flow(steps=steps).setup, model=each)), preview)
            for each in (model, moved)
        )
        assert np.array_equal(usual, shifted) == (steps == 1)


def test_a_network_of_the_other_kind_is_refused(model: Model) -> None:
    """`base/flow` needs noise that a bridge does not give it."""
    spec = next(spec for spec in gcodec_reconstructors() if spec.name == "bridge")
    with pytest.raises(ModelDamaged, match="needs a BridgeUNet, not a FlowUNet"):
        Bridge(Setup(Run(), checked(spec, {}).options, model))
