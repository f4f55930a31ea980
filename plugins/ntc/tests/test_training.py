"""A training of a few steps on a tiny model: it resumes exactly, exports, and the export codes what was trained."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from gcodec.entropy.integers import LEVELS
from gcodec.errors import RecipeError
from gcodec_ntc.codec import Codec
from gcodec_ntc.export import export
from gcodec_ntc.model import Model, Sizes
from gcodec_ntc.networks import transforms
from gcodec_ntc.start import grow, rebuilt
from gcodec_ntc.training import Loss, NtcTask, pixels, qualities
from gcodec_ntc.transform import border_filter
from gcodec_train import WEIGHTS, Task
from gcodec_train.testing import TrainerConformance

RECIPE: dict[str, Any] = {
    "task": "ntc",
    "seed": 1,
    "plan": {"steps": 4, "lr": 1e-2, "warmup": 1, "decay": 1, "ema": 0.9, "evaluate": 1000},
    "data": {"batch": 2, "crop": 64, "held_out": 2},
    "export": {"tables": 4, "trade": 9.0},
    "loss": {"scale": 20.0, "trade": 6.0, "frozen": 1, "focus": [0.25, 0.75], "focus_share": 0.8},
    "rates": {"linear": 0.1, "gain": 2.0},
    "transform": {
        "channels": 24,
        "analysis_width": 8,
        "latent_width": 8,
        "sample_width": 4,
        "knots": 3,
    },
    "entropy": {
        "groups": [4, 4, 8, 8],
        "hyper": 4,
        "hyper_width": 8,
        "features": 4,
        "width": 8,
        "reduced": [4, 4],
        "knots": 3,
    },
}

#: Of the lapped transform all coefficients.
EVERY: dict[str, Any] = {
    "transform": {"channels": 768, "knots": 3},
    "entropy": {"groups": [16, 48, 96, 608], "knots": 3},
}


class TestNtc(TrainerConformance):
    recipe = RECIPE

    def test_an_untrained_model_is_the_lapped_transform(
        self, gcodec_photographs: Path, tmp_path: Path
    ) -> None:
        """Without quantization all kept coefficients give the picture back; the filter's gain is Tran's."""
        task = self.task(gcodec_photographs, tmp_path, **EVERY)
        model, x = task.network, batch(task, 1)
        assert isinstance(model, Model)
        with torch.no_grad():
            back = (model.synthesis.samples(model.analysis(x)) + 127.5) / 255
        assert torch.allclose(back, x, atol=1e-4)
        pre, norms = border_filter()
        assert norms.min() > 0.8
        assert torch.allclose(pre.sum(1), torch.ones(16), atol=1e-5)  # a constant stays one

    def test_while_transforms_are_frozen_latents_err_as_the_picture_does(
        self, gcodec_photographs: Path, tmp_path: Path
    ) -> None:
        """What makes one loss of both: the untrained transform is nearly orthonormal. Means learn from it too."""
        task = self.task(gcodec_photographs, tmp_path, **EVERY)
        model, found = task.network, []
        assert isinstance(model, Model)
        for step in (0, 1):  # frozen, and not
            torch.manual_seed(5)
            found.append(task.losses(model, step, np.random.default_rng(3)))
        frozen, free = found
        assert frozen["mse"].item() == pytest.approx(free["mse"].item(), rel=0.15)
        assert frozen["bpp"].item() == pytest.approx(free["bpp"].item(), rel=1e-4)
        frozen["loss"].backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is None for p in model.analysis.parameters())
        means = model.entropy.heads[5].out.weight.grad
        assert means is not None and means[:608].abs().max() > 0

    def test_a_grown_model_computes_what_the_small_one_did(
        self, trained: Path, gcodec_photographs: Path
    ) -> None:
        small = rebuilt(trained / "model")
        # Weights that no longer are near zero would show whatever growth changes.
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in small.entropy.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
            for layer in (
                small.analysis.expand,
                small.synthesis.expand,
                small.synthesis.spread_out,
            ):
                layer.weight.normal_(0, 0.05)
        wider = dataclasses.replace(
            small.sizes.transform,
            analysis_width=12,
            analysis_blocks=2,
            latent_width=11,
            latent_blocks=3,
            sample_width=7,
            sample_blocks=3,
        )
        deeper = dataclasses.replace(small.sizes.entropy, width=13, hyper_width=10)
        large = Model(Sizes(wider, deeper))
        grow(small, large)
        x = batch(self.task(gcodec_photographs, trained / "cache"), 3)
        for before, after in zip(outputs(small, x), outputs(large, x), strict=True):
            assert torch.allclose(before, after, rtol=1e-4, atol=1e-4)
        with pytest.raises(ValueError, match="does not fit"):
            grow(large, Model(small.sizes))

    def test_a_training_begins_from_an_exported_model(
        self, trained: Path, gcodec_photographs: Path, tmp_path: Path
    ) -> None:
        start = {"model": str(trained / "model")}
        begun = self.task(gcodec_photographs, trained / "cache", start=start).network
        assert isinstance(begun, Model)
        export(begun, 9.0, np.zeros((1, 3, 64, 64), np.float32), tmp_path)
        before, after = (load_file(f / WEIGHTS) for f in (trained / "model", tmp_path))
        for name, value in before.items():
            if not name.startswith("tables."):
                assert (value == after[name]).all(), name

    @pytest.mark.parametrize("name", ["base/bridge", "base/ntc"])
    def test_a_training_cannot_begin_from_any_model(
        self, name: str, trained: Path, gcodec_photographs: Path
    ) -> None:
        """Another network's, and one that is larger than the recipe's."""
        with pytest.raises(RecipeError, match=rf"start.model: {name}, a .* cannot be grown"):
            self.task(gcodec_photographs, trained / "cache", start={"model": name})

    def test_the_export_codes_what_was_trained(
        self, trained: Path, gcodec_photographs: Path
    ) -> None:
        folder = trained / "model"
        model = rebuilt(folder)
        tensors = load_file(folder / WEIGHTS)
        config = json.loads((folder / "config.json").read_text())
        codec = Codec(config, tensors, transforms(config, tensors))
        task = self.task(gcodec_photographs, trained / "cache")
        assert isinstance(task, NtcTask)
        photo = task.photos[0][:48, :80].transpose(2, 0, 1).astype(np.float32) / 255
        level = 200
        seen = []
        analysed = codec.analyse(photo)
        y = codec.quantize(analysed, level, lambda visit, symbols: seen.append(visit))
        q = torch.tensor([level / (LEVELS - 1)])
        with torch.no_grad():
            v = model.scaled(model.analysis(torch.from_numpy(photo)[None]), q)
            z = model.entropy.hyper_latent(v, q)
            mean, _ = model.entropy.prior(q)
            hyper = model.entropy.hyper_features((z - mean).round() + mean, q, 3, 5)
            mean, log_scale = model.entropy.heads[0](q, hyper=hyper)
        first = seen[1]
        wanted = mean[0].permute(1, 2, 0).flatten(0, 1).numpy()[first.positions]
        index = ((log_scale[0] + 5) * 6).permute(1, 2, 0).flatten(0, 1).numpy()[first.positions]
        assert np.abs(first.mean / 16 - wanted).max() <= 1 / 16
        assert np.abs(first.index - index).max() < 0.6
        # The first choice: `encode` sends a later one where that is better.
        plain = codec.head(level, 0) + codec._stream(analysed, level)
        assert (codec.read(plain, 48, 80)[3] == y).all()


def batch(task: Task, seed: int) -> torch.Tensor:
    """Crops, float32 [2, 3, 64, 64]."""
    assert isinstance(task, NtcTask)
    return pixels(task.crops(2, np.random.default_rng(seed)))


def outputs(model: Model, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    q = torch.tensor([0.3, 0.8])
    with torch.inference_mode():
        v = model.scaled(model.analysis(x), q)
        y, bits, _ = model.entropy(v, q, noise=False, trade=6.0)
        return v, bits, model.synthesis(y, q)


def test_qualities_are_stratified_and_denser_in_the_focus():
    loss = Loss(scale=20.0, trade=6.0, focus=(0.25, 0.75), focus_share=0.8)
    rng = np.random.default_rng(0)
    drawn = torch.stack([qualities(loss, 10, rng) for _ in range(200)])
    inside = (drawn > 0.25) & (drawn < 0.75)
    assert inside.sum(1).eq(8).all()
    assert drawn.min() < 0.02
    assert drawn.max() > 0.98
