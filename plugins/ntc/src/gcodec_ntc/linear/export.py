"""From fitted scales to a model folder of class NtcRange.

The folder gets `config.json`, with the digest of the networks for the lower range, and the safetensors file, with
`linear.*` (see `contexts` and `transform`) and the frequency tables. These start as logistic distributions and are then
fitted to the symbols that the codec itself produces on training crops.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from gcodec.entropy import fit_frequencies
from gcodec.entropy.integers import REACH, Ints, logistic_masses, pack_tables, smoothed, spread
from gcodec.models import ModelStore
from gcodec_ntc.linear.codec import LinearCodec
from gcodec_ntc.linear.contexts import SCALE_BITS, STEPS, TABLES, Visit
from gcodec_ntc.transform import border_filter, dct_matrix, opponent_matrix
from gcodec_train import write_model

if TYPE_CHECKING:
    from gcodec_ntc.linear.training import Scales

__all__ = ["CLASS", "export", "matrices"]

CLASS = "NtcRange"
_PER_OCTAVE = 5
_LOWEST = -4.0  # log2 scale of table 0
_UNIT = float(1 << SCALE_BITS)


@cache
def matrices() -> dict[str, NDArray[np.float32]]:
    """Those of `transform.Lapped`: what the transform of the networks starts as."""
    pre, norms = border_filter()
    made = {
        "pre": pre,
        "post": torch.linalg.inv(pre.double()),
        "dct": dct_matrix(),
        "norm": norms,
        "colour": opponent_matrix(),
    }
    return {f"linear.{name}": value.float().numpy() for name, value in made.items()}


def export(
    scales: Scales, networks: str, trade: float, crops: NDArray[np.uint8], folder: Path
) -> None:
    """Write the model folder, its tables fitted on `crops` [N, H, W, 3]."""
    middle = [2.0 ** (i / _PER_OCTAVE + _LOWEST) for i in range(TABLES)]
    edges = [math.ceil(_UNIT * scale * 2 ** (-0.5 / _PER_OCTAVE)) for scale in middle[1:]]
    tensors: dict[str, NDArray[Any]] = {
        **matrices(),
        "linear.base": _integers(scales.base, np.int32),
        "linear.weight": _integers(scales.weight, np.int16),
        "linear.thresholds": np.array(edges, np.int32),
        **pack_tables([fit_frequencies(logistic_masses(scale)) for scale in middle]),
    }
    for _ in range(2):  # the tables decide the rounding, which decides the symbols
        counts = _counted(LinearCodec(tensors, trade), crops)
        rows = [smoothed(row, scale) for row, scale in zip(counts, middle, strict=True)]
        tensors |= pack_tables(rows)
    digest = ModelStore.installed().find(networks).digest
    write_model(folder, {"_class_name": CLASS, "networks": digest, "trade": trade}, tensors)


def _integers(logarithms: torch.Tensor, dtype: Any) -> NDArray[Any]:
    whole = np.rint(logarithms.detach().cpu().double().exp().numpy() * _UNIT)
    made: NDArray[Any] = np.minimum(whole, np.iinfo(dtype).max).astype(dtype)
    return made


def _counted(codec: LinearCodec, crops: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each |symbol| (capped at REACH + 1) occurs under each table, at steps all over the range."""
    counts = np.zeros((TABLES, REACH + 2), np.int64)

    def record(visit: Visit, symbols: Ints) -> None:
        size = np.minimum(np.abs(symbols), REACH + 1).ravel()
        np.add.at(counts, (visit.index.ravel(), size), 1)

    for crop, step in zip(crops, spread(len(crops), STEPS), strict=True):
        samples = crop.transpose(2, 0, 1) / np.float32(255)
        codec.quantize(codec.analyse(samples), step, record)
    return counts
