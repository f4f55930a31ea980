"""Published pipelines as denoisers: levels and parametrisations, what is given beside x_t, folders that do not fit."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from gcodec.errors import ModelDamaged, UnusablePlugin, UsageError
from gcodec.interfaces import Size
from gcodec.models import Model, ModelStore
from gcodec.networks import open_denoiser, open_space, place_of
from gcodec.run import Run
from gcodec.signals import Latent, Preview, Sketch
from gcodec_diffusers import tiny
from gcodec_diffusers.architectures import ARCHITECTURES
from gcodec_diffusers.layout import EMPTY_PROMPT, FAMILIES
from gcodec_diffusers.noise_levels import Level, ddpm, levels_of, parametrisation_of
from gcodec_diffusers.pipeline import PipelineDenoiser
from gcodec_diffusers.plugin import PIPELINES

FloatArray = NDArray[np.float32]
Folder = Callable[[str], Path]

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SIZE = Size(40, 56)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """folder(kind): a tiny pipeline, made once."""
    root = tmp_path_factory.mktemp("pipelines")

    def make(kind: str) -> Path:
        return root / kind if (root / kind).exists() else tiny.make(kind, root / kind)

    return make


def opened(path: Path, **how: Any) -> PipelineDenoiser:
    made = open_denoiser(model_in(path), Run(**how))
    assert isinstance(made, PipelineDenoiser)
    return made


def model_in(path: Path) -> Model:
    return ModelStore().find(str(path))


def alpha_bar(t: int) -> float:
    """Of Stable Diffusion, from its definition: the square roots of the betas are evenly spaced."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return float(np.prod(1 - betas[: t + 1]))


@pytest.mark.parametrize("t", [0, 1, 250, 777, 999])
@pytest.mark.parametrize("times", [1.0, 0.3, 17.0])
def test_a_state_of_any_path_finds_its_timestep(t: int, times: float) -> None:
    level = levels_of(SD)
    alpha, sigma = math.sqrt(alpha_bar(t)), math.sqrt(1 - alpha_bar(t))
    at = level(times * alpha, times * sigma)
    assert at.scale == pytest.approx(1 / times, rel=1e-5)
    assert (at.alpha, at.sigma) == pytest.approx((alpha, sigma), rel=1e-4)
    assert at.timestep == pytest.approx(t, abs=0.02)


def test_between_and_beyond_the_timesteps() -> None:
    level = levels_of(SD)
    snr = [alpha_bar(t) / (1 - alpha_bar(t)) for t in (500, 501)]
    between = level((snr[0] * snr[1]) ** 0.25, 1.0)
    assert between.timestep == pytest.approx(500.5, abs=0.01)
    noise = level(0.0, 1.0)
    assert noise.timestep == 999 and noise.alpha == pytest.approx(0.0683, abs=1e-4)
    clean = level(1.0, 0.0)
    assert (clean.timestep, clean.alpha, clean.sigma) == (0, 1, 0)
    nearly = level(1.0, 1e-3)
    assert nearly.timestep == 0 and nearly.sigma == pytest.approx(1e-3, rel=1e-4)


def test_the_flow_of_any_path() -> None:
    level = levels_of({"_class_name": "FlowMatchEulerDiscreteScheduler"})
    assert level(0.6, 0.8) == pytest.approx((1 / 1.4, 0.6 / 1.4, 0.8 / 1.4, 800 / 1.4))
    assert level(0.0, 1.0).timestep == 1000


def test_a_schedule_that_ends_in_noise_alone_stays_finite() -> None:
    level = levels_of({**SD, "rescale_betas_zero_snr": True})
    at = level(0.0, 1.0)
    x = torch.ones(1)
    v = parametrisation_of({"prediction_type": "v_prediction"})
    assert float(v(x, -2 * x, at)) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize(
    ("scheduler", "output"),
    [
        ({"prediction_type": "epsilon"}, lambda x_0, eps, at: eps),
        ({"prediction_type": "v_prediction"}, lambda x_0, eps, at: at.alpha * eps - at.sigma * x_0),
        ({"prediction_type": "sample"}, lambda x_0, eps, at: x_0),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler"}, lambda x_0, eps, at: eps - x_0),
    ],
)
@pytest.mark.parametrize("noise", [0.1, 0.7, 3.0])
def test_a_perfect_network_of_each_parametrisation_gives_x_0(
    scheduler: dict[str, Any], output: Callable[..., torch.Tensor], noise: float
) -> None:
    x_0, eps = torch.tensor([0.4, -1.3]), torch.tensor([1.1, 0.2])
    at: Level = levels_of({**SD, **scheduler})(1.0, noise)
    x = (x_0 + noise * eps) * at.scale
    torch.testing.assert_close(x, at.alpha * x_0 + at.sigma * eps)
    found = parametrisation_of(scheduler)(x, output(x_0, eps, at), at)
    torch.testing.assert_close(found, x_0, rtol=0, atol=1e-5)


def test_unknown_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match="velocity_of_tomorrow"):
        parametrisation_of({"prediction_type": "velocity_of_tomorrow"})


def test_every_class_of_pipelines_is_registered() -> None:
    assert set(PIPELINES) == set(FAMILIES) and {f.name for f in FAMILIES.values()} == set(
        ARCHITECTURES
    )


def gaussian(denoiser: PipelineDenoiser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the denoiser of a standard normal x_0 in the place of a v-predicting network: x0-hat = alpha x, v = 0."""
    monkeypatch.setattr(denoiser, "_output", lambda x, timestep, condition: torch.zeros_like(x))


@pytest.mark.parametrize("noise", [0.05, 1.0, 10.0])
@pytest.mark.parametrize("v", [0.01, 0.5, 100.0])
def test_an_estimate_beside_x_t_counts_as_bayes_has_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, noise: float, v: float
) -> None:
    """x_0 ~ N(0, 1), x_t = x_0 + noise eps, y = x_0 + n of variance v: E[x_0 | x_t, y] in closed form."""
    denoiser = opened(folder("sd21"))
    gaussian(denoiser, monkeypatch)
    c, h, w = 4, 5, 7
    made = np.random.default_rng(0).standard_normal((2, c, h, w)).astype(np.float32)
    x_t, y = torch.from_numpy(made[0])[None], made[1]
    condition = denoiser.condition({}, SIZE)
    condition.maps["estimate"][:] = torch.from_numpy(y / (1 + v))  # type: ignore[index]
    condition.globals["error"][:] = (v / (1 + v)) ** 0.5  # type: ignore[index]
    exact = (made[0] / noise**2 + y / v) / (1 + 1 / noise**2 + 1 / v)
    found = denoiser.x0(x_t, 1.0, noise, condition)
    torch.testing.assert_close(found[0], torch.from_numpy(exact), rtol=0, atol=2e-4)


@pytest.mark.parametrize("kind", list(tiny.KINDS))
def test_each_network_sees_latent_level_and_prompt(folder: Folder, kind: str) -> None:
    """Every input matters, batches of odd sides work, and gradients reach x_t."""
    denoiser = opened(folder(kind))
    nothing = denoiser.condition({}, SIZE)
    channels = denoiser.encoder.channels
    assert nothing.maps["estimate"].shape == (channels, 5, 7)
    x = torch.from_numpy(
        np.random.default_rng(1).standard_normal((1, channels, 5, 7)).astype(np.float32)
    )
    plain = denoiser.x0(x, 1.0, 1.0, nothing)
    assert plain.shape == x.shape and plain.dtype == torch.float32
    # The same SNR on another path is the same state.
    torch.testing.assert_close(denoiser.x0(3 * x, 3.0, 3.0, nothing), plain, rtol=1e-3, atol=1e-4)
    # The network's own part, with the level's share taken out, depends on the level and on the prompt.
    out = denoiser._output(x, 500.0, nothing)
    assert float((denoiser._output(x, 300.0, nothing) - out).abs().max()) > 1e-6
    other = type(nothing)(nothing.maps, {**nothing.globals, "text": nothing.globals["text"] + 1})
    assert float((denoiser._output(x, 500.0, other) - out).abs().max()) > 1e-6
    x.requires_grad_()
    (slope,) = torch.autograd.grad(denoiser.x0(x, 1.0, 1.0, nothing).sum(), x)
    assert float(slope.abs().max()) > 0


def test_patches_of_flux_are_its_tokens() -> None:
    """Token (i, j) holds the 2x2 patch there, channels first, at row i and column j; the way back is the inverse."""
    seen: dict[str, torch.Tensor] = {}

    class Network:
        class config:
            guidance_embeds = False

        def __call__(self, **given: Any) -> tuple[torch.Tensor]:
            seen.update(given)
            return (given["hidden_states"],)

    x = torch.arange(3 * 4 * 6, dtype=torch.float32).view(1, 3, 4, 6)
    given = {"text": torch.zeros(1, 5, 8), "pooled": torch.zeros(1, 8)}
    back = ARCHITECTURES["flux"].call(Network(), x, torch.tensor([250.0]), given, None)
    assert torch.equal(back, x)
    token = seen["hidden_states"][0, 1 * 3 + 2]
    assert torch.equal(token, x[0, :, 2:4, 4:6].flatten())
    assert seen["img_ids"][1 * 3 + 2].tolist() == [0, 1, 2]
    assert float(seen["timestep"]) == 0.25 and seen["guidance"] is None


@pytest.mark.parametrize(("kind", "numbers"), [("sdxl", 6), ("sdxl-refiner", 5)])
def test_sdxl_is_told_the_size(folder: Folder, kind: str, numbers: int) -> None:
    ids = opened(folder(kind)).condition({}, Size(40, 56)).globals["time_ids"]
    assert ids.shape == (1, numbers) and ids[0, :4].tolist() == [40, 56, 0, 0]


def test_a_preview_and_a_latent_are_seen_a_sketch_is_not(folder: Folder) -> None:
    denoiser = opened(folder("sd15"))
    rng = np.random.default_rng(2)
    pixels = rng.random((3, *SIZE)).astype(np.float32)
    z = denoiser.encoder.encode(pixels)
    coarse, fine = (
        denoiser.estimate({"preview": Preview(pixels, mse)}, SIZE) for mse in (1e-2, 1e-4)
    )
    np.testing.assert_array_equal(coarse[0], z)
    assert (fine[1] < coarse[1]).all() and (coarse[1] < 1).all()
    name = f"latent/{denoiser.encoder.name}"
    c, s = denoiser.estimate({name: Latent(z, denoiser.encoder.name, 0.1)}, SIZE)
    np.testing.assert_array_equal(c, z)
    np.testing.assert_allclose(s, (1 + 12 / 0.1**2) ** -0.5, rtol=1e-5)
    with pytest.raises(UsageError, match=r"can use nothing of sketch; it sees preview, latent/kl-"):
        denoiser.condition({"sketch": Sketch(pixels[:1])}, SIZE)


def test_the_error_of_a_preview_is_about_what_the_encoder_makes_of_noise(folder: Folder) -> None:
    """`LatentSpace.spread` and `error` against noise of other seeds."""
    space = opened(folder("sd3")).encoder
    rng = np.random.default_rng(3)
    pixels = (0.3 + 0.4 * rng.random((3, 64, 64))).astype(np.float32)
    noisy = pixels + 0.05 * rng.standard_normal(pixels.shape).astype(np.float32)
    true = np.square(space.encode(noisy) - space.encode(pixels)).mean((1, 2))
    np.testing.assert_allclose(np.square(space.spread(pixels, 0.05**2)), true, rtol=0.8)
    z = space.encode(pixels)
    moved = z + 0.2 * rng.standard_normal(z.shape).astype(np.float32)
    mse = np.square(space.decode(moved, Size(64, 64)) - space.decode(z, Size(64, 64))).mean()
    assert space.error(z, np.full(16, 0.2, np.float32)) == pytest.approx(mse, rel=0.5)


def test_latents_are_shifted_and_scaled(folder: Folder) -> None:
    """(mean - shift) * scale there, the inverse back, as diffusers' pipelines do it."""
    path = folder("sd3")
    space = open_space(model_in(path), Run())
    config = json.loads((path / "vae" / "config.json").read_text())
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(path / "vae", low_cpu_mem_usage=False)
    pixels = np.random.default_rng(4).random((3, 16, 24)).astype(np.float32)
    with torch.no_grad():
        mean = vae.encode(torch.from_numpy(2 * pixels - 1)[None]).latent_dist.mean[0]
        expected = (mean - config["shift_factor"]) * config["scaling_factor"]
        back = (vae.decode(mean[None]).sample[0] / 2 + 0.5).clamp(0, 1)
    np.testing.assert_allclose(space.encode(pixels), expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(
        space.decode(expected.numpy(), Size(16, 24)), back.numpy(), atol=1e-4
    )


def test_a_space_is_named_by_what_decides_its_latents(folder: Folder, tmp_path: Path) -> None:
    path = shutil.copytree(folder("sd15"), tmp_path / "copy")

    def name() -> str:
        place = place_of(model_in(path), ModelStore())
        assert place is not None
        alone = place_of(model_in(path / "vae"), ModelStore())
        assert alone is not None and alone.space == place.space and alone.denoiser is None
        return place.space

    first = name()
    assert first == opened(path).encoder.name and first.startswith("kl-")
    config = path / "vae" / "config.json"
    about = json.loads(config.read_text())
    config.write_text(json.dumps({**about, "_diffusers_version": "0.99", "sample_size": 32}))
    assert name() == first
    config.write_text(json.dumps({**about, "scaling_factor": 0.5}))
    assert name() != first
    config.write_text(json.dumps(about))
    weights = path / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["decoder.conv_out.bias"] += 1
    save_file(tensors, weights, {"format": "pt"})
    assert name() != first


@pytest.mark.parametrize("memory", ["low", "least"])
def test_less_memory_changes_nothing_but_rounding(folder: Folder, memory: str) -> None:
    plain, spare = opened(folder("sd15")), None
    given = plain.condition({}, SIZE)
    x = torch.ones(1, 4, 5, 7)
    expected = plain.x0(x, 1.0, 1.0, given)
    spare = opened(folder("sd15"), memory=memory)
    assert spare.encoder.network.use_tiling and not plain.encoder.network.use_tiling
    torch.testing.assert_close(spare.x0(x, 1.0, 1.0, given), expected, rtol=1e-4, atol=1e-4)


def test_half_precision_reaches_the_network(folder: Folder) -> None:
    half = opened(folder("flux"), dtype="bfloat16")
    assert half.network.dtype == torch.bfloat16
    given = half.condition({}, SIZE)
    x = torch.ones(1, 16, 5, 7)
    found = half.x0(x, 1.0, 1.0, given)
    whole = opened(folder("flux"))
    expected = whole.x0(x, 1.0, 1.0, whole.condition({}, SIZE))
    assert found.dtype == torch.float32
    assert float((found - expected).abs().max()) < 0.1 * float(expected.abs().max())


def spoilt(folder: Folder, tmp_path: Path, kind: str = "sd15") -> Path:
    return shutil.copytree(folder(kind), tmp_path / "spoilt")


def test_missing_and_superfluous_tensors_are_refused(folder: Folder, tmp_path: Path) -> None:
    path = spoilt(folder, tmp_path)
    weights = path / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    bias = tensors.pop("conv_in.bias")
    save_file(tensors, weights, {"format": "pt"})
    with pytest.raises(ModelDamaged, match=r"missing keys: conv_in\.bias"):
        opened(path)
    save_file({**tensors, "conv_in.bias": bias, "more": bias + 1}, weights, {"format": "pt"})
    with pytest.raises(ModelDamaged, match="unexpected keys: more"):
        opened(path)
    save_file({**tensors, "conv_in.bias": bias[:1].clone()}, weights, {"format": "pt"})
    with pytest.raises(ModelDamaged, match=r"conv_in\.bias"):
        opened(path)


def test_pickled_weights_are_not_opened(folder: Folder, tmp_path: Path) -> None:
    path = spoilt(folder, tmp_path)
    weights = path / "unet" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(ModelDamaged, match="safetensors"):
        opened(path)


@pytest.mark.parametrize(
    ("file", "value", "message"),
    [
        ("scheduler/scheduler_config.json", {"prediction_type": "odd"}, "odd"),
        ("scheduler/scheduler_config.json", {"beta_schedule": "odd"}, "odd"),
        ("scheduler/scheduler_config.json", [], "does not hold an object"),
        ("unet/config.json", {"layers_per_block": 3}, "size mismatch"),
        ("vae/config.json", {"latent_channels": 5}, "quant_conv"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(
    folder: Folder, tmp_path: Path, file: str, value: Any, message: str
) -> None:
    path = spoilt(folder, tmp_path)
    config = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps({**config, **value} if isinstance(value, dict) else value))
    with pytest.raises(ModelDamaged, match=message):
        opened(path)


def test_a_network_for_inpainting_is_refused(folder: Folder, tmp_path: Path) -> None:
    """It wants the mask and what is to be kept beside x_t."""
    from diffusers import UNet2DConditionModel

    path = spoilt(folder, tmp_path)
    config = json.loads((path / "unet" / "config.json").read_text())
    UNet2DConditionModel.from_config({**config, "in_channels": 9}).save_pretrained(path / "unet")
    with pytest.raises(ModelDamaged, match="takes 9 channels"):
        opened(path)


def test_a_pipeline_without_autoencoder_is_refused(folder: Folder, tmp_path: Path) -> None:
    path = spoilt(folder, tmp_path)
    shutil.rmtree(path / "vae")
    with pytest.raises(ModelDamaged, match="no folder vae"):
        opened(path)


def test_without_transformers_the_empty_prompt_says_what_to_install(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    path = spoilt(folder, tmp_path)
    (path / EMPTY_PROMPT).unlink()
    with pytest.raises(UnusablePlugin, match=r"pip install gcodec-diffusers\[text\]"):
        opened(path).condition({}, SIZE)
    # SDXL has zeros where there is no prompt.
    shutil.rmtree(path)
    path = spoilt(folder, tmp_path, "sdxl")
    (path / EMPTY_PROMPT).unlink()
    given = opened(path).condition({}, SIZE).globals
    assert given["text"].shape == (1, 77, 32) and not given["text"].any()
    assert given["pooled"].shape == (1, 16)


def test_alpha_bar_is_that_of_the_library() -> None:
    assert alpha_bar(999) == pytest.approx(0.00466, abs=1e-5)
    assert ddpm(np.array([0.9, 0.5, 0.1]))(1.0, 1.0).timestep == 1


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "sd3", "flux"])
def test_a_controlnet_draws_along_the_sketch(folder: Folder, tmp_path: Path, kind: str) -> None:
    """The sketch counts where it is given, at odd sides, alone, and in windows as in the whole."""
    path = shutil.copytree(folder(kind), tmp_path / "with")
    tiny.add_controlnet(kind, path)
    denoiser = opened(path)
    assert "sketch" in denoiser.sees
    x = torch.from_numpy(
        np.random.default_rng(5).standard_normal((1, denoiser.encoder.channels, 5, 7))
    )
    x = x.float()
    edges = np.zeros((1, *SIZE), np.float32)
    edges[0, 10:30, 20] = 1
    nothing = denoiser.condition({}, SIZE)
    drawn, empty = (
        denoiser.condition({"sketch": Sketch(e)}, SIZE) for e in (edges, np.zeros_like(edges))
    )
    plain = opened(folder(kind))
    alone = denoiser.x0(x, 1.0, 1.0, nothing)
    torch.testing.assert_close(alone, plain.x0(x, 1.0, 1.0, plain.condition({}, SIZE)))
    found = denoiser.x0(x, 1.0, 1.0, drawn)
    assert found.shape == x.shape
    assert float((found - alone).abs().max()) > 1e-5
    assert float((found - denoiser.x0(x, 1.0, 1.0, empty)).abs().max()) > 1e-6
    window = drawn.window(slice(0, 4), slice(2, 6))
    assert window.maps["hint"].shape[1:] == (4, 4)
    assert denoiser.x0(x[..., :4, 2:6], 1.0, 1.0, window).shape[2:] == (4, 4)
    # What a sketch says of the picture lies where it is drawn.
    flat = (drawn.maps["hint"] - empty.maps["hint"]).abs().sum(0)
    if denoiser.architecture.hint == "edges":
        assert flat.nonzero().unique(dim=0).tolist() == [[1, 2], [2, 2], [3, 2]]
