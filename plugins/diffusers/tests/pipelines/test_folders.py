"""Folders that do not fit are refused, each with its reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from gcodec.errors import ModelDamaged, UnusablePlugin
from gcodec.interfaces import Size
from gcodec_diffusers.known import KnownDenoiser
from gcodec_diffusers.layout import EMPTY_PROMPT

Folder = Callable[[str], Path]
Opened = Callable[..., KnownDenoiser]
SIZE = Size(40, 56)


def spoilt(folder: Folder, tmp_path: Path, kind: str = "sd15") -> Path:
    return shutil.copytree(folder(kind), tmp_path / "spoilt")


def test_missing_and_superfluous_tensors_are_refused(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
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


def test_pickled_weights_are_not_opened(folder: Folder, opened: Opened, tmp_path: Path) -> None:
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
        ("vae/config.json", {"latent_channels": 5}, "size mismatch"),
    ],
)
def test_configurations_that_do_not_fit_are_refused(
    folder: Folder, opened: Opened, tmp_path: Path, file: str, value: Any, message: str
) -> None:
    path = spoilt(folder, tmp_path)
    config = json.loads((path / file).read_text())
    (path / file).write_text(json.dumps({**config, **value} if isinstance(value, dict) else value))
    with pytest.raises(ModelDamaged, match=message):
        opened(path)


def test_a_network_for_inpainting_is_refused(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    """It wants the mask and what is to be kept beside x_t."""
    from diffusers import UNet2DConditionModel

    path = spoilt(folder, tmp_path)
    config = json.loads((path / "unet" / "config.json").read_text())
    UNet2DConditionModel.from_config({**config, "in_channels": 9}).save_pretrained(path / "unet")
    with pytest.raises(ModelDamaged, match="takes 9 channels"):
        opened(path)


def test_a_pipeline_without_autoencoder_is_refused(
    folder: Folder, opened: Opened, tmp_path: Path
) -> None:
    path = spoilt(folder, tmp_path)
    shutil.rmtree(path / "vae")
    with pytest.raises(ModelDamaged, match="no folder vae"):
        opened(path)


def test_without_transformers_the_empty_prompt_says_what_to_install(
    folder: Folder, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    path = spoilt(folder, tmp_path)
    (path / EMPTY_PROMPT).unlink()
    with pytest.raises(ModelDamaged, match="neither text encoders nor empty_prompt"):
        opened(path).condition({}, SIZE)
    (path / "text_encoder").mkdir()
    with pytest.raises(UnusablePlugin, match=r"pip install gcodec-diffusers\[text\]"):
        opened(path).condition({}, SIZE)
    # SDXL has zeros where there is no prompt.
    shutil.rmtree(path)
    path = spoilt(folder, tmp_path, "sdxl")
    (path / EMPTY_PROMPT).unlink()
    given = opened(path).condition({}, SIZE).globals
    assert given["text"].shape == (1, 77, 32) and not given["text"].any()
    assert given["pooled"].shape == (1, 16)
