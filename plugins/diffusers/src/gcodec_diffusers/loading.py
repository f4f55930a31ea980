"""Networks of diffusers and transformers from folders: local, safetensors only, every tensor in its place."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from gcodec.errors import ModelDamaged

__all__ = ["load_network", "load_text_encoder"]


def load_network(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A network of diffusers, frozen, on the CPU. Raises ModelDamaged."""
    from diffusers.utils.import_utils import is_accelerate_available

    settings = {
        # Memory-mapped weights are not aligned, and then some products are rounded differently.
        "disable_mmap": True,
        "low_cpu_mem_usage": is_accelerate_available(),
    }
    return _load(cls, folder, dtype, settings, "diffusion_pytorch_model")


def load_text_encoder(cls: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A text encoder of transformers, frozen, on the CPU. Raises ModelDamaged."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return _load(cls, folder, dtype, {}, "model")
    finally:
        if shown:
            logging.enable_progress_bar()


def _load(cls: Any, folder: Path, dtype: torch.dtype, settings: dict[str, Any], stem: str) -> Any:
    # Repositories that hold half precision alone name its files so.
    whole = any((folder / f"{stem}{end}").exists() for end in _WHOLE)
    try:
        # Without a memory map diffusers leaves the closing of the file to the garbage collector; and its networks tell
        # the user which of its own parts it will rename.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            warnings.simplefilter("ignore", FutureWarning)
            network, about = cls.from_pretrained(
                folder,
                torch_dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                variant=None if whole else "fp16",
                **settings,
            )
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelDamaged(str(folder), " ".join(str(error).split())) from error
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if names := list(about[what]):
            raise ModelDamaged(str(folder), f"{what.replace('_', ' ')}: {names[0]}")
    return network.eval().requires_grad_(False)


_WHOLE = (".safetensors", ".safetensors.index.json")
