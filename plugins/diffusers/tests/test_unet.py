"""The U-Net that is ours is diffusers', to the bit, and a denoiser of `base` is opened without diffusers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import gcodec_base.plugin
from gcodec.errors import ModelDamaged
from gcodec.models import Model, ModelStore, _torchvision_cpu
from gcodec_diffusers.folders import load_denoiser
from gcodec_diffusers.network import EstimateDenoiser
from gcodec_diffusers.unet import PlainUNet, plain

_torchvision_cpu.install()
from diffusers.models.unets.unet_2d import UNet2DModel  # noqa: E402

CONFIG = {
    "block_out_channels": [32, 64],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D"] * 2,
    "up_block_types": ["UpBlock2D"] * 2,
    "attention_head_dim": 16,
}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"layers_per_block": 2, "attention_head_dim": None, "norm_num_groups": 16},
        {
            "block_out_channels": [32, 32, 64],
            "down_block_types": ["DownBlock2D"] * 3,
            "up_block_types": ["UpBlock2D"] * 3,
            "norm_eps": 1e-3,
        },
    ],
    ids=lambda change: " ".join(change) or "as it is",
)
@torch.inference_mode()
def test_it_is_that_of_diffusers(change: dict[str, Any]) -> None:
    config = {**CONFIG, **change}
    torch.manual_seed(0)
    theirs = UNet2DModel(**config, in_channels=5, out_channels=3, class_embed_type="timestep")
    ours = PlainUNet(config, 5, 3)
    ours.load_state_dict(theirs.state_dict())
    assert plain(config) and plain({k: v for k, v in theirs.config.items() if k in config})
    x, t = torch.randn(2, 5, 24, 16), torch.tensor([7.0, 900.0])
    (a,), (b,) = (net(x, t, class_labels=t / 2, return_dict=False) for net in (ours, theirs))
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"down_block_types": ["DownBlock2D", "AttnDownBlock2D"]},
        {"mid_block_type": None},
        {"act_fn": "gelu"},
        {"resnet_time_scale_shift": "scale_shift"},
        {"unheard_of": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_one_is_left_to_diffusers(change: dict[str, Any]) -> None:
    assert not plain({**CONFIG, **change})
    if "unheard_of" in change:
        return
    made = EstimateDenoiser({**CONFIG, **change}, [1.0] * 4, light=True)
    assert isinstance(made.unet, UNet2DModel)


@pytest.mark.parametrize(
    "change",
    [
        {"attention_head_dim": 7},
        {"attention_head_dim": 1000},
        {"layers_per_block": 0},
        {"layers_per_block": 10**9},
        {"block_out_channels": []},
        {"norm_num_groups": 0},
    ],
    ids=str,
)
def test_numbers_that_make_no_network_are_damage(change: dict[str, Any], tmp_path: Path) -> None:
    """Told when the model is opened, by its name."""
    sound = ModelStore(tuple(gcodec_base.plugin.MODELS)).find("base/denoiser")
    (tmp_path / "config.json").write_text(json.dumps(sound.config | change))
    for weights in sound.folder.glob("*.safetensors"):
        (tmp_path / weights.name).symlink_to(weights)
    with pytest.raises(ModelDamaged, match="some"):
        load_denoiser(Model("some", "0" * 64, tmp_path))


def test_opening_a_denoiser_imports_neither_diffusers_nor_what_comes_with_it() -> None:
    code = (
        "import sys; from gcodec.models import ModelStore; from gcodec.models.networks import open_denoiser;"
        "from gcodec.run import Run; store = ModelStore.installed();"
        "open_denoiser(store.find('base/denoiser'), Run(models=store));"
        "print(*sorted({'diffusers', 'transformers', 'scipy', 'torch._dynamo'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
