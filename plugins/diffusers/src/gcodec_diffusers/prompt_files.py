"""What a pipeline's `encode_prompt` returns, as named tensors and back: nested tuples, lists and mappings of tensors,
numbers, texts and None. In a folder, as `EMPTY_PROMPT`, it is what is said of no caption.

    prompt.shape     the nesting as JSON, its UTF-8 bytes in a uint8 tensor; {"tensor": n} stands for the tensor
    prompt.n         the tensors
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from gcodec.errors import ModelDamaged
from gcodec.models import Model
from gcodec_diffusers.layout import EMPTY_PROMPT

__all__ = ["flat", "stored", "whole"]

_SHAPE = "shape"


def flat(value: Any, prefix: str) -> dict[str, Tensor]:
    """The value as tensors, their names beginning with `prefix`. Raises TypeError for what is none of the above."""
    tensors: dict[str, Tensor] = {}

    def walk(part: Any) -> Any:
        if isinstance(part, Tensor):
            tensors[f"{prefix}{len(tensors)}"] = part.detach().contiguous()
            return {"tensor": len(tensors) - 1}
        if isinstance(part, (list, tuple)):
            return {type(part).__name__: [walk(each) for each in part]}
        if isinstance(part, dict):
            return {"dict": {key: walk(each) for key, each in part.items()}}
        return {"is": part}

    shape = json.dumps(walk(value)).encode()
    return {**tensors, prefix + _SHAPE: torch.tensor(list(shape), dtype=torch.uint8)}


def whole(tensors: Mapping[str, Tensor], prefix: str) -> Any:
    """The inverse of `flat`. Raises ModelDamaged."""

    def walk(part: Any) -> Any:
        ((kind, inside),) = part.items()
        if kind == "tensor":
            return tensors[f"{prefix}{inside}"]
        if kind == "dict":
            return {key: walk(each) for key, each in inside.items()}
        if kind == "is":
            return inside
        made = [walk(each) for each in inside]
        return tuple(made) if kind == "tuple" else made

    try:
        return walk(json.loads(bytes(tensors[prefix + _SHAPE].tolist())))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ModelDamaged(EMPTY_PROMPT, f"it does not hold a prompt: {error}") from error


def stored(model: Model, prefix: str) -> dict[str, Tensor] | None:
    """The tensors in a folder's `EMPTY_PROMPT`; None where there is no such file. Raises ModelDamaged."""
    path = model.folder / EMPTY_PROMPT
    if not path.is_file():
        return None
    try:
        tensors = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelDamaged(str(path), str(error)) from error
    whole(tensors, prefix)
    return tensors
