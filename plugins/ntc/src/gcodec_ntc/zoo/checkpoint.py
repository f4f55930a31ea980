"""Reading a checkpoint of CompressAI, strictly: every tensor is known, there, of its shape, and finite.

What is read is the state dictionary that the zoo publishes or that `compressai.utils.update_model` writes, under the names
of any version since 1.0, or what its training examples save, which holds one under "state_dict". Files are opened by
`torch.load(weights_only=True)` or as safetensors; nothing in them is executed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gcodec.errors import ModelDamaged, UnknownNetwork
from gcodec.models.checkpoint import load_state, state_of
from gcodec_ntc.zoo.architectures import ARCHITECTURES, Architecture
from gcodec_ntc.zoo.densities import FILTERS
from gcodec_ntc.zoo.names import READ, name_of
from gcodec_ntc.zoo.networks import parts

__all__ = ["MASK", "SCALES", "Checkpoint", "open_checkpoint", "read_checkpoint"]

#: Names of older versions.
_RENAMED = (
    (r"(?<![^.])_orig_mod\.", ""),  # of torch.compile, around the whole or a part
    (r"^module\.", ""),
    (r"\.downsample\.", ".skip."),
    (r"^entropy_bottleneck\._bias(es\.)?(?=\d$)", "entropy_bottleneck.biases."),
    (r"^entropy_bottleneck\._matri(ces\.|x)(?=\d$)", "entropy_bottleneck.matrices."),
    (r"^entropy_bottleneck\._factor(s\.)?(?=\d$)", "entropy_bottleneck.factors."),
)

#: Which taps of its kernel a context model uses.
MASK = "context_prediction.mask"

#: The deviations that Gaussians are coded under, ascending.
SCALES = "gaussian_conditional.scale_table"

#: Tensor that only models of variable rate have, which are not read.
_GAIN = "Gain"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was found to be whole.

    name     what its file is called, without the digest that ends it.
    n, m     channels between the transforms' layers, and of the latents.
    tensors  by the names of CompressAI 1.2; in single precision, indices in 32-bit integers.
    """

    name: str
    which: Architecture
    n: int
    m: int
    tensors: Mapping[str, Tensor]


def open_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file.

    Raises ModelDamaged for a file that is none, that is not the one whose SHA-256 its name ends with, or whose tensors do
    not fit, UnknownNetwork for a family that is not read.
    """
    return read_checkpoint(load_state(path), name_of(path.name), str(path))


def read_checkpoint(state: Any, name: str, source: str) -> Checkpoint:
    """Check a state dictionary; `name` is the model's, `source` where it came from. Raises what `open_checkpoint` does."""
    state = state_of(state, source)
    tensors = {_renamed(key): value for key, value in state.items()}
    if len(tensors) < len(state):
        raise ModelDamaged(source, "two of its tensors have one name")
    which, n, m = _family(tensors, source)
    _check(tensors, shapes(which, n, m, tensors), source)
    made = {
        key: value.float() if value.is_floating_point() else value.int()
        for key, value in tensors.items()
    }
    return Checkpoint(name, which, n, m, made)


def shapes(
    which: Architecture, n: int, m: int, tensors: Mapping[str, Tensor]
) -> dict[str, tuple[int, ...]]:
    """The shape that every tensor of a checkpoint must have; `tensors` say how much of it was computed for coding."""
    found = dict(_network_shapes(which, n, m))
    at, channels = "entropy_bottleneck.", n if which.hyper else m
    for i, (inputs, outputs) in enumerate(pairwise(FILTERS)):
        found[f"{at}matrices.{i}"] = (channels, outputs, inputs)
        found[f"{at}biases.{i}"] = (channels, outputs, 1)
        if i < len(FILTERS) - 2:
            found[f"{at}factors.{i}"] = (channels, outputs, 1)
    found |= {f"{at}quantiles": (channels, 1, 3), f"{at}target": (3,)}
    found |= _coding(at, channels, tensors)

    if which.hyper:
        at, scales = "gaussian_conditional.", len(tensors.get(SCALES, ()))
        found |= {
            f"{at}scale_bound": (1,),
            f"{at}lower_bound_scale.bound": (1,),
            SCALES: (scales,),
        }
        found |= _coding(at, scales, tensors)
    return found


@cache
def _network_shapes(which: Architecture, n: int, m: int) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    with torch.device("meta"):
        networks = parts(which, n, m)
    for part, network in networks.items():
        found |= {f"{part}.{key}": tuple(x.shape) for key, x in network.state_dict().items()}
    for key in [key for key in found if key.endswith((".beta", ".gamma"))]:
        found[f"{key}_reparam.pedestal"] = found[f"{key}_reparam.lower_bound.bound"] = (1,)
    if which.context:
        found[MASK] = found["context_prediction.weight"]
    return found


def _coding(at: str, rows: int, tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """What an entropy model has for coding; its tables, empty until it is updated, are here made anew in more digits."""
    cdf = tensors.get(f"{at}_quantized_cdf", torch.empty(0))
    row, wide = ((rows,), (rows, cdf.shape[-1])) if cdf.numel() else ((0,), (0,))
    return {
        f"{at}_offset": row,
        f"{at}_cdf_length": row,
        f"{at}_quantized_cdf": wide,
        f"{at}likelihood_lower_bound.bound": (1,),
    }


def _renamed(key: str) -> str:
    for old, new in _RENAMED:
        key = re.sub(old, new, key)
    return key


def _family(tensors: Mapping[str, Tensor], source: str) -> tuple[Architecture, int, int]:
    def length(key: str) -> int:
        return len(tensors[key]) if key in tensors and tensors[key].ndim else 0

    residual = "g_a.0.conv1.weight" in tensors
    n = length("g_a.0.conv1.weight" if residual else "g_a.0.weight")
    m = n if residual else length("g_a.6.weight")
    if not n or not m or _GAIN in tensors:
        what = "of variable rate" if _GAIN in tensors else "none of the zoo's"
        raise UnknownNetwork(source, what, "codec of ntc", READ)
    context = "context_prediction.weight" in tensors
    found = {
        "normalized": residual or "g_a.1.beta" in tensors,
        "hyper": any(key.startswith("h_s.") for key in tensors),
        "means": context or length("h_s.4.weight") == 2 * m,
        "context": context,
        "residual": residual,
        "attention": residual and any(".conv_a." in key for key in tensors),
    }
    for each in ARCHITECTURES.values():
        if all(getattr(each, key) == value for key, value in found.items()):
            return each, n, m
    kinds = ", ".join(key for key, value in found.items() if value)
    raise UnknownNetwork(source, f"none of the zoo's ({kinds})", "codec of ntc", READ)


def _check(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], source: str
) -> None:
    for verb, keys in (
        ("lacks", set(wanted) - set(tensors)),
        ("has no use for", set(tensors) - set(wanted)),
    ):
        if keys:
            more = f" and {len(keys) - 3} more" * (len(keys) > 3)
            raise ModelDamaged(source, f"it {verb} {', '.join(sorted(keys)[:3])}{more}")
    for key, shape in wanted.items():
        value = tensors[key]
        if value.shape != shape:
            raise ModelDamaged(
                source, f"{key} has shape {list(value.shape)} instead of {list(shape)}"
            )
        if not torch.isfinite(value).all():
            raise ModelDamaged(source, f"{key} holds a value that is not a finite number")
