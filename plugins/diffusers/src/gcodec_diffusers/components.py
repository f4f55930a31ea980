"""The components of a pipeline's folder, opened on a run's device and checked to go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import torch

from gcodec.errors import ModelDamaged, UnusablePlugin
from gcodec.models import Model, _torchvision_cpu
from gcodec.models.devices import torch_device
from gcodec.models.networks import open_codebook, open_space
from gcodec.run import Run
from gcodec_diffusers.architectures import ARCHITECTURES, Architecture
from gcodec_diffusers.layout import HYPER_ENCODER, autoencoder_of, family_of
from gcodec_diffusers.loading import line, load_network, load_unet
from gcodec_diffusers.schedules import Schedule, schedule_of
from gcodec_diffusers.spaces import PublishedSpace
from gcodec_diffusers.tokens import HyperCodebook

__all__ = ["Components", "open_components", "open_encoder", "open_network", "read_schedule"]


@dataclass(frozen=True, eq=False)
class Components:
    """What makes a pipeline.

    encoder        its latent space.
    network        U-Net or transformer; how it is called says `architecture`.
    schedule       its path, and what its output means.
    controlnet     of sketches; None where the folder has none.
    codebook       the hyper-encoder whose tokens the network sees beside x_t; None where it sees none.
    device, dtype  of both networks.
    """

    model: Model
    architecture: Architecture
    encoder: PublishedSpace
    network: Any
    schedule: Schedule
    controlnet: Any
    codebook: HyperCodebook | None
    device: torch.device
    dtype: torch.dtype


def open_components(model: Model, run: Run) -> Components:
    """Open a pipeline's folder. Raises ModelDamaged where a part is missing, or is made for other parts."""
    family = family_of(model)
    architecture = ARCHITECTURES[family.name]
    encoder = open_encoder(model, run)
    schedule = read_schedule(model)
    how = run.device, run.dtype, run.memory
    network = _network(model, family.network, architecture.network, *how)
    if network.config.get("num_class_embeds") or network.config.get("class_embed_type"):
        raise ModelDamaged(
            model.name,
            "its network wants to be told a class, or how noisy a picture it is to enlarge is; known are networks that make"
            " pictures of nothing but a prompt",
        )
    room = network.config.in_channels - encoder.channels * architecture.patch
    codebook = _hyper_encoder(model, run, network, room) if room else None
    controlnet = None
    if (model.folder / "controlnet").is_dir():
        controlnet = _network(model, "controlnet", architecture.controlnet, *how)
        if getattr(controlnet, "input_hint_block", None) is not None:
            raise ModelDamaged(model.name, "its controlnet takes another kind of hint")
        if codebook is not None:
            raise ModelDamaged(model.name, "a network that sees tokens has no controlnet")
    device, dtype = torch_device(run.device), getattr(torch, run.dtype)
    return Components(
        model, architecture, encoder, network, schedule, controlnet, codebook, device, dtype
    )


def open_encoder(model: Model, run: Run) -> PublishedSpace:
    """The latent space of a pipeline's folder. Raises ModelDamaged."""
    encoder = open_space(run.models.find(str(autoencoder_of(model))), run)
    if not isinstance(encoder, PublishedSpace):
        raise ModelDamaged(model.name, "its autoencoder is none of diffusers'")
    return encoder


def read_schedule(model: Model) -> Schedule:
    """The schedule of a pipeline's folder. Raises ModelDamaged."""
    scheduler: Mapping[str, Any] = model.json("scheduler/scheduler_config.json")
    try:
        return schedule_of(scheduler)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise ModelDamaged(model.name, f"scheduler_config.json: {line(error)}") from error


def _hyper_encoder(model: Model, run: Run, network: Any, room: int) -> HyperCodebook:
    """The codebook of a network that takes `room` channels beside x_t."""
    folder = model.folder.absolute() / HYPER_ENCODER
    if not folder.is_dir():
        raise ModelDamaged(
            model.name,
            f"its network takes {network.config.in_channels} channels, more than latents have: it is not for"
            f" making pictures from noise alone, and there is no folder {HYPER_ENCODER}",
        )
    book = open_codebook(run.models.find(str(folder)), run)
    if not isinstance(book, HyperCodebook) or book.width != room:
        raise ModelDamaged(model.name, f"{HYPER_ENCODER} does not make the {room} channels of z_l")
    return book


def open_network(model: Model, part: str, classes: Mapping[str, str], run: Run) -> Any:
    """The component that denoises, of the class that model_index.json says, or `classes`. Raises ModelDamaged."""
    path = classes.get(part) or _listed(model, part)
    return _network(model, part, path, run.device, run.dtype, run.memory)


def _listed(model: Model, part: str) -> str:
    """The class of a component in diffusers, "module:Class"."""
    entry = model.json("model_index.json").get(part)
    library, name = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
    if library != "diffusers" or not isinstance(name, str):
        raise ModelDamaged(
            model.name,
            f"model_index.json has {entry!r} for {part}, which is no class of diffusers; code in folders is not run",
        )
    return f"diffusers:{name}"


@lru_cache(maxsize=2)
def _network(model: Model, part: str, path: str, device: str, dtype: str, memory: str) -> Any:
    """A component, loaded once for sender and receiver, adapters and samplers; `path` names its class."""
    _torchvision_cpu.install()
    module, _, name = path.partition(":")
    cls = getattr(import_module(module), name, None)
    if not hasattr(cls, "from_pretrained"):
        raise ModelDamaged(
            model.name, f"{part} is of class {name}, which this diffusers does not have"
        )
    load = load_unet if part == "unet" else load_network
    network = load(cls, model.folder / part, getattr(torch, dtype))
    if memory != "plenty" and hasattr(network, "set_attention_slice"):
        network.set_attention_slice("auto")
    there = torch_device(device)
    if memory != "least" or there.type == "cpu":
        return network.to(there)
    from diffusers.hooks.group_offloading import apply_group_offloading
    from diffusers.utils.import_utils import is_accelerate_available

    if not is_accelerate_available():
        raise UnusablePlugin(
            "diffusers", "memory 'least' needs accelerate: pip install gcodec-diffusers[offload]"
        )
    apply_group_offloading(network, there, torch.device("cpu"), offload_type="leaf_level")
    return network
