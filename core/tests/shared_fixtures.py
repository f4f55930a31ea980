"""Fixtures of the core's tests and of those of the distributions that add commands to it."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import support

if TYPE_CHECKING:
    from gcodec.pictures import Picture
    from gcodec.registry import Registry

__all__ = ["beside", "gcodec", "installed", "photo", "pictures", "site", "smugglers"]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the plugin under test is installed."""
    folder = tmp_path_factory.mktemp("site")
    support.install_test_plugin(folder)
    return folder


@pytest.fixture(scope="session")
def smugglers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the embeddings of `smuggling_plugin` are installed."""
    folder = tmp_path_factory.mktemp("smugglers")
    support.install(folder, "gcodec-smuggling", {}, points={"smuggling": "smuggling_plugin"})
    return folder


@pytest.fixture(scope="session")
def beside() -> tuple[str, ...]:
    """Installed distributions that are there besides the core."""
    return ()


@pytest.fixture
def installed(
    site: Path,
    beside: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Registry]:
    """This process with the core and the plugin under test installed, and nothing else, not even models in the cache."""
    module = import_module("gcodec.registry")
    own = [
        point
        for name in ("gcodec", *beside)
        for point in distribution(name).entry_points
        if point.group == "gcodec"
    ]
    points = [*own, *support.entry_points_below(site)]
    monkeypatch.setattr("gcodec._discovery.entry_points", lambda group: points)
    monkeypatch.delenv("GCODEC_MODELS", raising=False)
    monkeypatch.setenv("GCODEC_CACHE", str(tmp_path_factory.mktemp("cache")))
    module.registry.cache_clear()
    found = module.registry()
    assert not {p.name: p.error for p in found.plugins if p.error}
    yield found
    module.registry.cache_clear()


@pytest.fixture(scope="session")
def photo() -> Picture:
    """A small photograph with odd sides."""
    from gcodec.testing import pictures

    return pictures.as_picture(pictures.photograph(45, 61))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, photo: Picture) -> Path:
    """A folder with input files, to be left as they are: photo.png, not-a-picture.png."""
    from gcodec.pictures import save_image

    folder = tmp_path_factory.mktemp("pictures")
    save_image(photo, folder / "photo.png")
    (folder / "not-a-picture.png").write_bytes(b"This is not a picture.\n" * 10)
    return folder


@pytest.fixture
def gcodec(
    installed: Registry, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the command in this process, with the plugin under test installed; fast, where no status must be real."""
    from gcodec.cli import main

    def run(*words: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as caught:
            warnings.simplefilter("default")
            main([str(word) for word in words])
        out, err = capfdbinary.readouterr()
        assert isinstance(caught.value.code, int)
        return subprocess.CompletedProcess(words, caught.value.code, out, err)

    return run
