"""What `diffc` spends beside the networks and the channel, on a folder of SDXL's parts and shape with random weights.

    python plugins/diffusers/benchmarks/overhead.py [--side 128] [--quality 1] [--repeats 3]

The U-Net has SDXL's three levels, of which two attend to a prompt of 77 tokens, pooled embeddings and sizes, at a fifth of
its width, and the autoencoder its four. Time is the processor's, on one thread, of an embedding whose networks are open.
*beside* is all that is in neither a network nor the channel, and the ratio 1 + beside / networks; the least of the repeats.
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gcodec.interfaces import Setup, Size
from gcodec.models import ModelStore, _torchvision_cpu
from gcodec.options import check_options
from gcodec.registry import registry
from gcodec.run import Run
from gcodec_diffc.channels import Trellis
from gcodec_diffc.diffc.embedding import Diffc
from gcodec_diffusers.tiny import KINDS, autoencoder, write

#: Of the U-Net: a fifth of SDXL's widths, with as many heads of 64 as there is room for.
_WIDTHS, _TEXT, _POOLED = (64, 128, 256), 128, 64


class Clock:
    """Processor seconds inside of functions that it wraps, and how often they were called."""

    def __init__(self) -> None:
        self.seconds, self.calls = 0.0, 0

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that does the same and is counted."""

        @functools.wraps(function)
        def timed(*args: Any, **how: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **how)
            finally:
                self.seconds += time.process_time() - start
                self.calls += 1

        return timed


def make(folder: Path) -> Path:
    """Save the pipeline."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=128,
        block_out_channels=_WIDTHS,
        layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=[width // 64 for width in _WIDTHS],
        cross_attention_dim=_TEXT,
        addition_embed_type="text_time",
        addition_time_embed_dim=32,
        projection_class_embeddings_input_dim=6 * 32 + _POOLED,
        use_linear_projection=True,
    )
    unet.save_pretrained(folder / "unet")
    autoencoder(4).save_pretrained(folder / "vae")
    about = KINDS["sdxl"]
    write(folder / "scheduler" / "scheduler_config.json", about.scheduler)
    index = {"_class_name": about.pipeline, **about.more}
    index |= {"unet": ["diffusers", type(unet).__name__], "vae": ["diffusers", "AutoencoderKL"]}
    index["scheduler"] = ["diffusers", about.scheduler["_class_name"]]
    write(folder / "model_index.json", json.loads(json.dumps(index)))
    return folder


def main() -> None:
    """Print processor time by where it goes, of encoding and of decoding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--quality", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    _torchvision_cpu.install()
    side = arguments.side
    pixels = np.random.default_rng(0).random((3, side // 16, side // 16), np.float32)
    pixels = np.ascontiguousarray(pixels.repeat(16, 1).repeat(16, 2))
    with tempfile.TemporaryDirectory() as place:
        model = ModelStore.installed().find(str(make(Path(place) / "sdxl")))
        options = check_options("diffc", registry().embedding("diffc").options, {})
        embedding = Diffc(Setup(Run(), options, model))
        networks, channel = Clock(), Clock()
        unet, vae = embedding.denoiser.parts.network, embedding.space.network
        unet.forward = networks.wrap(unet.forward)
        vae.encode = networks.wrap(vae.encode)
        for name in ("simulate", "replay"):
            setattr(Trellis, name, channel.wrap(getattr(Trellis, name)))
        print(f"{side}x{side}         s  networks  calls  ms a call  channel  beside  ratio")
        layers: list[Any] = [()]

        def encode() -> None:
            analysis = embedding.analyse(pixels)
            layers[0] = embedding.encode(analysis, arguments.quality)

        def decode() -> None:
            embedding.decode(layers[0], Size(side, side))

        for name, work in (("encode", encode), ("decode", decode)):
            best: tuple[float, str] = (float("inf"), "")
            for _ in range(arguments.repeats):
                networks.seconds = channel.seconds = networks.calls = 0
                start = time.process_time()
                work()
                total = time.process_time() - start
                beside = total - networks.seconds - channel.seconds
                ratio, each = 1 + beside / networks.seconds, networks.seconds / networks.calls
                best = min(
                    best,
                    (
                        ratio,
                        f"{name}  {total:9.2f} {networks.seconds:9.2f} {networks.calls:6} {1000 * each:10.1f}"
                        f" {channel.seconds:8.2f} {beside:7.3f} {ratio:6.3f}",
                    ),
                )
            print(best[1], flush=True)


if __name__ == "__main__":
    main()
