"""Real weights in a published space: TAEF2's round trip of a photograph, and `ldm_quant` on it against base's.

    python plugins/diffusers/benchmarks/taef2.py WEIGHTS [PHOTO]

WEIGHTS  folder of taef2_encoder.pth and taef2_decoder.pth (https://github.com/madebyollin/taesd, MIT).
PHOTO    tests/images/kodim23.png where none is given.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import gcodec
from gcodec.interfaces import Size
from gcodec.models import Model, ModelStore, _torchvision_cpu
from gcodec.models.networks import open_space
from gcodec.pictures import psnr
from gcodec.plugin import NetworkSpec, Place, hookimpl
from gcodec.run import Run
from gcodec_diffusers.spaces import PublishedSpace

GCODEC_INTERFACE = 1
_SPACE, _FILE = "tiny-taef2", "diffusion_pytorch_model.safetensors"
_PHOTO = Path(__file__).resolve().parents[3] / "tests" / "images" / "kodim23.png"


class _Pooled(torch.nn.Module):
    """A block of TAEF2's middle, which diffusers' AutoencoderTiny does not have (taesd.py, `use_midblock_gn`)."""

    def __init__(self) -> None:
        super().__init__()
        relu, conv = torch.nn.ReLU(), torch.nn.Conv2d
        three = [conv(64, 64, 3, padding=1) for _ in range(3)]
        self.conv = torch.nn.Sequential(three[0], relu, three[1], relu, three[2])
        self.pool = torch.nn.Sequential(
            conv(64, 256, 1, bias=False),
            torch.nn.GroupNorm(4, 256),
            relu,
            conv(256, 64, 1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.pool(x)
        return (self.conv(x) + x).relu()


def _state(weights: Path) -> dict[str, torch.Tensor]:
    """The published tensors under diffusers' names."""
    made = {}
    for part, shift in (("encoder", 0), ("decoder", 1)):
        for key, value in torch.load(weights / f"taef2_{part}.pth", weights_only=True).items():
            number, _, rest = key.partition(".")
            made[f"{part}.layers.{int(number) - shift}.{rest}"] = value.float()
    return made


def _space(state: dict[str, torch.Tensor]) -> PublishedSpace:
    _torchvision_cpu.install()
    import diffusers

    network = diffusers.AutoencoderTiny(latent_channels=32)
    for part, places in (("encoder", (11, 12, 13)), ("decoder", (2, 3, 4))):
        for place in places:
            getattr(network, part).layers[place] = _Pooled()
    network.load_state_dict(state, strict=True)
    network.eval().requires_grad_(False)
    return PublishedSpace(network, _SPACE, torch.device("cpu"), False)


def open_weights(weights: Path) -> PublishedSpace:
    """The space of the published files in a folder."""
    return _space(_state(weights))


def save(weights: Path, folder: Path) -> Path:
    """A model folder of the published files."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"_class_name": "Taef2"}), "utf-8")
    save_file(_state(weights), folder / _FILE)
    return folder


def opened(model: Model, run: Run) -> PublishedSpace:
    """The space of such a model folder."""
    return _space(load_file(model.folder / _FILE))


def placed(model: Model, store: ModelStore) -> Place:
    """Its signals are those of TAEF2's space."""
    return Place(_SPACE, str(model.folder.absolute()))


@hookimpl
def gcodec_networks() -> list[NetworkSpec]:
    """TAEF2 for this run."""
    return [NetworkSpec("Taef2", "space", "TAEF2", f"{__name__}:opened", f"{__name__}:placed")]


def main() -> None:
    """Print decibels."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    picture = gcodec.load_image(sys.argv[2] if len(sys.argv) > 2 else _PHOTO)
    pixels = picture.pixels
    size = Size(*pixels.shape[1:])
    gcodec.register(sys.modules[__name__])
    with tempfile.TemporaryDirectory() as place:
        folder = save(Path(sys.argv[1]), Path(place) / "taef2")
        run = Run(models=ModelStore.installed([folder]))
        for name, path in (("TAEF2", str(folder)), ("base", "base/autoencoder")):
            space = open_space(run.models.find(path), run)
            found = psnr(space.decode(space.encode(pixels), size), pixels)
            print(f"{name:5}  round trip {found:.1f} dB", flush=True)
        for name, model in (("TAEF2", str(folder)), ("base", None)):
            for bpp in (0.25, 0.5, 1.0):
                target = gcodec.Target(bpp=bpp)
                made = gcodec.encode(picture, "ldm_quant", model=model, target=target, run=run)
                decoded = gcodec.decode(made.data, "preview", run=run).picture.pixels
                real = 8 * len(made.data) / (size.height * size.width)
                found = psnr(np.asarray(decoded), pixels)
                print(f"{name:5}  ldm_quant {real:.3f} bpp  {found:.1f} dB", flush=True)


if __name__ == "__main__":
    main()
