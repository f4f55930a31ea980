"""The codecs as the pipeline makes them, and a picture to code."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from gcodec.interfaces import Setup
from gcodec.run import Run
from gcodec_classic import embedding
from gcodec_classic.plugin import gcodec_embeddings

SPECS = {spec.name: spec for spec in gcodec_embeddings()}
NAMES = tuple(SPECS)


def make(name: str, **options: Any) -> embedding.Classic:
    spec = SPECS[name]
    if name == "jxl":
        pytest.importorskip("pillow_jxl")
    defaults = {option.name: option.default for option in spec.options}
    module, _, cls = spec.implementation.partition(":")
    return getattr(import_module(module), cls)(Setup(Run(), defaults | options))


def picture(height: int, width: int, gray: bool = False) -> np.ndarray:
    """A scene with edges, gradients and texture, the same on every machine."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [
        0.5 + 0.25 * np.sin(x / (7 + 3 * c)) + 0.2 * np.cos((x + 2 * y) / (13 + c))
        + 0.1 * ((x // 16 + y // 16 + c) % 2) + 0.03 * (np.sin(x * y * 0.7 + c))
        for c in range(3)
    ]  # fmt: skip
    planes = [planes[0]] * 3 if gray else planes
    return (np.clip(planes, 0, 1) * 255).round().astype(np.float32) / np.float32(255)
