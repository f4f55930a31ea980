"""From a trained model to a model folder.

The folder gets `config.json` and `diffusion_pytorch_model.safetensors`: the hyper encoder as floats (`encoder.*`), the
integer entropy model (`integer.*`) and its frequency tables (`tables.*`). The tables start as logistic distributions and
are then fitted to the symbols that both codecs produce on training crops.
"""

from __future__ import annotations

import copy
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gcodec.entropy import fit_frequencies, integers
from gcodec.entropy.integers import MEAN_BITS, REACH
from gcodec.entropy.model import encoder_tensors, integer_tensors
from gcodec.models.networks import open_space
from gcodec.run import Run
from gcodec_ldm.scalar.codec import Codec
from gcodec_ldm.scalar.place import CLASS, Latents
from gcodec_ldm.scalar.scale import CODES
from gcodec_ldm.scalar.tables import TABLES, offset_of
from gcodec_train import write_model

if TYPE_CHECKING:
    from gcodec.models import Model
    from gcodec_ldm.scalar.model import LatentEntropy

__all__ = ["export", "shifted_masses"]

_PRIOR = 300.0  # symbols of logistic prior knowledge per table
_ROWS = 2 * REACH + 2


def shifted_masses(scale: float, offset: float) -> NDArray[np.float64]:
    """Masses of 0, 1, -1, ..., r, -r and of all beyond under a logistic of that scale around `offset`, in steps."""
    reach = min(REACH, math.ceil(14 * scale) + 2)
    edges = np.arange(-reach, reach + 2) - 0.5
    below = (1 + np.tanh((edges - offset) / (2 * scale))) / 2
    mass = np.diff(below)
    order = np.concatenate(
        [[0], np.stack([np.arange(1, reach + 1), -np.arange(1, reach + 1)], 1).ravel()]
    )
    return np.append(mass[order + reach], max(1 - mass.sum(), 0.0))


def _tables(counts: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    return integers.pack_tables([_table(index, row) for index, row in enumerate(counts)])


def _table(index: int, counts: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Frequencies of a table from the counts [_ROWS] of its positions, the last of all beyond."""
    scale, offset = offset_of(index)
    if offset is None:
        by_size = np.concatenate([counts[:1], counts[1:-1].reshape(-1, 2).sum(1), counts[-1:]])
        return integers.fitted_table(by_size, scale)
    prior = shifted_masses(integers.scale_of(scale), offset / (1 << MEAN_BITS))
    inside = len(prior) - 1
    seen = np.append(counts[:inside], counts[inside:].sum())
    return fit_frequencies(seen + _PRIOR * (prior + 1e-9))


def export(
    network: LatentEntropy, autoencoder: Model, latents: NDArray[np.float32], folder: Path
) -> None:
    """Write the model folder of `network`, its tables fitted on `latents` [N, C, h, w] of `autoencoder`."""
    space = open_space(autoencoder, Run())
    model = copy.deepcopy(network).cpu()
    tensors = encoder_tensors(model) | integer_tensors(model)
    config: dict[str, Any] = {
        "_class_name": CLASS,
        "latents": asdict(Latents(space.name, space.factor, autoencoder.name, autoencoder.digest)),
        "entropy": asdict(model.config),
    }
    counts = np.zeros((TABLES, _ROWS), np.int64)
    tensors |= _tables(counts)
    for anchored in (False, True):
        # Which table a symbol is under does not depend on what the tables hold.
        _count(Codec(config, tensors, anchored, "export"), latents, counts)
    tensors |= _tables(counts)
    write_model(folder, config, tensors)


def _count(codec: Codec, latents: NDArray[np.float32], counts: NDArray[np.int64]) -> None:
    """Add how often each position occurs under each table, at widths all over the range."""

    def record(symbols: NDArray[np.int32], table: NDArray[Any]) -> None:
        position = np.where(symbols > 0, 2 * symbols - 1, -2 * symbols)
        np.add.at(counts, (table.ravel(), np.minimum(position, _ROWS - 1).ravel()), 1)

    for latent, code in zip(latents, integers.spread(len(latents), CODES), strict=True):
        codec.quantize(latent, code, record)
