"""From a checkpoint to a model folder of `ntc`.

The folder gets `config.json`, a card, and `diffusion_pytorch_model.safetensors` with the transforms as they are (`g_a.*`,
`g_s.*`, `h_a.*`) and what decides bits as integers:

    integer.h_s0, .h_s1, ...     the layers of h_s (`gcodec_ntc.zoo.hyper`), as `gcodec.entropy.integers.Layer.of` wants them
    integer.context, .parameters0, ...   those of the context model, where there is one
    integer.median               int32 [C], what symbols under the factorized density are differences from, units of 2**-10
    integer.scales               int32 [S - 1], deviations up to which tables 0 to S - 2 serve, units of 2**-12
    integer.bound                int32 [1], the least deviation, in the same units
    tables.values, .length       frequency tables: S Gaussians, then the channels of z; without hyper-latents those of the
                                 channels of y, once for each of the bin widths
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from gcodec.entropy.integers import UNIT_BITS, pack_tables
from gcodec.entropy.mean_scale import layer_tensors
from gcodec.errors import ModelDamaged
from gcodec_ntc.zoo.architectures import CLASS
from gcodec_ntc.zoo.checkpoint import MASK, SCALES, Checkpoint
from gcodec_ntc.zoo.densities import factorized_tables, gaussian_table
from gcodec_ntc.zoo.hyper import TAPS, VALUE_BITS, Context, HyperSynthesis, layer_names
from gcodec_ntc.zoo.networks import parts
from gcodec_ntc.zoo.prior import STEPS, WIDTHS

__all__ = ["folder_tensors", "write_folder"]

_WEIGHTS = "diffusion_pytorch_model.safetensors"

#: Where a checkpoint brings no table of scales: CompressAI's (`compressai.models.base.get_scale_table`).
_SCALES_MIN, _SCALES_MAX, _SCALES_LEVELS = 0.11, 256.0, 64

_CARD = """# {name}

{family}, N = {n}, M = {m}: a checkpoint of CompressAI, converted for gcodec's embedding `ntc`. What decides bits was made
integer. The weights remain under the licence of whoever trained them; those that CompressAI publishes are under its
BSD-3-Clause-Clear.
"""


def write_folder(checkpoint: Checkpoint, folder: Path) -> None:
    """Write the model folder of a checkpoint; `folder` must not exist. Raises ModelDamaged."""
    from safetensors.numpy import save_file

    which = checkpoint.which
    tensors = folder_tensors(checkpoint)
    config = {
        "_class_name": CLASS,
        "architecture": which.name,
        "N": checkpoint.n,
        "M": checkpoint.m,
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    card = _CARD.format(name=checkpoint.name, family=which.name, n=checkpoint.n, m=checkpoint.m)
    (folder / "README.md").write_text(card)
    save_file(
        {k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())},
        folder / _WEIGHTS,
    )
    (folder / _WEIGHTS).chmod(0o644)


def folder_tensors(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    """All tensors of the folder. Raises ModelDamaged for weights that integers cannot stand for."""
    which, given = checkpoint.which, checkpoint.tensors
    made = _transforms(checkpoint)
    at = "entropy_bottleneck."
    density = {
        key.removeprefix(at): value.double().numpy()
        for key, value in given.items()
        if key.startswith(at)
    }
    # Medians are first what the decoder will have, so that tables are about the symbols that there will be.
    medians = np.rint(density["quantiles"][:, 0, 1] * (1 << UNIT_BITS))
    made["integer.median"] = medians.astype(np.int32)
    medians /= 1 << UNIT_BITS
    if not which.hyper:
        steps = STEPS[WIDTHS] / (1 << VALUE_BITS)
        return made | pack_tables(
            [t for s in steps for t in factorized_tables(density, medians, s)]
        )

    scales = _scales(checkpoint)
    # Each table serves up to half way to the next, in ratio. CompressAI takes the next above: up to 2 % more bits.
    between = np.sqrt(scales[:-1] * scales[1:])
    made["integer.scales"] = np.rint(between * (1 << VALUE_BITS)).astype(np.int32)
    bound = float(given["gaussian_conditional.lower_bound_scale.bound"])
    made["integer.bound"] = np.array([round(bound * (1 << VALUE_BITS))], np.int32)
    try:
        made |= _layers(checkpoint)
        HyperSynthesis(which, checkpoint.n, checkpoint.m, made)  # proves that its sums are exact
        if which.context:
            Context(checkpoint.m, made)
    except ValueError as error:
        raise ModelDamaged(checkpoint.name, f"h_s does not fit in integers: {error}") from error
    tables = [gaussian_table(float(scale)) for scale in scales]
    return made | pack_tables([*tables, *factorized_tables(density, medians, 1.0)])


def _transforms(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    """g_a, g_s and h_a, GDN's parameters as they are after reparametrisation (`compressai.ops.parametrizers`)."""
    given, made = checkpoint.tensors, {}
    for key, value in given.items():
        part, _, last = key.rpartition(".")
        if not key.startswith(("g_a.", "g_s.", "h_a.")) or "_reparam" in part:
            continue
        if last in ("beta", "gamma"):
            own = f"{part}.{last}_reparam."
            bounded = torch.maximum(value, given[f"{own}lower_bound.bound"])
            value = bounded * bounded - given[f"{own}pedestal"]
        made[key] = value.numpy()
    return made


def _scales(checkpoint: Checkpoint) -> NDArray[np.float64]:
    scales = checkpoint.tensors[SCALES].double().numpy()
    if not scales.size:
        low, high = math.log(_SCALES_MIN), math.log(_SCALES_MAX)
        return np.exp(np.linspace(low, high, _SCALES_LEVELS)).astype(np.float32).astype(np.float64)
    if (
        scales[0] < 2.0**-6
        or scales[-1] > 1024
        or (np.diff(scales) <= 0).any()
        or len(scales) > 255
    ):
        raise ModelDamaged(checkpoint.name, f"{SCALES} does not ascend within 1/64 and 1024")
    return scales


def _layers(checkpoint: Checkpoint) -> dict[str, NDArray[Any]]:
    """h_s and the context model as integer layers."""
    given = checkpoint.tensors
    made: dict[str, NDArray[Any]] = {}
    with torch.device("meta"):
        networks = parts(checkpoint.which, checkpoint.n, checkpoint.m)
    layers = [
        (f"{part}.{key}".rstrip("."), module)
        for part in ("h_s", "context_prediction", "entropy_parameters")
        for key, module in (networks[part].named_modules() if part in networks else ())
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    for name, (key, module) in zip(layer_names(checkpoint.which), layers, strict=True):
        weight, bias = given[f"{key}.weight"], given[f"{key}.bias"]
        if isinstance(module, nn.ConvTranspose2d):
            rows, bias = _phases(weight, bias)
        else:
            rows = weight.permute(2, 3, 1, 0)
        taps = rows.flatten(0, 1)
        if key == "context_prediction":
            _check_mask(given[MASK])
            taps = taps[:TAPS]
        made |= layer_tensors(name, taps.flatten(0, 1), bias[None])
    return made


def _check_mask(mask: Tensor) -> None:
    """Only what comes before in raster order may be seen."""
    taps = mask.flatten(2)
    if not taps[..., :TAPS].eq(1).all() or taps[..., TAPS:].any():
        raise ValueError(f"{MASK} is not that of the {TAPS} positions before")


def _phases(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A transposed convolution, kernel [inputs, outputs, 5, 5], stride 2, as a convolution to the 4 phases of its output.

    Output row 2 r + i takes kernel row i + 4 - 2 d from input row r + d - 1, d = 0, 1, 2; columns likewise. Returns the
    kernel [3, 3, inputs, 4 outputs], where 4 c + 2 i + j is channel c of phase (i, j), and the bias.
    """
    padded = F.pad(weight, (0, 1, 0, 1))  # row and column 5 of the kernel, which there is not
    row = torch.tensor([[i + 4 - 2 * d for d in range(3)] for i in range(2)])
    taken = padded[:, :, row[:, None, :, None], row[None, :, None, :]]  # inputs outputs i j dy dx
    return taken.permute(4, 5, 0, 1, 2, 3).flatten(3), bias.repeat_interleave(4)
