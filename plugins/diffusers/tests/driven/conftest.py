"""Tiny random folders of all families, each made once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gcodec.models import ModelStore, _torchvision_cpu
from gcodec.models.networks import open_denoiser
from gcodec.run import Run
from gcodec_diffusers import tiny_families
from gcodec_diffusers.driven import DrivenDenoiser

_torchvision_cpu.install()  # before whichever test imports diffusers first


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """folder(name): a pipeline of one of `tiny_families.TINY`, to be read only."""
    root = tmp_path_factory.mktemp("families")

    def make(name: str) -> Path:
        path = root / name
        return path if path.exists() else tiny_families.make_family(name, path)

    return make


@pytest.fixture(scope="session")
def opened() -> Callable[..., DrivenDenoiser]:
    """opened(path, **how): the denoiser of a folder, in a run of these settings."""

    def make(path: Path, **how: str) -> DrivenDenoiser:
        made = open_denoiser(ModelStore().find(str(path)), Run(**how))
        assert isinstance(made, DrivenDenoiser)
        return made

    return make
