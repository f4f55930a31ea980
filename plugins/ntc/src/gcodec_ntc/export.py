"""From a trained network to a model folder.

The folder gets `config.json` and `diffusion_pytorch_model.safetensors`: transforms and hyper encoder as floats
(`analysis.*`, `synthesis.*`, `encoder.*`, `gain`), the integer entropy model (`integer.*`, see
`gcodec.entropy.integer_model`) and its frequency tables (`tables.values`, `tables.length`). The tables start as logistic
distributions and are then fitted to the symbols that the codec itself produces on training crops.
"""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import fit_frequencies, integers
from gcodec.entropy.integer_model import Visit
from gcodec.entropy.integers import Ints
from gcodec.entropy.model import encoder_tensors, integer_tensors
from gcodec_ntc.codec import Codec
from gcodec_ntc.model import Model
from gcodec_ntc.networks import transforms
from gcodec_train import write_model


def float_tensors(model: Model) -> dict[str, NDArray[Any]]:
    """Transforms and hyper encoder: kernels in half precision, everything else in single."""
    made = {"gain": model.gain.detach().numpy(), **encoder_tensors(model.entropy)}
    for name, value in model.state_dict().items():
        if name != "gain" and not name.startswith("entropy."):
            made[name] = (value.half() if value.ndim == 4 else value).numpy()
    return made


def export(network: Model, trade: float, crops: NDArray[np.float32], folder: Path) -> None:
    """Write the model folder of `network`, its tables fitted on `crops` [N, 3, H, W] in [0, 1].

    trade  of squared error against bits in the encoder's rounding, see `gcodec_ntc.codec`.
    """
    model = copy.deepcopy(network).cpu()
    tensors = {**float_tensors(model), **integer_tensors(model.entropy)}
    config: dict[str, Any] = {
        "_class_name": "NtcModel",
        **asdict(model.sizes),
        "trade": trade,
    }
    start = [
        fit_frequencies(integers.logistic_masses(integers.scale_of(i)))
        for i in range(integers.SCALES)
    ]
    tensors |= integers.pack_tables(start + start)
    for _ in range(2):  # the tables decide the rounding, which decides the symbols
        counts = count_symbols(Codec(config, tensors, transforms(config, tensors)), crops)
        tensors |= integers.pack_tables(
            [integers.fitted_table(row, i % integers.SCALES) for i, row in enumerate(counts)]
        )
    write_model(folder, config, tensors)


def count_symbols(codec: Codec, crops: NDArray[np.float32]) -> NDArray[np.int64]:
    """How often each |symbol| (capped at integers.REACH + 1) occurs under each table, at qualities all over the range."""
    counts = np.zeros((2 * integers.SCALES, integers.REACH + 2), np.int64)

    def record(visit: Visit, symbols: Ints) -> None:
        size = np.minimum(np.abs(symbols), integers.REACH + 1).ravel()
        np.add.at(counts, (visit.index.ravel(), size), 1)

    levels = integers.spread(len(crops), integers.LEVELS)
    for crop, level in zip(crops, levels, strict=True):
        codec.quantize(codec.analyse(crop), level, record)
    return counts
