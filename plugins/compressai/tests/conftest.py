"""A cache of the tests' own, and a module with models that CompressAI does not know."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

collect_ignore = (
    ["test_without.py"]
    if find_spec("compressai")
    else [
        "test_check.py",
        "test_coding.py",
        "test_conformance.py",
        "test_finder.py",
        "test_hostile.py",
    ]
)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, of this process and of those it starts; torch's too."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GCODEC_CACHE", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(folder / "torch"))
    monkeypatch.delenv("GCODEC_MODELS", raising=False)
    return folder


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of an importable module with models of the user's own."""
    from compressai_models import OWN

    folder = tmp_path_factory.mktemp("own")
    (folder / "own_codec.py").write_text(OWN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", f"{folder}:" + ":".join(filter(None, sys.path)))
    return "own_codec"
