"""Tiny random pipelines, each made once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gcodec.interfaces import Size
from gcodec.models import ModelStore
from gcodec.models.networks import open_denoiser
from gcodec.run import Run
from gcodec.signals import Tokens
from gcodec_diffusers import tiny
from gcodec_diffusers.known import KnownDenoiser


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """folder(kind): a pipeline of one of `tiny.KINDS`, to be read only."""
    root = tmp_path_factory.mktemp("pipelines")

    def make(kind: str) -> Path:
        return root / kind if (root / kind).exists() else tiny.make(kind, root / kind)

    return make


@pytest.fixture(scope="session")
def opened() -> Callable[..., KnownDenoiser]:
    """opened(path, **how): the denoiser of a folder, in a run of these settings."""

    def make(path: Path, **how: Any) -> KnownDenoiser:
        made = open_denoiser(ModelStore().find(str(path)), Run(**how))
        assert isinstance(made, KnownDenoiser)
        return made

    return make


@pytest.fixture(scope="session")
def least() -> Callable[[KnownDenoiser, Size], dict[str, Tokens]]:
    """least(denoiser, size): the signals without which the network is never used, by type."""

    def make(denoiser: KnownDenoiser, size: Size) -> dict[str, Tokens]:
        if (book := denoiser.parts.codebook) is None:
            return {}
        side = denoiser.parts.encoder.factor * book.stride
        h, w = (-(-length // side) for length in size)
        indices = np.arange(h * w, dtype=np.int32).reshape(h, w) % book.entries
        return {f"tokens/{book.name}": Tokens(indices, book.name)}

    return make
