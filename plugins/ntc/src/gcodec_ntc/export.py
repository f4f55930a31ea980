"""From a trained network to a model folder.

The folder gets `config.json` and `diffusion_pytorch_model.safetensors`: transforms and hyper encoder as floats
(`analysis.*`, `synthesis.*`, `encoder.*`, `gain`), the integer entropy model (`integer.*`, see `gcodec_ntc.integer`) and
its frequency tables (`tables.values`, `tables.length`). The tables start as logistic distributions and are then fitted
to the symbols that the codec itself produces on training crops.
"""

from __future__ import annotations

import copy
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gcodec.entropy import fit_frequencies
from gcodec_ntc import integer
from gcodec_ntc.codec import Codec
from gcodec_ntc.entropy_model import EntropyModel, Head
from gcodec_ntc.model import Model

WEIGHTS = "diffusion_pytorch_model.safetensors"
MAGNITUDES = 1 << 14  # log2(1 + |y|) is tabulated up to 1024 steps
REACH = 300  # largest |symbol| with a row of its own in any table
PRIOR = 300.0  # symbols of logistic prior knowledge per table


def quantize(weight: Tensor, bias: Tensor) -> dict[str, NDArray[Any]]:
    """Weight [inputs, outputs] and bias [knots, outputs] as an integer layer's tensors."""
    largest = max(float(weight.abs().max()), 1e-6)
    shift = min(15, math.floor(math.log2(32767 / largest)))
    unit = float(1 << (integer.UNIT_BITS + shift))
    return {
        "weight": torch.round(weight.double() * (1 << shift)).to(torch.int16).numpy(),
        "bias": torch.round(bias.double() * unit).to(torch.int32).numpy(),
        "shift": np.array([shift], np.int32),
    }


def rows(conv: nn.Conv2d) -> Tensor:
    """Kernel of a convolution as a matrix [kernel * kernel * inputs, outputs]."""
    return conv.weight.detach().permute(2, 3, 1, 0).flatten(0, 2)


def integer_tensors(model: EntropyModel) -> dict[str, NDArray[Any]]:
    """All `integer.*` tensors."""
    layers: dict[str, tuple[Tensor, Tensor]] = {}

    def conv(name: str, module: nn.Conv2d, by_quality: Tensor | None = None) -> None:
        bias = torch.zeros(1, module.out_channels) if module.bias is None else module.bias[None]
        layers[name] = rows(module), bias if by_quality is None else bias + by_quality

    conv("decode1", model.decode1, model.decode_q)
    conv("decode2", model.decode2)
    conv("reduce1", model.reduce1)
    conv("reduce2", model.reduce2)
    for i, head in enumerate(model.heads):
        assert isinstance(head, Head)
        kernels = [rows(c) for c in head.inputs.children() if isinstance(c, nn.Conv2d)]
        layers[f"head{i}.first"] = torch.cat(kernels), head.bias_q
        conv(f"head{i}.hidden", head.hidden)
        conv(f"head{i}.out", head.out, head.out_q)
    made = {
        f"integer.{name}.{part}": value
        for name, (weight, bias) in layers.items()
        for part, value in quantize(weight, bias.detach()).items()
    }
    mean, log_scale = model.prior_knots().detach().double().chunk(2, 1)
    index = ((log_scale - integer.LOWEST) * integer.PER_OCTAVE).clamp(0, integer.SCALES - 1)
    prior = torch.cat([mean * (1 << integer.MEAN_BITS), index], 1)
    made["integer.prior"] = prior.round().to(torch.int32).numpy()
    magnitude = np.log2(1 + np.arange(MAGNITUDES) / (1 << integer.MEAN_BITS))
    made["integer.magnitude"] = np.round(magnitude * (1 << integer.MEAN_BITS)).astype(np.int16)
    return made


def logistic_rows(scale: float) -> NDArray[np.float64]:
    """Masses of 0, 1, -1, ..., r, -r and of all beyond under a logistic of that scale."""
    reach = min(REACH, math.ceil(14 * scale) + 2)
    edges = (np.arange(reach + 1) - 0.5) / scale
    above = 1 / (1 + np.exp(np.minimum(edges, 700)))  # mass above k - 1/2
    beyond = 2 / (1 + np.exp(min((reach + 0.5) / scale, 700)))
    upper = np.append(above[1:], beyond / 2)
    mass = above - upper
    zero = 1 - 2 * above[1]
    return np.concatenate([[zero], np.repeat(mass[1:], 2), [beyond]])


def scale_of(index: int) -> float:
    """Logistic scale, in steps, that table `index` is made for."""
    return float(2.0 ** (index / integer.PER_OCTAVE + integer.LOWEST))


def fitted(counts: NDArray[np.int64], index: int) -> NDArray[np.uint32]:
    """Frequencies from symbol counts [REACH + 1] by magnitude and from the logistic prior."""
    prior = logistic_rows(scale_of(index))
    reach = (len(prior) - 2) // 2
    both = counts[1 : reach + 1] / 2  # symmetric
    beyond = counts[reach + 1 :].sum()
    seen = np.concatenate([[counts[0]], np.repeat(both, 2), [beyond]])
    return fit_frequencies(seen + PRIOR * (prior + 1e-9))


def packed(tables: list[NDArray[np.uint32]]) -> dict[str, NDArray[Any]]:
    """Tables of different lengths as two tensors."""
    return {
        "tables.values": np.concatenate(tables).astype(np.int32),
        "tables.length": np.array([len(table) for table in tables], np.int32),
    }


def float_tensors(model: Model) -> dict[str, NDArray[Any]]:
    """Transforms and hyper encoder: kernels in half precision, everything else in single."""
    made = {"gain": model.gain.detach().numpy()}
    encoder = ("encode1.", "encode2.", "encode3.", "encode_q")
    for name, value in model.state_dict().items():
        if name.startswith("entropy."):
            short = name.removeprefix("entropy.")
            if not short.startswith(encoder):
                continue
            name = f"encoder.{short}"
        elif name == "gain":
            continue
        half = value.ndim == 4
        made[name] = (value.half() if half else value).numpy()
    return made


def export(network: Model, trade: float, crops: NDArray[np.float32], folder: Path) -> None:
    """Write the model folder of `network`, its tables fitted on `crops` [N, 3, H, W] in [0, 1].

    trade  of squared error against bits in the encoder's rounding, see `gcodec_ntc.codec`.
    """
    from safetensors.numpy import save_file

    model = copy.deepcopy(network).cpu()
    tensors = {**float_tensors(model), **integer_tensors(model.entropy)}
    config: dict[str, Any] = {
        "_class_name": "NtcModel",
        **asdict(model.sizes),
        "trade": trade,
    }
    start = [fit_frequencies(logistic_rows(scale_of(i))) for i in range(integer.SCALES)]
    tensors |= packed(start + start)
    for _ in range(2):  # the tables decide the rounding, which decides the symbols
        counts = count_symbols(Codec(config, tensors), crops)
        tensors |= packed([fitted(row, i % integer.SCALES) for i, row in enumerate(counts)])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file({k: np.ascontiguousarray(v) for k, v in sorted(tensors.items())}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)


def count_symbols(codec: Codec, crops: NDArray[np.float32]) -> NDArray[np.int64]:
    """How often each |symbol| (capped at REACH + 1) occurs under each table, at qualities all over the range."""
    counts = np.zeros((2 * integer.SCALES, REACH + 2), np.int64)

    def record(visit: integer.Visit, symbols: integer.Ints) -> None:
        size = np.minimum(np.abs(symbols), REACH + 1).ravel()
        np.add.at(counts, (visit.index.ravel(), size), 1)

    # Multiples of the golden ratio cover the levels evenly, however many crops there are.
    golden = (math.sqrt(5) - 1) / 2
    for i, crop in enumerate(crops):
        codec.quantize(codec.analyse(crop), int(i * golden % 1 * integer.LEVELS), record)
    return counts
