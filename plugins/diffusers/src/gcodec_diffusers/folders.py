"""Model folders as diffusers lays them out: config.json and diffusion_pytorch_model.safetensors.

config.json holds the arguments of the class named by `_class_name` and, under the key "gcodec", what the codec has to
know besides:

    LappedAutoencoder   space, ceiling
    LatentCodebook      space (a model), codebook
    UNet2DModel         space (a model), deviation, few, codebooks (name of the tokens -> model)
    HyperEncoder        nothing: a published folder, see `layout`

Weights are in half precision on disk and in single precision in use; every tensor of the network is in the file and none
is left over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from safetensors.torch import save_file

from gcodec.errors import ModelDamaged
from gcodec.models.devices import torch_device

if TYPE_CHECKING:
    from torch import nn

    from gcodec.models import Model
    from gcodec.run import Run
    from gcodec_diffusers.autoencoder import LappedAutoencoder
    from gcodec_diffusers.codebook import LatentCodebook
    from gcodec_diffusers.hyper import HyperEncoder
    from gcodec_diffusers.network import EstimateDenoiser

__all__ = [
    "load_autoencoder",
    "load_codebook",
    "load_denoiser",
    "load_hyper_encoder",
    "save",
    "shared",
]

_N = TypeVar("_N", bound="nn.Module")

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_OURS = "gcodec"
#: Arguments of diffusers' U-Net that `EstimateDenoiser` sets itself.
_DERIVED = ("in_channels", "out_channels", "class_embed_type")
#: What the codebook of a hyper-encoder keeps for training.
_STATISTICS = tuple(
    f"quantizer._codebook.{name}" for name in ("initted", "cluster_size", "embed_avg")
)


def save(
    network: nn.Module, config: Mapping[str, Any], about: Mapping[str, Any], folder: Path
) -> None:
    """Write `network` in half precision; `config` builds one of its class again, `about` goes under "gcodec"."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.to(torch.float16).contiguous() for k, v in network.state_dict().items()}
    save_file(state, folder / _WEIGHTS)
    plain = {k: v for k, v in config.items() if not k.startswith("_")}
    written = {"_class_name": type(network).__name__, **plain, _OURS: dict(about)}
    (folder / "config.json").write_text(json.dumps(written, indent=2) + "\n", "utf-8")
    (folder / _WEIGHTS).chmod(0o644)


def shared(
    model: Model, run: Run, load: Callable[[Model], tuple[_N, dict[str, Any]]]
) -> tuple[_N, dict[str, Any]]:
    """What `load` gives of `model`, on the run's device; once in a run, since weights are float32 whatever its precision."""
    key = ("weights", model.folder, model.digest, run.device)
    if (held := run.opened.get(key)) is not None:
        return cast("_N", held), model.config[_OURS]
    network, about = load(model)
    run.opened[key] = network.to(torch_device(run.device))
    return network, about


def load_autoencoder(model: Model) -> tuple[LappedAutoencoder, dict[str, Any]]:
    """The autoencoder in `model`, frozen, and its "gcodec". Raises ModelDamaged."""
    from gcodec_diffusers.autoencoder import LappedAutoencoder

    config, about = _config(model, "space", "ceiling")
    return _filled(model, lambda: LappedAutoencoder(**config)), about


def load_codebook(model: Model) -> tuple[LatentCodebook, dict[str, Any]]:
    """The codebook in `model`, frozen, and its "gcodec". Raises ModelDamaged."""
    from gcodec_diffusers.codebook import LatentCodebook

    config, about = _config(model, "space", "codebook")
    return _filled(model, lambda: LatentCodebook(**config)), about


def load_denoiser(model: Model) -> tuple[EstimateDenoiser, dict[str, Any]]:
    """The denoiser in `model`, frozen, and its "gcodec". Raises ModelDamaged."""
    from gcodec_diffusers.network import EstimateDenoiser

    config, about = _config(model, "space", "deviation", "few", "codebooks")
    unet = {k: v for k, v in config.items() if k not in _DERIVED}
    made: list[EstimateDenoiser] = []

    def build() -> nn.Module:
        made.append(EstimateDenoiser(unet, about["deviation"], light=True))
        return made[0].unet

    _filled(model, build)
    return made[0].eval().requires_grad_(False), about


def load_hyper_encoder(model: Model) -> HyperEncoder:
    """The hyper-encoder in `model`, frozen. Raises ModelDamaged."""
    from gcodec_diffusers.hyper import HyperEncoder

    config = {k: v for k, v in model.config.items() if not k.startswith("_")}
    network: HyperEncoder = _filled(model, lambda: HyperEncoder(**config), _STATISTICS)
    return network


def _config(model: Model, *keys: str) -> tuple[dict[str, Any], dict[str, Any]]:
    config = {k: v for k, v in model.config.items() if not k.startswith("_")}
    about = config.pop(_OURS, None)
    missing = [key for key in keys if not isinstance(about, dict) or key not in about]
    if missing or not isinstance(about, dict):
        raise ModelDamaged(
            model.name, f'config.json says nothing of {", ".join(missing)} under "gcodec"'
        )
    return config, about


def _filled(model: Model, build: Any, idle: Sequence[str] = ()) -> Any:
    """A network with the tensors of `model`: all of its own, and no other but those that are `idle`."""
    try:
        network = build()
        state = {k: v.float() for k, v in model.torch_tensors().items() if k not in idle}
        network.load_state_dict(state, strict=True, assign=True)
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise ModelDamaged(model.name, str(error)) from error
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
