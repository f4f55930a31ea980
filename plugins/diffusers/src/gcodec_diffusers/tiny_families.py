"""Tiny random pipelines of the families of `families`, saved as folders, with what their text encoders would say of nothing.

They have the layout, the classes and the kind of configuration of the published ones, at a thousandth of the size. To try
what a family does without its gigabytes:

    python -m gcodec_diffusers.tiny_families ZImagePipeline FOLDER
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import save_file

from gcodec.models import _torchvision_cpu
from gcodec_diffusers.layout import EMPTY_PROMPT
from gcodec_diffusers.prompt_files import flat
from gcodec_diffusers.tiny import KINDS, make, write
from gcodec_diffusers.tiny_first import FIRST
from gcodec_diffusers.tiny_parts import Tiny
from gcodec_diffusers.tiny_second import SECOND

__all__ = ["TINY", "make_family", "make_pixels"]

TINY: Mapping[str, Tiny] = {**FIRST, **SECOND}


def make_family(name: str, folder: Path, seed: int = 0) -> Path:
    """Save a pipeline of one of `TINY`, by the class of its pipeline, with a stored prompt and without text encoders."""
    _torchvision_cpu.install()
    import diffusers

    about = TINY[name]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network, vae = getattr(diffusers, about.network)(**about.settings), about.vae()
        for parameter in network.parameters():
            if not parameter.detach().any():  # else it would answer nothing
                torch.nn.init.normal_(parameter, std=0.1)
        network.save_pretrained(folder / about.part)
        vae.save_pretrained(folder / about.vae_part)
        if prompts := about.prompts():
            save_file(flat(prompts, "prompt."), folder / EMPTY_PROMPT)
    scheduler = dict(about.scheduler)
    write(folder / "scheduler" / "scheduler_config.json", scheduler)
    index = {
        "_class_name": name,
        about.part: ["diffusers", about.network],
        about.vae_part: ["diffusers", type(vae).__name__],
        "scheduler": ["diffusers", scheduler["_class_name"]],
        **about.more,
    }
    write(folder / "model_index.json", json.loads(json.dumps(index)))
    return folder


def make_pixels(name: str, folder: Path, seed: int = 0, **settings: Any) -> Path:
    """Save an unconditional model of pixels, by the class of its pipeline; `settings` are its scheduler's."""
    _torchvision_cpu.install()
    from diffusers.models.unets.unet_2d import UNet2DModel

    scheduler = {
        "ConsistencyModelPipeline": "CMStochasticIterativeScheduler",
        "DDIMPipeline": "DDIMScheduler",
        "DDPMPipeline": "DDPMScheduler",
        "PNDMPipeline": "PNDMScheduler",
    }[name]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = UNet2DModel(
            sample_size=32,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=4,
            norm_num_groups=4,
        )
    network.save_pretrained(folder / "unet")
    about = {"_class_name": scheduler, **settings}
    write(folder / "scheduler" / "scheduler_config.json", about)
    index = {"unet": ["diffusers", "UNet2DModel"], "scheduler": ["diffusers", scheduler]}
    write(folder / "model_index.json", {"_class_name": name, **index})
    return folder


@click.command()
@click.argument("name", type=click.Choice([*TINY, *KINDS]))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", default=0, help="Of the random weights.")
def main(name: str, folder: Path, seed: int) -> None:
    """Save a tiny random pipeline of the family NAME in FOLDER, which must not be there."""
    if folder.exists():
        raise click.ClickException(f"{folder} is there already; name a new folder")
    click.echo((make_family if name in TINY else make)(name, folder, seed))


if __name__ == "__main__":
    main()
