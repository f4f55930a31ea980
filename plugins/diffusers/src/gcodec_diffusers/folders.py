"""Model folders as diffusers lays them out: config.json and diffusion_pytorch_model.safetensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

__all__ = ["save"]

_WEIGHTS = "diffusion_pytorch_model.safetensors"


def save(network: nn.Module, config: Mapping[str, Any], folder: Path) -> None:
    """Write `network` in half precision; `config` builds one of its class again."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.to(torch.float16).contiguous() for k, v in network.state_dict().items()}
    save_file(state, folder / _WEIGHTS)
    about = {"_class_name": type(network).__name__, **config}
    (folder / "config.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
