"""What every exported model folder consists of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["WEIGHTS", "write_model"]

WEIGHTS = "diffusion_pytorch_model.safetensors"


def write_model(
    folder: Path, config: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> None:
    """Write config.json and the weights, in diffusers' layout; the folder may be there. Raises OSError."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    save_file({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())}, folder / WEIGHTS)
    # safetensors makes files that nobody else can read.
    (folder / WEIGHTS).chmod(0o644)
