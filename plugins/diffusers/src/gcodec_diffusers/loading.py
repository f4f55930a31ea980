"""Networks of diffusers and transformers from folders: local, safetensors only, every tensor in its place."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from gcodec.errors import GcodecError, ModelDamaged, ModelError
from gcodec.models.needed import weights_of

__all__ = ["load_network", "load_from_transformers", "load_unet", "line", "quiet", "refusing"]

_STEM = "diffusion_pytorch_model"
#: PerCo(SD) keeps the first layer of Stable Diffusion, which nothing uses, beside its own.
_OWN, _EXTENDED = "conv_in", "conv_in_extended"


def load_network(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A network of diffusers, frozen, on the CPU. Raises ModelDamaged."""
    from diffusers.utils.import_utils import is_accelerate_available

    settings = {"low_cpu_mem_usage": is_accelerate_available()}
    single = tuple(getattr(cls, _SINGLE, None) or ())
    if single and not settings["low_cpu_mem_usage"]:
        # Without accelerate diffusers does not load such classes at all.
        cls = type(cls.__name__, (cls,), {_SINGLE: None, "__module__": cls.__module__})
    network = _load(cls, folder, dtype, settings, _STEM)
    # Where the first tensor is a buffer of the file's precision, as in SD3, diffusers leaves all the others in it too.
    for name, parameter in network.named_parameters():
        kept = any(part in single for part in name.split("."))
        parameter.data = _own(parameter.data, torch.float32 if kept else dtype)
    for buffer in network.buffers():
        buffer.data = _own(buffer.data, buffer.dtype)
    return network


def _own(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """A copy of a tensor of the memory-mapped file, where it is not aligned and some products are rounded differently."""
    return tensor.to(dtype, copy=True)


#: Where a class of diffusers says which of its modules stay in single precision.
_SINGLE = "_keep_in_fp32_modules"


def load_unet(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
    """`load_network` of a U-Net, which may be that of PerCo(SD) as published: then of the first layer's own width.

    Raises ModelDamaged.
    """
    try:
        files = _weights(folder)
        if not any(f"{_EXTENDED}.weight" in _names(file) for file in files):
            return load_network(cls, folder, dtype)
        tensors = {k: v for file in files for k, v in load_file(file).items()}
        for part in ("weight", "bias"):
            tensors[f"{_OWN}.{part}"] = tensors.pop(f"{_EXTENDED}.{part}")
        config = cls.load_config(folder, local_files_only=True)
        with torch.device("meta"):
            made = cls.from_config({**config, "in_channels": tensors[f"{_OWN}.weight"].shape[1]})
        made.load_state_dict({k: _own(v, dtype) for k, v in tensors.items()}, assign=True)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelDamaged(str(folder), line(error)) from error
    return made.eval().requires_grad_(False)


def _weights(folder: Path) -> list[Path]:
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return [folder / name for name in weights_of(names)]


def _names(file: Path) -> list[str]:
    with safe_open(file, "pt") as opened:
        return list(opened.keys())


_CRITICAL, _LINE = 50, 300


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what diffusers and transformers would tell the user of their own parts to themselves; errors come as such."""
    from diffusers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(_CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            for kind in (FutureWarning, DeprecationWarning, UserWarning, ResourceWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def refusing(model: str, what: str) -> Iterator[None]:
    """Let whatever diffusers cannot do with a model's folder end in a ModelError of one line, quietly.

    what  it is to do, "it cannot ..." say.
    """
    try:
        with quiet():
            yield
    except (GcodecError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise ModelError(f"model {model}: {what}: {line(error)}") from error


def line(error: BaseException) -> str:
    """An error of a library in one line, of which the beginning says enough."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LINE else f"{text[:_LINE]} ..."


def load_from_transformers(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A network of transformers, frozen, on the CPU. Raises ModelDamaged."""
    from transformers.utils import logging

    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    # What does not fit is told in one line, and refused: transformers prints a table.
    logging.set_verbosity(logging.CRITICAL)
    try:
        return _load(cls, folder, dtype, {"ignore_mismatched_sizes": True}, "model")
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()


def _load(cls: Any, folder: Path, dtype: torch.dtype, settings: dict[str, Any], stem: str) -> Any:
    # Repositories that hold half precision alone name its files so.
    whole = any((folder / f"{stem}{end}").exists() for end in _WHOLE)
    try:
        _of_the_model(folder, stem, "" if whole else ".fp16")
        # diffusers' networks tell the user which of its own parts it will rename.
        with quiet():
            network, about = cls.from_pretrained(
                folder,
                torch_dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                variant=None if whole else "fp16",
                **settings,
            )
    except (GcodecError, MemoryError):
        raise
    except Exception as error:  # whatever a constructor raises of a configuration
        raise ModelDamaged(str(folder), line(error)) from error
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if names := list(about[what]):
            name = names[0] if isinstance(names[0], str) else names[0][0]
            raise ModelDamaged(str(folder), f"{what.replace('_', ' ')}: {name}")
    return network.eval().requires_grad_(False)


_WHOLE = (".safetensors", ".safetensors.index.json")


def _of_the_model(folder: Path, stem: str, variant: str) -> None:
    """See that the shards of an index are files that the model's digest is of. Raises ValueError, KeyError, OSError."""
    known = {path.name for path in _weights(folder)}
    index = folder / f"{stem}.safetensors.index{variant}.json"
    if f"{stem}{variant}.safetensors" in known or not index.is_file():
        return
    named = json.loads(index.read_text("utf-8"))["weight_map"].values()
    if strange := {*named} - known:
        raise ValueError(
            f"{index.name} names {min(strange)}, which is not there, or is not called as shards are"
        )
